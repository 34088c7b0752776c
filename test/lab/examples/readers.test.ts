import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { READERS } from './readers.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
/** The contract as a jar, for the Java samples; and the samples of paystatus in containers, which have tests of their own. */
const NOT_JUDGED = ['java-avro', 'subscriber', 'testcontainers-java']

const folders = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

test('`make examples` judges every sample that has no test of its own', () => {
  expect(Object.keys(READERS).toSorted()).toEqual(folders.filter((name) => !NOT_JUDGED.includes(name)).toSorted())
})

test('docs/consumers.md has a row for every sample', () => {
  const page = readFileSync(join(ROOT, 'docs', 'consumers.md'), 'utf8')
  expect(Object.keys(READERS).filter((name) => !page.includes(`](../examples/${name}/README.md)`))).toEqual([])
})

test('the Go sample has the statuses of the schema, so that none that is known today is read as UNKNOWN', () => {
  const schema = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
  expect(symbolsOf(schema('examples/go/payment.avsc'))).toEqual(symbolsOf(schema('schemas/payment-status.avsc')))
})

/** Of the enums Status and Finality, in the fields of a payment. */
function symbolsOf(record: { fields: readonly { name: string; type: { symbols?: readonly string[] } }[] }) {
  return Object.fromEntries(
    ['status', 'finality'].map((name) => [name, record.fields.find((field) => field.name === name)?.type.symbols]),
  )
}
