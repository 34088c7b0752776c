/** An Avro schema as JSON, as far as our schemas use the format. */
export type Schema = string | readonly Schema[] | Definition

export interface Definition {
  readonly type: string
  readonly name?: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields?: readonly Field[]
  readonly symbols?: readonly string[]
  /** Of an enum: what a reader gets for a symbol that its schema does not have. */
  readonly default?: string
  readonly items?: Schema
  readonly logicalType?: string
}

export interface Field {
  readonly name: string
  readonly type: Schema
  readonly doc?: string
  readonly default?: unknown
}

/** Every definition in a schema, outermost first. */
export function definitionsIn(schema: Schema): readonly Definition[] {
  if (typeof schema === 'string') {
    return []
  }
  if (isUnion(schema)) {
    return schema.flatMap(definitionsIn)
  }
  const inner = [
    ...(schema.fields ?? []).map((field) => field.type),
    ...(schema.items === undefined ? [] : [schema.items]),
  ]
  return [schema, ...inner.flatMap(definitionsIn)]
}

/** The named types of a schema, by their names without the namespace: our schemas have one namespace only. */
export function namedTypesOf(schema: Schema): ReadonlyMap<string, Definition> {
  return new Map(
    definitionsIn(schema).flatMap((definition) =>
      definition.name === undefined ? [] : [[definition.name, definition] as const],
    ),
  )
}

export function isUnion(schema: Schema): schema is readonly Schema[] {
  return Array.isArray(schema)
}
