import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** How a value is written to the wire and read from it. */
export interface WireType<T> {
  read(from: WireReader): T
  write(to: WireWriter, value: T): void
}

/** The values of a type. */
export type ValueOf<W> = W extends WireType<infer T> ? T : never

export const int8: WireType<number> = { read: (from) => from.int8(), write: (to, value) => to.int8(value) }
export const int16: WireType<number> = { read: (from) => from.int16(), write: (to, value) => to.int16(value) }
export const int32: WireType<number> = { read: (from) => from.int32(), write: (to, value) => to.int32(value) }
export const int64: WireType<bigint> = { read: (from) => from.int64(), write: (to, value) => to.int64(value) }
export const boolean: WireType<boolean> = {
  read: (from) => from.int8() !== 0,
  write: (to, value) => to.int8(value ? 1 : 0),
}

const UUID_BYTES = 16

/** A topic id, as text. */
export const uuid: WireType<string> = {
  read: (from) => from.bytes(UUID_BYTES).toString('base64url'),
  write: (to, value) => to.bytes(Buffer.from(value, 'base64url')),
}

/** The id that stands for no topic. */
export const NO_UUID = Buffer.alloc(UUID_BYTES).toString('base64url')

export const nullableBytes: WireType<Buffer | null> = {
  read: (from) => {
    const length = from.unsignedVarInt() - 1
    return length < 0 ? null : from.bytes(length)
  },
  write: (to, value) => {
    to.unsignedVarInt(value === null ? 0 : value.length + 1)
    if (value !== null) {
      to.bytes(value)
    }
  },
}

export const bytes: WireType<Buffer> = notNull(nullableBytes)

export const nullableString: WireType<string | null> = {
  read: (from) => nullableBytes.read(from)?.toString('utf8') ?? null,
  write: (to, value) => nullableBytes.write(to, value === null ? null : Buffer.from(value)),
}

export const string: WireType<string> = notNull(nullableString)

function notNull<T>(type: WireType<T | null>): WireType<T> {
  return {
    read: (from) => {
      const value = type.read(from)
      if (value === null) {
        throw new RangeError('a required value is null')
      }
      return value
    },
    write: (to, value) => type.write(to, value),
  }
}

export function nullableArray<T>(of: WireType<T>): WireType<readonly T[] | null> {
  return {
    read: (from) => {
      const count = from.unsignedVarInt() - 1
      // Every element has at least one byte.
      return count < 0 ? null : Array.from({ length: atMost(count, from.rest) }, () => of.read(from))
    },
    write: (to, value) => {
      to.unsignedVarInt(value === null ? 0 : value.length + 1)
      for (const element of value ?? []) {
        of.write(to, element)
      }
    },
  }
}

export function array<T>(of: WireType<T>): WireType<readonly T[]> {
  return notNull(nullableArray(of))
}

function atMost(count: number, max: number): number {
  if (count > max) {
    throw new RangeError(`${count} elements are announced, ${max} bytes are left`)
  }
  return count
}

/** A field that always has the same value. Those who send the struct leave it out. */
interface Constant extends WireType<unknown> {
  readonly isConstant: true
}

export function always<T>(type: WireType<T>, value: T): Constant {
  return { read: (from) => type.read(from), write: (to) => type.write(to, value), isConstant: true }
}

type Fields = Readonly<Record<string, WireType<unknown>>>
type StructOf<F> = { readonly [K in keyof F as F[K] extends Constant ? never : K]: ValueOf<F[K]> }
type Tagged = Readonly<Record<string, readonly [tag: number, type: WireType<unknown>]>>
type TaggedOf<T> = { readonly [K in keyof T]?: T[K] extends readonly [number, infer W] ? ValueOf<W> : never }

/** Fields in this order, followed by the tagged fields that have a value. Unknown tagged fields are skipped when reading. */
export function struct<F extends Fields, T extends Tagged = Record<never, never>>(
  fields: F,
  tagged?: T,
): WireType<StructOf<F> & TaggedOf<T>> {
  const entries = Object.entries(fields)
  // In the order of their tags, as the protocol requires.
  const byTag = new Map(
    Object.entries(tagged ?? {})
      .map(([name, [tag, type]]) => [tag, { name, type }] as const)
      .toSorted(([a], [b]) => a - b),
  )
  return {
    read: (from) => {
      const value = readFields(from, entries)
      readTagged(from, byTag, value)
      return value as StructOf<F> & TaggedOf<T>
    },
    write: (to, value) => {
      writeFields(to, entries, value)
      writeTagged(to, byTag, value as Record<string, unknown>)
    },
  }
}

function readFields(from: WireReader, entries: readonly (readonly [string, WireType<unknown>])[]) {
  const value: Record<string, unknown> = {}
  for (const [name, type] of entries) {
    value[name] = type.read(from)
  }
  return value
}

function writeFields(to: WireWriter, entries: readonly (readonly [string, WireType<unknown>])[], value: object): void {
  for (const [name, type] of entries) {
    type.write(to, (value as Record<string, unknown>)[name])
  }
}

type ByTag = ReadonlyMap<number, { readonly name: string; readonly type: WireType<unknown> }>

function writeTagged(to: WireWriter, byTag: ByTag, value: Record<string, unknown>): void {
  if (byTag.size === 0) {
    to.unsignedVarInt(0)
    return
  }
  const present = [...byTag].filter(([, { name }]) => value[name] !== undefined)
  to.unsignedVarInt(present.length)
  for (const [tag, { name, type }] of present) {
    const field = new WireWriter()
    type.write(field, value[name])
    to.unsignedVarInt(tag)
    to.unsignedVarInt(field.length)
    for (const part of field.parts()) {
      to.bytes(part)
    }
  }
}

function readTagged(from: WireReader, byTag: ByTag, into: Record<string, unknown>): void {
  for (let count = from.unsignedVarInt(); count > 0; count -= 1) {
    const found = byTag.get(from.unsignedVarInt())
    const size = from.unsignedVarInt()
    if (found === undefined) {
      from.bytes(size)
    } else {
      into[found.name] = found.type.read(from)
    }
  }
}

/** Types for the few requests that predate tagged fields and compact lengths. */
export const old = {
  string: {
    read: (from) => from.bytes(from.int16()).toString('utf8'),
    write: (to, value) => {
      const text = Buffer.from(value)
      to.int16(text.length)
      to.bytes(text)
    },
  } satisfies WireType<string>,

  array<T>(of: WireType<T>): WireType<readonly T[]> {
    return {
      read: (from) => Array.from({ length: atMost(from.int32(), from.rest) }, () => of.read(from)),
      write: (to, value) => {
        to.int32(value.length)
        for (const element of value) {
          of.write(to, element)
        }
      },
    }
  },

  struct<F extends Fields>(fields: F): WireType<StructOf<F>> {
    const entries = Object.entries(fields)
    return {
      read: (from) => readFields(from, entries) as StructOf<F>,
      write: (to, value) => writeFields(to, entries, value),
    }
  },
}
