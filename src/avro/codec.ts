import type { Resolver, Type } from 'avsc'
import { AvroReader, AvroWriter, type KeptItems, type LastRecord, LongTooLargeError } from './avro-bytes.ts'
import { readerType, writerType } from './avro-type.ts'
import { compileAvro } from './compile-avro.ts'
import {
  AvroDecodeError,
  type AvroDecodeReason,
  AvroEncodeError,
  SchemaIdError,
  UnknownSchemaIdError,
} from './errors.ts'
import { schemaIdProblem } from './schema-id-problem.ts'
import type { FoundSchema } from './schema-registry.ts'
import { schemaStop, type ValuePlace } from './schema-stop.ts'

/**
 * Converts values of one schema to bytes and back, in the registries' common framing: byte 0, the writer's schema id in
 * 4 bytes, the Avro body.
 *
 * `encode` and `decode` are synchronous. Only a schema id that has not been looked up yet requires the registry;
 * `decodeFetching` asks it when necessary. Values with our own schema id require no lookup at all, so a registry outage
 * does not affect them.
 *
 * An id alone is never trusted: it must be registered under our subject (or name our record, where the registry cannot
 * list subjects) and be readable as our schema. Anything else is a SchemaIdError, never a value.
 */
export interface AvroCodec<T> {
  /** Id of our schema in the registry; every encoded value carries it. */
  readonly schemaId: number
  /**
   * Throws AvroEncodeError for a value that does not fit the schema, and SchemaIdError after `confirm` found that our
   * own id has a different meaning in the registry. The buffer belongs to the caller.
   *
   * Items of the array `keptField` that are those of the value that this codec decoded last, as the same objects, are copied
   * as bytes instead of being encoded again.
   */
  encode(value: T): Buffer
  /**
   * Throws UnknownSchemaIdError for an id that is not prepared, AvroDecodeError for a value that cannot be read.
   * The result does not share memory with `bytes`. With `keptField`, the codec holds them until it decodes the next value.
   */
  decode(bytes: Buffer): T
  /**
   * Decodes a value stored at `place`, and asks the registry first if its schema id has not been looked up yet.
   *
   * Rejects with AvroDecodeError for bytes that are not a value of ours, and only after the registry has confirmed that
   * their schema id still has the same meaning: otherwise every value would look broken after a registry reassigned its
   * ids. Rejects with DefinedStop for an id that does not lead to our schema: the value may be intact, so it is not a
   * dead letter. Rejects as the lookup does while the registry is unreachable.
   */
  decodeFetching(bytes: Buffer, place: ValuePlace): Promise<T>
  /**
   * The schema id of a value if it has not been looked up yet; null if `decode` reads the value, or finds out that it is
   * none, without the registry.
   */
  unpreparedIdIn(bytes: Buffer): number | null
  /**
   * Looks up a schema id in the registry: afterwards `decode` does not throw UnknownSchemaIdError for it. Rejects with
   * SchemaIdError if the id does not lead to a schema of ours, or with the lookup's own error, for example
   * RegistryUnreachableError. Then nothing is remembered, and the next call asks again. If `place` says where a value with
   * this id is stored, the SchemaIdError becomes the DefinedStop for it.
   */
  prepare(schemaId: number, place?: ValuePlace): Promise<void>
  /**
   * Asks the registry whether an id that we use still has the same meaning. Does not ask about an id that was confirmed
   * within {@link CONFIRMED_FOR_MS}. Rejects as `prepare` does.
   */
  confirm(schemaId: number, place?: ValuePlace): Promise<void>
}

export interface AvroCodecOptions<T, A> {
  /** Used in error messages, for example `PaymentEvent`. */
  readonly name: string
  /** Our schema as JSON text. */
  readonly schema: string
  readonly schemaId: number
  /** The subject under which our schema, and those of other releases, are registered. */
  readonly subject: string
  /** Always asks the registry. */
  readonly fetchSchema: (schemaId: number) => Promise<FoundSchema>
  /** The clock, ms since the epoch; used only to limit how often a confirmed id is checked. */
  readonly now: () => number
  /** An array of the schema's record: see `encode`. */
  readonly keptField?: string
  /** Shared by codecs that write the same records one after the other. */
  readonly last?: LastRecord
  /** To and from the shape of the schema. Identity if the value already has it. */
  readonly toAvro: (value: T) => A
  readonly fromAvro: (avro: A) => T
}

/** How long a confirmed id is not checked again, ms: a flood of garbage must not become a flood of requests. */
export const CONFIRMED_FOR_MS = 1_000

const HEADER_BYTES = 5
const MAGIC = 0
const BUFFER_BYTES_START = 16 * 1024
/** Far above the largest record a topic accepts (2 MiB): a value that needs more is a bug. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024
/** A buffer that one large value enlarged beyond this is released. */
const BUFFER_BYTES_KEPT = 1024 * 1024

/**
 * How values with a given schema id are read. There are as many of these as our subjects have schemas (invariant I10).
 */
interface Reading {
  /** The writer's schema. */
  readonly schema: string
  /** Undefined for our own schema. */
  readonly resolver: Resolver | undefined
}

export function createCodec<T, A>(options: AvroCodecOptions<T, A>): AvroCodec<T> {
  const { name, schema, schemaId, subject, fetchSchema, now, toAvro, fromAvro } = options
  const type = readerType(schema)
  const compiled = compileAvro(type, options.keptField, options.last?.name)
  /** Of the value that was decoded last, if our own schema wrote it. */
  let kept: KeptItems | undefined
  const readings = new Map<number, Reading>([[schemaId, { schema, resolver: undefined }]])
  const asking = new Map<number, Promise<void>>()
  const confirmedAt = new Map<number, number>()
  /** Why nothing may be written at present; undefined if writing is allowed. */
  let ownIdProblem: SchemaIdError | undefined
  let writer = newWriter(BUFFER_BYTES_START)

  function newWriter(bytes: number): AvroWriter {
    const buffer = Buffer.allocUnsafeSlow(bytes)
    buffer[0] = MAGIC
    buffer.writeUInt32BE(schemaId, 1)
    return new AvroWriter(buffer, HEADER_BYTES, options.last)
  }

  function encode(value: T): Buffer {
    if (ownIdProblem !== undefined) {
      throw ownIdProblem
    }
    const avro = toAvro(value)
    try {
      writer.begin(HEADER_BYTES)
      compiled.write(writer, avro, kept)
      if (writer.at > writer.buffer.length) {
        writer = newWriter(grownSize(name, writer.at))
        compiled.write(writer, avro, kept)
      }
    } catch (error) {
      throw error instanceof AvroEncodeError ? error : new AvroEncodeError(name, misfitsOf(type, avro))
    }
    const bytes = Buffer.allocUnsafe(writer.at)
    writer.buffer.copy(bytes, 0, 0, writer.at)
    writer.completed(bytes)
    if (writer.buffer.length > BUFFER_BYTES_KEPT) {
      writer = newWriter(BUFFER_BYTES_START)
    }
    return bytes
  }

  function decode(bytes: Buffer): T {
    const id = schemaIdOf(name, bytes)
    const reading = readings.get(id)
    if (reading === undefined) {
      throw new UnknownSchemaIdError(name, id)
    }
    return reading.resolver === undefined ? decodeOwn(bytes, id) : decodeResolved(bytes, id, reading.resolver)
  }

  function decodeOwn(bytes: Buffer, id: number): T {
    const reader = new AvroReader(bytes, HEADER_BYTES)
    let read: A
    try {
      read = compiled.read(reader) as A
    } catch (error) {
      throw new AvroDecodeError(name, reasonOf(error), id)
    }
    if (reader.at !== bytes.length) {
      throw new AvroDecodeError(name, reader.at > bytes.length ? 'truncated' : 'trailing-bytes', id)
    }
    kept = reader.kept
    return fromAvro(read)
  }

  function decodeResolved(bytes: Buffer, id: number, resolver: Resolver): T {
    let decoded: { value: A; offset: number }
    try {
      decoded = type.decode(bytes, HEADER_BYTES, resolver)
    } catch (error) {
      throw new AvroDecodeError(name, reasonOf(error), id)
    }
    if (decoded.offset !== bytes.length) {
      throw new AvroDecodeError(name, decoded.offset < 0 ? 'truncated' : 'trailing-bytes', id)
    }
    return fromAvro(decoded.value)
  }

  function unpreparedIdIn(bytes: Buffer): number | null {
    const id = bytes.length < HEADER_BYTES || bytes[0] !== MAGIC ? null : bytes.readUInt32BE(1)
    return id === null || readings.has(id) ? null : id
  }

  async function prepare(id: number, place?: ValuePlace): Promise<void> {
    if (!readings.has(id)) {
      await once(id, learn).catch(orStopAt(place))
    }
  }

  async function decodeFetching(bytes: Buffer, place: ValuePlace): Promise<T> {
    try {
      return decode(bytes)
    } catch (error) {
      if (error instanceof UnknownSchemaIdError) {
        await prepare(error.schemaId, place)
        return decodeFetching(bytes, place)
      }
      if (error instanceof AvroDecodeError && error.schemaId !== null) {
        await confirm(error.schemaId, place)
      }
      throw error
    }
  }

  async function confirm(id: number, place?: ValuePlace): Promise<void> {
    const at = confirmedAt.get(id)
    if (at === undefined || now() - at >= CONFIRMED_FOR_MS || now() < at) {
      await once(id, learn).catch(orStopAt(place))
    }
  }

  /** Concurrent calls for the same id share one request. */
  function once(id: number, ask: (id: number) => Promise<void>): Promise<void> {
    const running = asking.get(id) ?? ask(id).finally(() => asking.delete(id))
    asking.set(id, running)
    return running
  }

  async function learn(id: number): Promise<void> {
    const found = await fetchSchema(id)
    const before = readings.get(id)
    const problem = schemaIdProblem(found, { schemaId: id, subject, schema, before: before?.schema })
    if (id === schemaId) {
      ownIdProblem = problem
    }
    if (problem !== undefined) {
      confirmedAt.delete(id)
      throw problem
    }
    if (before === undefined && found.found === 'avro') {
      readings.set(id, { schema: found.schema, resolver: resolverOf(type, found.schema, id, subject) })
    }
    confirmedAt.set(id, now())
  }

  return { schemaId, encode, decode, decodeFetching, unpreparedIdIn, prepare, confirm }
}

/** A SchemaIdError about a stored value is a reason to stop; other errors stay as they are. */
function orStopAt(place: ValuePlace | undefined): (error: unknown) => never {
  return (error) => {
    throw error instanceof SchemaIdError && place !== undefined ? schemaStop(error, place) : error
  }
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
function resolverOf(type: Type, writerSchema: string, schemaId: number, subject: string): Resolver {
  try {
    return type.createResolver(writerType(writerSchema))
  } catch {
    throw new SchemaIdError(schemaId, subject, 'unreadable')
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
    // The library's own validation can fail on unusual values; then the error names no fields.
  }
  const some = [...paths].slice(0, 5).join(', ')
  return some === '' ? 'the value does not fit the schema' : `the value does not fit the schema at ${some}`
}

function reasonOf(error: unknown): AvroDecodeReason {
  return error instanceof LongTooLargeError ? 'long-too-large' : 'malformed'
}
