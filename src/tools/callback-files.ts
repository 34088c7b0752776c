import { closeSync, openSync, readSync } from 'node:fs'
import { extname } from 'node:path'
import type { Callback, Provider } from '../providers/provider.ts'

/** A callback that lies in a file. */
export interface CallbackFile {
  /** Its name as it was given. */
  readonly file: string
  readonly callback: Callback
}

export interface CallbackFileOptions {
  readonly provider: Provider
  /** As the provider would send it; by default what the file's extension says, else JSON. */
  readonly contentType?: string
  /** First part of every payment key; by default the provider, as for a source that does not say. */
  readonly namespace?: string
  /** ISO 4217, for providers that send amounts without one. */
  readonly currency?: string
}

/** Some files cannot be read: all of them are named at once. */
export class CallbackFilesError extends Error {
  readonly code = 'CALLBACK_FILES'

  constructor(problems: readonly string[]) {
    super(`cannot read ${problems.join('; ')}`)
  }
}

/** More than the gateway ever takes (`gateway.bodyBytesMax`): a larger file is something else than a callback. */
export const CALLBACK_FILE_BYTES_MAX = 16 * 2 ** 20

/** Takes the place of the configured source, of which there is none here. */
export const OFFLINE_SOURCE = 'offline'

const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['.json', 'application/json'],
  ['.form', 'application/x-www-form-urlencoded'],
  ['.xml', 'application/xml'],
])

/** Reads every file before anything is done with one, so that a wrong name gives a message and no half a result. */
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
 * The bytes of a file as the callback they would have been. What the gateway would add comes from the position among
 * the files, so that the same command always prints the same.
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
      body,
    },
  }
}

/** In pieces, because what is not a regular file has no size, and may have no end. */
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
    throw new RangeError(`it is larger than ${CALLBACK_FILE_BYTES_MAX} bytes, which no callback is`)
  } finally {
    closeSync(descriptor)
  }
}

const PIECE_BYTES = 65_536

/** Formed like the receipt ids of the gateway, of the first millisecond there was. */
function callbackIdAt(position: number): string {
  return `00000000-0000-7000-8000-${position.toString(16).padStart(12, '0')}`
}

function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EISDIR':
      return 'it is a directory'
    case 'EACCES':
      return 'not allowed'
    default:
      return (error as Error).message
  }
}
