import type { Type } from 'avsc'
import type { AvroReader, AvroWriter, KeptItems } from './avro-bytes.ts'

/** Writes and reads the values of one schema. */
export interface CompiledAvro {
  /** Throws TypeError for a value that does not fit the schema. `kept`: items of the kept array that are copied as bytes. */
  write(writer: AvroWriter, value: unknown, kept: KeptItems | undefined): void
  /** Throws for bytes that are not a value. If they end too early, `reader.at` is beyond their end afterwards. */
  read(reader: AvroReader): unknown
}

/**
 * Compiles our own schema into straight-line JavaScript: one call for each field, one object literal for each record. That
 * takes half the time of avsc's types, which decide at run time what every field is.
 *
 * It knows the types that our schemas use; a schema with another one is rejected at startup. The bytes are those that avsc
 * writes (test/avro/compile-avro.property.test.ts).
 *
 * @param keptField An array of the outermost record, whose items are remembered as bytes while it is read.
 * @param lastName Full name of a record that is copied if it is the one that was written last: see LastRecord.
 */
export function compileAvro(type: Type, keptField?: string, lastName?: string): CompiledAvro {
  const code = new Code(keptField, lastName)
  const writer = code.writerOf(type as Parsed)
  const reader = code.readerOf(type as Parsed)
  const text = `'use strict'\n${code.text}\nreturn { write: ${writer}, read: ${reader} }`
  // The names and symbols in the text are those of a schema of ours, which avsc has checked.
  return new Function('constants', text)(code.constants) as CompiledAvro
}

/** The parts of avsc's types that are used here. */
type Parsed = Type & {
  readonly typeName: string
  readonly name?: string
  readonly fields: readonly { readonly name: string; readonly type: Parsed }[]
  readonly symbols: readonly string[]
  readonly itemsType: Parsed
  readonly types: readonly Parsed[]
}

class Code {
  /** What the text refers to by its index: symbols of enums. */
  readonly constants: unknown[] = []
  readonly #keptField: string | undefined
  readonly #lastName: string | undefined
  readonly #functions: string[] = []
  readonly #names = new Map<string, string>()

  constructor(keptField: string | undefined, lastName: string | undefined) {
    this.#keptField = keptField
    this.#lastName = lastName
  }

  get text(): string {
    return this.#functions.join('\n')
  }

  /** Name of the function that writes a record. */
  writerOf(record: Parsed): string {
    return this.#once(record, 'write', (name) => {
      const isOutermost = this.#names.size === 1
      const fields = record.fields.map((field) => {
        const isKept = isOutermost && field.name === this.#keptField
        return `  { const x = v.${field.name}; ${isKept ? this.#writeKept(field.type) : this.#write(field.type, 'x')} }`
      })
      const body = fields.join('\n')
      return record.name === this.#lastName
        ? `function ${name}(w, v, kept) {\n  if (w.copyLast(v)) return\n  const start = w.at\n${body}\n  w.wrote(v, start)\n}`
        : `function ${name}(w, v, kept) {\n${body}\n}`
    })
  }

  /** Name of the function that reads a record. */
  readerOf(record: Parsed): string {
    const isOutermost = [...this.#names.keys()].every((key) => key.startsWith('write'))
    return this.#once(record, 'read', (name) => {
      const fields = record.fields.map((field) => {
        const isKept = isOutermost && field.name === this.#keptField
        const value = isKept ? `r.keptItems(${this.readerOf(field.type.itemsType)})` : this.#read(field.type)
        return `    ${field.name}: ${value},`
      })
      return `function ${name}(r) {\n  return {\n${fields.join('\n')}\n  }\n}`
    })
  }

  #once(record: Parsed, verb: string, define: (name: string) => string): string {
    const key = `${verb} ${record.name}`
    const known = this.#names.get(key)
    if (known !== undefined) {
      return known
    }
    const name = `${verb}${this.#names.size}`
    this.#names.set(key, name)
    this.#functions.push(define(name))
    return name
  }

  /** A statement that writes the value of the variable `x`. */
  #write(type: Parsed, x: string): string {
    switch (type.typeName) {
      case 'string':
      case 'long':
      case 'int':
      case 'boolean':
        return `w.${type.typeName}(${x})`
      case 'enum':
        return `w.symbol(${this.#constant(new Map(type.symbols.map((symbol, index) => [symbol, index])))}, ${x})`
      case 'record':
        return `${this.writerOf(type)}(w, ${x})`
      case 'array':
        return `w.count(${x}); for (const item of ${x}) { ${this.#write(type.itemsType, 'item')} } if (${x}.length > 0) w.end()`
      case 'union:unwrapped':
        return `if (w.isPresent(${x})) { ${this.#write(optional(type), x)} }`
      default:
        throw new TypeError(`no code for the Avro type ${type.typeName}`)
    }
  }

  #writeKept(type: Parsed): string {
    return `w.keptItems(x, kept, ${this.writerOf(type.itemsType)})`
  }

  /** An expression that reads a value. */
  #read(type: Parsed): string {
    switch (type.typeName) {
      case 'string':
      case 'long':
      case 'int':
      case 'boolean':
        return `r.${type.typeName}()`
      case 'enum':
        return `r.symbol(${this.#constant(type.symbols)})`
      case 'record':
        return `${this.readerOf(type)}(r)`
      case 'array':
        return `r.items(${type.itemsType.typeName === 'record' ? this.readerOf(type.itemsType) : `(r) => ${this.#read(type.itemsType)}`})`
      case 'union:unwrapped':
        return `r.isPresent() ? ${this.#read(optional(type))} : null`
      default:
        throw new TypeError(`no code for the Avro type ${type.typeName}`)
    }
  }

  #constant(value: unknown): string {
    this.constants.push(value)
    return `constants[${this.constants.length - 1}]`
  }
}

/** The second type of a union with null, the only unions that our schemas have. */
function optional({ types }: Parsed): Parsed {
  const [first, second] = types
  if (types.length !== 2 || first?.typeName !== 'null' || second === undefined) {
    throw new TypeError('no code for a union that is not of null and one other type')
  }
  return second
}
