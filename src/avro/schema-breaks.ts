import { isDeepStrictEqual } from 'node:util'
import { type Definition, type Field, isUnion, namedTypesOf, type Schema } from './schema-definition.ts'
import type { ReleasedSchema } from './schema-history.ts'

/**
 * What a new schema would break, in sentences that name the change, who is affected and why. Empty if every version reads
 * what any other wrote, and reads it with the same meaning. Pure.
 *
 * Stricter than Avro and the registry in three points of docs/consumers.md: a symbol that was ever written is not removed, an
 * enum keeps its default, and a time keeps its unit.
 */
export function breaksOf(
  schema: Schema,
  released: readonly ReleasedSchema[],
  whichText: (versions: readonly number[]) => string = versionsText,
): readonly string[] {
  const versions = new Map<string, { readonly found: Break; readonly versions: number[] }>()
  for (const { version, schema: older } of released) {
    for (const found of breaksBetween(older, schema)) {
      const key = JSON.stringify(found)
      const known = versions.get(key) ?? { found, versions: [] }
      // A type that is used in several places can be found several times.
      if (known.versions.at(-1) !== version) {
        known.versions.push(version)
      }
      versions.set(key, known)
    }
  }
  return [...versions.values()].map(({ found, versions: affected }) => sentenceOf(found, whichText(affected)))
}

interface Break {
  /** For example "removing `PaymentStatus.status`". */
  readonly change: string
  /**
   * `readers`: those of the older version; `records`: of the older version, for the new reader; `both`; `meaning`: everything
   * can be read, but means something else.
   */
  readonly affects: 'readers' | 'records' | 'both' | 'meaning'
  readonly because: string
}

function sentenceOf({ change, affects, because }: Break, which: string): string {
  switch (affects) {
    case 'readers':
      return `${change} breaks readers of ${which}: ${because}`
    case 'records':
      return `${change} breaks reading records of ${which}: ${because}`
    case 'both':
      return `${change} breaks readers of ${which} and reading its records: ${because}`
    case 'meaning':
      return `${change} contradicts ${which}: ${because}`
    default:
      return affects satisfies never
  }
}

/** "version 3", "versions 1 to 4", "versions 1, 2 and 5". */
function versionsText(versions: readonly number[]): string {
  const [first = 0, last = first] = [versions[0], versions.at(-1)]
  if (versions.length === 1) {
    return `version ${first}`
  }
  return versions.length > 2 && last - first === versions.length - 1
    ? `versions ${first} to ${last}`
    : `versions ${versions.slice(0, -1).join(', ')} and ${last}`
}

/** Two versions of one schema. A named type is compared once, because it may be used in several places, or hold itself. */
function breaksBetween(older: Schema, newer: Schema): readonly Break[] {
  const [olderNames, newerNames] = [namedTypesOf(older), namedTypesOf(newer)]
  const compared = new Set<string>()
  const found: Break[] = []
  compareTypes(older, newer, 'the value')
  return found

  function compareTypes(before: Schema, after: Schema, place: string): void {
    const [wasNullable, isNullable] = [isNull(before), isNull(after)]
    if (isNullable && !wasNullable) {
      found.push({ change: `making ${place} nullable`, affects: 'readers', because: 'they cannot read a null there' })
    }
    if (wasNullable && !isNullable) {
      found.push({ change: `making ${place} not nullable`, affects: 'records', because: 'they may hold a null there' })
    }
    const [was, is] = [resolved(before, olderNames), resolved(after, newerNames)]
    if (was.type !== is.type || was.logicalType !== is.logicalType) {
      found.push(typeChange(place, was, is))
    } else if (was.name !== is.name) {
      const change = `renaming ${was.type} \`${was.name}\` to \`${is.name}\``
      found.push({ change, affects: 'both', because: 'named types are matched by name' })
    } else if (is.name !== undefined) {
      compareNamed(was, is, is.name)
    } else if (was.items !== undefined && is.items !== undefined) {
      compareTypes(was.items, is.items, `the items of ${place}`)
    }
  }

  function compareNamed(was: Definition, is: Definition, name: string): void {
    if (compared.has(name)) {
      return
    }
    compared.add(name)
    if (is.type === 'enum') {
      found.push(...enumBreaks(was, is))
      return
    }
    const [before, after] = [fieldsOf(was), fieldsOf(is)]
    for (const [field, { default: byDefault }] of before) {
      if (!after.has(field) && byDefault === undefined) {
        const change = `removing \`${name}.${field}\``
        found.push({ change, affects: 'readers', because: 'it has no default in their schema' })
      }
    }
    for (const [field, now] of after) {
      const former = before.get(field)
      if (former !== undefined) {
        compareTypes(former.type, now.type, `\`${name}.${field}\``)
      } else if (now.default === undefined) {
        const change = `adding \`${name}.${field}\` without a default`
        found.push({ change, affects: 'records', because: 'they do not have it; give it a default' })
      }
    }
  }
}

function enumBreaks(was: Definition, is: Definition): readonly Break[] {
  const [before, after] = [was.symbols ?? [], is.symbols ?? []]
  const added = after.filter((symbol) => !before.includes(symbol))
  const removed = before.filter((symbol) => !after.includes(symbol))
  const named = (symbols: readonly string[]) =>
    `${symbols.length === 1 ? 'the symbol' : 'the symbols'} ${symbols.map((symbol) => `\`${symbol}\``).join(', ')}`
  return [
    ...(added.length > 0 && was.default === undefined
      ? [
          {
            change: `adding ${named(added)} to \`${is.name}\``,
            affects: 'readers' as const,
            because: 'the enum has no default in their schema',
          },
        ]
      : []),
    ...(removed.length > 0
      ? [
          {
            change: `removing ${named(removed)} from \`${is.name}\``,
            affects: 'records' as const,
            because: is.default === undefined ? 'the enum has no default' : `they would read as ${is.default}`,
          },
        ]
      : []),
    ...(was.default !== undefined && !isDeepStrictEqual(was.default, is.default)
      ? [
          is.default === undefined
            ? {
                change: `removing the default of the enum \`${is.name}\``,
                affects: 'meaning' as const,
                because: 'no symbol could be added after that',
              }
            : {
                change: `changing the default of the enum \`${is.name}\` from ${was.default} to ${is.default}`,
                affects: 'meaning' as const,
                because: 'an unknown symbol would mean something else to each',
              },
        ]
      : []),
  ]
}

function typeChange(place: string, was: Definition, is: Definition): Break {
  const change = `changing ${place} from ${typeText(was)} to ${typeText(is)}`
  if (was.type === is.type) {
    return { change, affects: 'meaning', because: 'the same number would mean another time' }
  }
  return PROMOTIONS[was.type]?.includes(is.type)
    ? { change, affects: 'readers', because: `they cannot read ${is.type} as ${was.type}` }
    : { change, affects: 'both', because: 'Avro does not convert between the two' }
}

/** What Avro reads as another type: the reader's types for a writer's. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

function typeText({ type, name, logicalType }: Definition): string {
  return `${type}${name === undefined ? '' : ` ${name}`}${logicalType === undefined ? '' : ` (${logicalType})`}`
}

function isNull(type: Schema): boolean {
  return isUnion(type) && type.includes('null')
}

/** The type itself, or the other branch of a union with null; names and primitives as definitions. */
function resolved(type: Schema, named: ReadonlyMap<string, Definition>): Definition {
  const single = isUnion(type) ? (type.find((branch) => branch !== 'null') ?? 'null') : type
  return typeof single === 'string'
    ? (named.get(single) ?? { type: single })
    : isUnion(single)
      ? { type: 'union' }
      : single
}

function fieldsOf({ fields }: Definition): ReadonlyMap<string, Field> {
  return new Map((fields ?? []).map((field) => [field.name, field]))
}
