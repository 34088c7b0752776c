import type { Definition, Field, Schema } from '../../avro/schema-definition.ts'

/** Symbols and a field that no release of ours has. Read with a schema that lacks them, they become UNKNOWN, OPEN and nothing. */
export const NEWER = { status: 'KIT_NEWER_STATUS', finality: 'KIT_NEWER_FINALITY', field: 'kitNewerField' } as const

const SYMBOLS: Readonly<Record<string, string>> = { Status: NEWER.status, Finality: NEWER.finality }

/** A schema as a newer release might have it: by the rules of docs/consumers.md, every reader can read it. JSON text. */
export function newerSchema(schema: string): string {
  const { fields = [], ...record } = JSON.parse(schema) as Definition
  const added: Field = { name: NEWER.field, type: ['null', 'string'], default: null }
  // Between others: a reader that ignores the writer's schema would read what follows wrongly.
  const [first, ...others] = fields.map(withSymbols)
  return JSON.stringify({ ...record, fields: first === undefined ? [added] : [first, added, ...others] })
}

function withSymbols(field: Field): Field {
  return { ...field, type: newerType(field.type) }
}

function newerType(type: Schema): Schema {
  if (typeof type === 'string') {
    return type
  }
  if (!('type' in type)) {
    return type.map(newerType)
  }
  const symbol = SYMBOLS[type.name ?? '']
  return {
    ...type,
    ...(type.symbols !== undefined && symbol !== undefined && { symbols: [...type.symbols, symbol] }),
    ...(type.fields !== undefined && { fields: type.fields.map(withSymbols) }),
    ...(type.items !== undefined && { items: newerType(type.items) }),
  }
}
