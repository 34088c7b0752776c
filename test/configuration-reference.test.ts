import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CONFIG_SCHEMA, ENVIRONMENT_OVERRIDES, loadConfig } from '../src/config.ts'
import { PROVIDER_IDS, providerById } from '../src/providers/registry.ts'

/** docs/configuration.md names every setting of the schema exactly once, with its default and its limits. */

const REFERENCE = readFileSync(join(import.meta.dirname, '..', 'docs', 'configuration.md'), 'utf8')

interface Row {
  readonly name: string
  readonly byDefault: string
  readonly limits: string
  readonly meaning: string
}

/** The sections after the settings have other tables. */
const TABLES = REFERENCE.slice(0, REFERENCE.indexOf('\n## Logins\n'))
const ROWS: readonly Row[] = [...TABLES.matchAll(/^\| `([^`]+)` \| ([^|]+) \|([^|]*)\| (.*) \|$/gm)].map(
  ([, name = '', byDefault = '', limits = '', meaning = '']) => ({ name, byDefault, limits: limits.trim(), meaning }),
)

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minItems?: number
}

interface Setting {
  readonly name: string
  readonly schema: JsonSchema
  readonly required: boolean
}

/** Sections whose settings have their own rows. Every other object has one row. */
const SECTIONS =
  /^(|log|admin|shutdown|normalizer|processor|kafka|redis|registry|gateway|gateway\.shutdown|console|payments|encryption|tracing|sources\[\])$/

const SCHEMA = z.toJSONSchema(CONFIG_SCHEMA, { io: 'input', unrepresentable: 'any' }) as JsonSchema
const SETTINGS = settingsOf('', SCHEMA)

function settingsOf(section: string, schema: JsonSchema): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const name = section === '' ? key : `${section}.${key}`
    const self = { name, schema: child, required: schema.required?.includes(key) ?? false }
    if (name === 'sources') {
      return [self, ...settingsOf('sources[]', child.items ?? {})]
    }
    const inner = SECTIONS.test(name) ? settingsOf(name, child) : []
    return inner.length === 0 || name === 'encryption' ? [self, ...inner] : inner
  })
}

const rowOf = (name: string) => ROWS.find((row) => row.name === name)

/** Defaults that are not in the schema, because other settings or the provider determine them. */
const COMPUTED: Readonly<Record<string, string>> = {
  'normalizer.group': `\`<kafka.topicPrefix>${loadConfig(undefined, {}).normalizer.group}\``,
  'processor.group': `\`<kafka.topicPrefix>${loadConfig(undefined, {}).processor.group}\``,
  'redis.url': `\`${loadConfig(undefined, {}).redis.url}\``,
  'sources[].namespace': 'the provider',
  'sources[].successCode': `by provider: ${PROVIDER_IDS.map((id) => `${id.replace(/^jpm-global-payments-/, '').replace('instamed', 'InstaMed')} \`${providerById(id)?.successCode}\``).join(', ')}`,
  'payments.nextStatusWithin': '`{ default: 3d }`',
  'kafka.brokers': `\`[${loadConfig(undefined, {}).kafka.brokers.join(', ')}]\``,
  // JSON Schema omits the defaults of transformed values and whether these are required.
  sources: '`[]`',
  'sources[].authentication': 'required',
  encryption: 'off',
}

test('the test sees the whole schema', () => {
  expect(SETTINGS.length).toBeGreaterThan(60)
  expect(SETTINGS.map(({ name }) => name)).toContain('gateway.shutdown.waitMs')
})

test('every setting has exactly one row, and every row is a setting', () => {
  expect(ROWS.map(({ name }) => name).toSorted()).toEqual(SETTINGS.map(({ name }) => name).toSorted())
})

describe.each(SETTINGS)('$name', ({ name, schema, required }) => {
  test('has the default of the schema', () => {
    expect(rowOf(name)?.byDefault).toBe(COMPUTED[name] ?? defaultText(schema.default, required))
  })

  test('has the limits of the schema', () => {
    const limits = rowOf(name)?.limits ?? ''
    for (const expected of limitsOf(schema)) {
      expect(limits).toContain(expected)
    }
  })
})

test('no time is longer than a timer can be, even if another is added', () => {
  const times = SETTINGS.filter(({ name }) => name.endsWith('Ms'))
  expect(times.length).toBeGreaterThan(8)
  for (const { name, schema } of times) {
    expect(schema.maximum, name).toBeLessThanOrEqual((2 ** 31 - 1) / 2)
  }
})

test('every environment variable is listed with its setting', () => {
  for (const [variable, path] of ENVIRONMENT_OVERRIDES) {
    // A variable can set one part of a login, which has a single row.
    const row = rowOf(path) ?? rowOf(path.split('.').slice(0, -1).join('.'))
    expect(row?.meaning, variable).toContain(`\`${variable}\``)
  }
})

function defaultText(value: unknown, required: boolean): string {
  if (value === undefined || value === null) {
    return required ? 'required' : 'none'
  }
  return value === '' ? 'empty' : `\`${typeof value === 'object' ? JSON.stringify(value) : value}\``
}

function limitsOf({ enum: values, anyOf, minimum, maximum, exclusiveMinimum, minItems }: JsonSchema): string[] {
  const choices = values ?? anyOf?.flatMap((one) => (one.const === undefined ? [] : [one.const])) ?? []
  const least = minimum ?? minItems
  const hasMaximum = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
  return [
    ...choices.map((value) => `\`${value}\``),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(least === undefined || least === Number.MIN_SAFE_INTEGER
      ? []
      : [hasMaximum ? `${least} to ${maximum}` : `at least ${least}`]),
  ]
}
