import { expect, test } from 'vitest'
import { breaksOf } from '../../../src/avro/schema-breaks.ts'
import { namedTypesOf } from '../../../src/avro/schema-definition.ts'
import { readSchemaFile } from '../../../src/avro/schema-files.ts'
import { NEWER, newerSchema } from '../../../src/tools/conformance/newer-schema.ts'

test.each(['payment-status.avsc', 'payment-status-change.avsc'])(
  'a newer %s breaks no reader and no writer, and has the new symbols and the new field',
  (file) => {
    const schema = readSchemaFile(file)
    const newer = JSON.parse(newerSchema(schema))
    expect(breaksOf(newer, [{ version: 1, schema: JSON.parse(schema) }], ([version]) => `version ${version}`)).toEqual(
      [],
    )
    const types = namedTypesOf(newer)
    expect(types.get('Status')?.symbols).toContain(NEWER.status)
    expect(types.get('Finality')?.symbols).toContain(NEWER.finality)
    expect(newer.fields.map(({ name }: { name: string }) => name).indexOf(NEWER.field)).toBe(1)
  },
)
