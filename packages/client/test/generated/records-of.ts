import { type Definition, isUnion, namedTypesOf, type Schema } from '../../../../src/avro/schema-definition.ts'

/**
 * The TypeScript of `src/generated/records.ts`: an interface for each record, a union for each enum, with the documentation of
 * the schemas, and the schemas themselves for the decoder.
 */
export function recordsOf(schemas: Readonly<Record<string, string>>): string {
  const parsed = Object.entries(schemas).map(([name, text]) => [name, JSON.parse(text) as Definition] as const)
  const types = new Map(parsed.flatMap(([, schema]) => [...namedTypesOf(schema)]))
  return [
    '// Generated from schemas/*.avsc by `node packages/client/test/generated/main.ts`.',
    ...[...types.values()].map((type) => `${comment(type.doc, '')}export ${declarationOf(type)}`),
    ...parsed.map(
      ([name, schema]) =>
        `/** The Avro schema of ${schema.name}, as JSON. */\nexport const ${name} =\n  '${JSON.stringify(withoutDocs(schema)).replaceAll("'", "\\'")}'`,
    ),
    '',
  ].join('\n\n')
}

function declarationOf({ name, type, fields = [], symbols = [] }: Definition): string {
  if (type === 'enum') {
    return `type ${name} =\n${symbols.map((symbol) => `  | '${symbol}'`).join('\n')}`
  }
  const members = fields.map((field) => `${comment(field.doc, '  ')}  readonly ${field.name}: ${typeOf(field.type)}`)
  return `interface ${name} {\n${members.join('\n')}\n}`
}

function typeOf(schema: Schema): string {
  if (isUnion(schema)) {
    return schema.map(typeOf).toSorted(nullLast).join(' | ')
  }
  if (typeof schema !== 'string') {
    return schema.type === 'array'
      ? `readonly ${typeOf(schema.items as Schema)}[]`
      : (schema.name ?? typeOf(schema.type))
  }
  return PRIMITIVES[schema] ?? schema
}

const PRIMITIVES: Readonly<Record<string, string>> = { long: 'number', int: 'number' }

function nullLast(a: string, b: string): number {
  return Number(a === 'null') - Number(b === 'null')
}

function comment(text: string | undefined, indent: string): string {
  if (text === undefined) {
    return ''
  }
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length > 110) {
      lines.push(word)
    } else {
      lines[lines.length - 1] = `${line} ${word}`
    }
  }
  return lines.length === 1
    ? `${indent}/** ${lines[0]} */\n`
    : `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join('')}${indent} */\n`
}

function withoutDocs(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema, (name, value: unknown) => (name === 'doc' ? undefined : value)))
}
