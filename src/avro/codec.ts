import type { Resolver, Type } from 'avsc'
import { LongTooLargeError, readerType, writerType } from './avro-type.ts'
import { AvroDecodeError, type AvroDecodeReason, AvroEncodeError, UnknownSchemaIdError } from './errors.ts'
import type { FoundSchema } from './schema-registry.ts'

/**
 * Values of one schema to bytes and back, in the framing that registries agree on: byte 0, the writer's schema id in 4
 * bytes, the Avro body.
 *
 * Both directions are synchronous, so that a batch is worked through without a promise per record. Only a schema id
 * that was never seen needs the registry; the caller's pattern is
 *
 *     try {
 *       return codec.decode(bytes)
 *     } catch (error) {
 *       if (!(error instanceof UnknownSchemaIdError)) throw error
 *       await codec.prepare(error.schemaId)
 *       return codec.decode(bytes)
 *     }
 *
 * Values with our own schema id need no look-up at all: a registry that is down later has no effect on them.
 */
export interface AvroCodec<T> {
  /** Id of our schema in the registry; every encoded value carries it. */
  readonly schemaId: number
  /** Throws AvroEncodeError for a value that does not fit the schema. The buffer belongs to the caller. */
  encode(value: T): Buffer
  /**
   * Throws UnknownSchemaIdError for an id that is not prepared, AvroDecodeError for a value that cannot be read.
   * Nothing of the result refers to `bytes`.
   */
  decode(bytes: Buffer): T
  /**
   * Learns what the registry knows of a schema id: afterwards `decode` does not throw UnknownSchemaIdError for it, also
   * if the registry has no such schema (that is remembered for a while) or it cannot be read as ours (for ever).
   * Rejects with what the registry look-up rejects with, for example RegistryUnreachableError; then nothing is learnt.
   */
  prepare(bytesOrSchemaId: Buffer | number): Promise<void>
}

export interface AvroCodecOptions<T, A> {
  /** Used in error messages, for example `PaymentEvent`. */
  readonly name: string
  /** Our schema as JSON text. */
  readonly schema: string
  readonly schemaId: number
  readonly fetchSchema: (schemaId: number) => Promise<FoundSchema>
  /** The clock, ms since the epoch; only for the time that an unknown id is remembered. */
  readonly now: () => number
  /** To and from the shape of the schema. Identity where the value has it already. */
  readonly toAvro: (value: T) => A
  readonly fromAvro: (avro: A) => T
  /** Default {@link UNKNOWN_ID_REMEMBERED_MS}. */
  readonly unknownIdRememberedMs?: number
}

/** How long an id that the registry does not know is not asked for again. */
export const UNKNOWN_ID_REMEMBERED_MS = 30_000

const HEADER_BYTES = 5
const MAGIC = 0
const BUFFER_BYTES_START = 16 * 1024
/** Far above the largest record a topic accepts (2 MiB): whatever needs more is a bug. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024
/** A buffer that one large value blew up is given back. */
const BUFFER_BYTES_KEPT = 1024 * 1024
/** Garbage can hold any id; only so many are remembered as unknown (invariant I10). */
const UNKNOWN_IDS_MAX = 1_000

/** How values with a certain schema id are read. */
type Reading =
  | { readonly how: 'as-is' }
  | { readonly how: 'resolved'; readonly resolver: Resolver }
  | { readonly how: 'refused' }

export function createCodec<T, A>(options: AvroCodecOptions<T, A>): AvroCodec<T> {
  const { name, schemaId, fetchSchema, now, toAvro, fromAvro } = options
  const unknownIdRememberedMs = options.unknownIdRememberedMs ?? UNKNOWN_ID_REMEMBERED_MS
  const type = readerType(options.schema)
  const readings = new Map<number, Reading>([[schemaId, { how: 'as-is' }]])
  const unknownUntil = new Map<number, number>()
  const fetching = new Map<number, Promise<void>>()
  let scratch = newScratch(BUFFER_BYTES_START)

  function newScratch(bytes: number): Buffer {
    const buffer = Buffer.allocUnsafeSlow(bytes)
    buffer[0] = MAGIC
    buffer.writeUInt32BE(schemaId, 1)
    return buffer
  }

  function encode(value: T): Buffer {
    const avro = toAvro(value)
    let end: number
    try {
      end = type.encode(avro, scratch, HEADER_BYTES)
      if (end < 0) {
        // A negative end says how many bytes were missing.
        scratch = newScratch(grownSize(name, scratch.length - end))
        end = type.encode(avro, scratch, HEADER_BYTES)
      }
    } catch (error) {
      throw error instanceof AvroEncodeError ? error : new AvroEncodeError(name, misfitsOf(type, avro))
    }
    const bytes = Buffer.allocUnsafe(end)
    scratch.copy(bytes, 0, 0, end)
    if (scratch.length > BUFFER_BYTES_KEPT) {
      scratch = newScratch(BUFFER_BYTES_START)
    }
    return bytes
  }

  function decode(bytes: Buffer): T {
    const id = schemaIdOf(name, bytes)
    const reading = readings.get(id)
    if (reading === undefined) {
      const until = unknownUntil.get(id)
      if (until !== undefined && now() < until) {
        throw new AvroDecodeError(name, 'schema-id-unknown', id)
      }
      throw new UnknownSchemaIdError(name, id)
    }
    if (reading.how === 'refused') {
      throw new AvroDecodeError(name, 'schema-unreadable', id)
    }
    let decoded: { value: A; offset: number }
    try {
      decoded = type.decode(bytes, HEADER_BYTES, reading.how === 'resolved' ? reading.resolver : undefined)
    } catch (error) {
      throw new AvroDecodeError(name, reasonOf(error), id)
    }
    if (decoded.offset !== bytes.length) {
      throw new AvroDecodeError(name, decoded.offset < 0 ? 'truncated' : 'trailing-bytes', id)
    }
    return fromAvro(decoded.value)
  }

  async function prepare(bytesOrSchemaId: Buffer | number): Promise<void> {
    const id = typeof bytesOrSchemaId === 'number' ? bytesOrSchemaId : schemaIdOf(name, bytesOrSchemaId)
    const until = unknownUntil.get(id)
    if (readings.has(id) || (until !== undefined && now() < until)) {
      return
    }
    const running = fetching.get(id) ?? learn(id).finally(() => fetching.delete(id))
    fetching.set(id, running)
    await running
  }

  async function learn(id: number): Promise<void> {
    const found = await fetchSchema(id)
    switch (found.found) {
      case 'avro':
        readings.set(id, readingOf(type, found.schema))
        unknownUntil.delete(id)
        return
      case 'other':
        readings.set(id, { how: 'refused' })
        return
      case 'none':
        unknownUntil.delete(id)
        unknownUntil.set(id, now() + unknownIdRememberedMs)
        for (const oldest of unknownUntil.keys()) {
          if (unknownUntil.size <= UNKNOWN_IDS_MAX) {
            return
          }
          unknownUntil.delete(oldest)
        }
        return
      default:
        return found satisfies never
    }
  }

  return { schemaId, encode, decode, prepare }
}

/** The writer's schema id in the header of a value. */
function schemaIdOf(name: string, bytes: Buffer): number {
  if (bytes.length < HEADER_BYTES) {
    throw new AvroDecodeError(name, 'too-short', null)
  }
  if (bytes[0] !== MAGIC) {
    throw new AvroDecodeError(name, 'wrong-magic', null)
  }
  return bytes.readUInt32BE(1)
}

/** Compiling a resolver costs as much as decoding twenty records, so it happens once per writer's schema. */
function readingOf(type: Type, writerSchema: string): Reading {
  try {
    return { how: 'resolved', resolver: type.createResolver(writerType(writerSchema)) }
  } catch {
    // Remembered, so that a schema that cannot be read costs one attempt and not one per record.
    return { how: 'refused' }
  }
}

function grownSize(name: string, bytesNeeded: number): number {
  if (bytesNeeded > BUFFER_BYTES_MAX) {
    throw new AvroEncodeError(name, `the value needs ${bytesNeeded} bytes, more than ${BUFFER_BYTES_MAX}`)
  }
  return 2 ** Math.ceil(Math.log2(bytesNeeded))
}

/** Only names of fields: they come from our schema. */
function misfitsOf(type: Type, value: unknown): string {
  const paths = new Set<string>()
  try {
    type.isValid(value, { errorHook: (path) => paths.add(path.map(String).join('.')) })
  } catch {
    // The library's own report can fail on odd values; the error without names must do.
  }
  const some = [...paths].slice(0, 5).join(', ')
  return some === '' ? 'the value does not fit the schema' : `the value does not fit the schema at ${some}`
}

function reasonOf(error: unknown): AvroDecodeReason {
  return error instanceof LongTooLargeError ? 'long-too-large' : 'malformed'
}
