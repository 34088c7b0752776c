import { closeSync, openSync, readSync } from 'node:fs'
import { extname } from 'node:path'
import type { Callback, Provider } from '../providers/provider.ts'
import { UsageError } from '../usage-error.ts'

/** A callback read from a file. */
export interface CallbackFile {
  /** The file name as given. */
  readonly file: string
  readonly callback: Callback
}

export interface CallbackFileOptions {
  readonly provider: Provider
  /** Content type of the request; by default from the file extension, else JSON. */
  readonly contentType?: string
  /** First part of every payment key; by default the provider, as for a source without a namespace. */
  readonly namespace?: string
  /** ISO 4217, for providers that send amounts without one. */
  readonly currency?: string
}

/** Unreadable files; the message names all of them. */
export class CallbackFilesError extends UsageError {
  readonly code = 'CALLBACK_FILES'

  constructor(problems: readonly string[]) {
    super(`cannot read ${problems.join('; ')}`)
  }
}

/** Above any `gateway.bodyBytesMax`: a larger file is not a callback. */
export const CALLBACK_FILE_BYTES_MAX = 16 * 2 ** 20

/** Stands for the configured source. */
export const OFFLINE_SOURCE = 'offline'

const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['.json', 'application/json'],
  ['.form', 'application/x-www-form-urlencoded'],
  ['.xml', 'application/xml'],
])

/** Reads every file first, so that a wrong name causes an error and no partial output. */
export function readCallbackFiles(files: readonly string[], options: CallbackFileOptions): readonly CallbackFile[] {
  const problems: string[] = []
  const callbackFiles: CallbackFile[] = []
  for (const [position, file] of files.entries()) {
    try {
      callbackFiles.push(toCallbackFile(file, position, readBounded(file), options))
    } catch (error) {
      problems.push(`${file}: ${reasonOf(error)}`)
    }
  }
  if (problems.length > 0) {
    throw new CallbackFilesError(problems)
  }
  return callbackFiles
}

/**
 * Makes a callback of the bytes of a file. What the gateway would add is derived from the position among the files, so that
 * the same command always prints the same output.
 */
export function toCallbackFile(
  file: string,
  position: number,
  body: Buffer,
  { provider, contentType, namespace, currency }: CallbackFileOptions,
): CallbackFile {
  return {
    file,
    callback: {
      callbackId: callbackIdAt(position),
      source: OFFLINE_SOURCE,
      namespace: namespace ?? provider.id,
      currency: currency ?? null,
      receivedAt: position,
      contentType: contentType ?? CONTENT_TYPES.get(extname(file).toLowerCase()) ?? 'application/json',
      authenticity: [],
      body,
    },
  }
}

/** Reads in pieces, because other than regular files have no size and can be endless. */
function readBounded(file: string): Buffer {
  const descriptor = openSync(file, 'r')
  try {
    const pieces: Buffer[] = []
    for (let bytes = 0; bytes <= CALLBACK_FILE_BYTES_MAX; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const read = readSync(descriptor, piece)
      if (read === 0) {
        return Buffer.concat(pieces)
      }
      pieces.push(piece.subarray(0, read))
      bytes += read
    }
    throw new RangeError(`it is larger than ${CALLBACK_FILE_BYTES_MAX} bytes and cannot be a callback`)
  } finally {
    closeSync(descriptor)
  }
}

const PIECE_BYTES = 65_536

/** Looks like a receipt id of the gateway from the first millisecond of the epoch. */
function callbackIdAt(position: number): string {
  return `00000000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file'
    case 'EISDIR':
      return 'it is a directory'
    case 'EACCES':
      return 'permission denied'
    default:
      return (error as Error).message
  }
}
