import avro, { type Type } from 'avsc'
import { LONG_MAX, LongTooLargeError } from './avro-bytes.ts'

/**
 * Converts the schemas to avsc types, with three changes that we need. Our own schema is read and written by compiled code
 * (compile-avro.ts). Its type reads what other schemas wrote, and says what does not fit.
 *
 * - An array's declared length is trusted only as far as the bytes reach. avsc allocates and loops for any declared
 *   number: nine bytes of garbage would block the process for minutes.
 * - A number beyond 2^52 is rejected. avsc allows 2^53, but our own writer could not write it again (avro-bytes.ts).
 * - Decoded records are plain objects (`Object.prototype`), so that they compare, clone and print like any other.
 */

/** Our own schema: values are encoded from it and decoded into it. */
export function readerType(schema: string): Type {
  // 'never': a union whose branches could only be told apart with wrappers is rejected here, so that an edit of a
  // schema can never change the shape of our values.
  return typeFor(schema, 'never')
}

/** Another writer's schema; only ever the source of a resolver. */
export function writerType(schema: string): Type {
  // 'auto': a later version may contain unions that we would not accept, in fields that we skip.
  return typeFor(schema, 'auto')
}

function typeFor(schema: string, wrapUnions: 'never' | 'auto'): Type {
  const registry: Record<string, Type> = {}
  const type = avro.Type.forSchema(JSON.parse(schema), {
    registry,
    wrapUnions,
    omitRecordMethods: true,
    typeHook: (part, options) => {
      const name = typeof part === 'string' ? part : isObject(part) ? part['type'] : undefined
      switch (name) {
        case 'long':
          // Also with a logical type: times are plain numbers for us.
          return EXACT_LONG
        case 'array':
          return new BoundedArray(part, options) as unknown as Type
        default:
          return undefined
      }
    },
  })
  for (const named of Object.values(registry)) {
    if (avro.Type.isType(named, 'record')) {
      // The generated constructor only assigns fields; without a prototype of its own it makes plain objects.
      ;(named as unknown as { recordConstructor: { prototype: object } }).recordConstructor.prototype = Object.prototype
    }
  }
  return type
}

function isObject(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part)
}

/** The parts of avsc's reader that types use. They are not in its typings, which is why avsc is pinned. */
interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  skipLong(): void
}
interface InnerType {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}
type InnerTypeClass = new (schema?: unknown, options?: unknown) => InnerType & { readonly itemsType: InnerType }

class BoundedArray extends (avro.types.ArrayType as unknown as InnerTypeClass) {
  /** Also used by resolvers: avsc calls it with a resolver as `this`, which has `itemsType` too. */
  override _read(tap: Tap): unknown[] {
    const items = this.itemsType
    const values: unknown[] = []
    for (let left = blockLength(tap); left > 0; left = blockLength(tap)) {
      while (left-- > 0) {
        refuseBeyondEnd(tap)
        values.push(items._read(tap))
      }
    }
    return values
  }

  override _skip(tap: Tap): void {
    const items = this.itemsType
    for (let left = blockLength(tap); left > 0; left = blockLength(tap)) {
      while (left-- > 0) {
        refuseBeyondEnd(tap)
        items._skip(tap)
      }
    }
  }
}

/** Number of items in the next block, 0 at the end. A negative length is followed by the block's size in bytes. */
function blockLength(tap: Tap): number {
  const length = tap.readLong()
  if (length >= 0) {
    return length
  }
  tap.skipLong()
  return -length
}

/** Every item takes at least a byte (our schemas have no empty records), so the work is bounded by the bytes. */
function refuseBeyondEnd(tap: Tap): void {
  if (!(tap.pos < tap.buf.length)) {
    throw new RangeError('array beyond the end')
  }
}

class ExactLong extends (avro.types.LongType as unknown as new () => object) {
  _read(tap: Tap): number {
    const value = tap.readLong()
    if (!(value >= -LONG_MAX && value <= LONG_MAX)) {
      throw new LongTooLargeError()
    }
    return value
  }

  /** Lets validation report values that do not fit. */
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const fits = isExactLong(value)
    if (!fits) {
      hook?.(value, this)
    }
    return fits
  }
}

function isExactLong(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= -LONG_MAX && (value as number) <= LONG_MAX
}

const EXACT_LONG = new ExactLong() as unknown as Type
