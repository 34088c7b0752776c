import { nameShown } from './drift.ts'
import { isJsonObject } from './json-object.ts'
import type { DeadLetter } from './provider.ts'
import { deadLetter } from './translate-elements.ts'

/** Names that stand together in one object of a product's bodies and in no other product's. */
export type OwnNames = readonly string[]

/**
 * Where the first of `groups` stands in a body, worded for a message, such as `paymentId at payments[0]`; null if none does.
 *
 * Looks into every object, list and text except `read`, and ignores case. Names that the product does not know are shown only
 * if they cannot be personal data, and no more than {@link STEPS_SHOWN_MAX} steps of the way are. Recurses as deep as the body
 * is nested, which is bounded.
 */
export function placeOfOwnNames(body: unknown, groups: readonly OwnNames[], read: unknown = NOTHING): string | null {
  const found = findIn(body, groups, read)
  return found === null
    ? null
    : `${found.names.join(' and ')}${found.isText ? ' in the text' : ''} at ${shown(found.path)}`
}

/** Is no part of any body. */
const NOTHING = Symbol('nothing')

/**
 * The dead letter of a payment outside of the elements that are read; null if there is none. An object, or a text, is taken
 * for a payment only if it names both an id and a status.
 *
 * @param payments The pairs of such names.
 * @param elements The list of the elements, a part of `body`.
 */
export function paymentBeside(
  body: unknown,
  payments: readonly OwnNames[],
  elements: unknown = NOTHING,
): DeadLetter | null {
  const place = placeOfOwnNames(body, payments, elements)
  return place === null ? null : deadLetter('unexpected-shape', `a payment is not read: ${place}`, null)
}

/**
 * The dead letter of a body that an adapter cannot read: `foreign-product` if it has another family's shape and none of the
 * product's own names, otherwise `unexpected-shape`, with the place of such a name: a payment in an unknown wrapper.
 *
 * @param isOther Whether the body has nothing in the places that the product uses.
 * @param text What was sent, if `body` does not have all of it.
 */
export function notRead(
  body: unknown,
  ownNames: readonly OwnNames[],
  isOther: boolean,
  messages: { readonly foreign: string; readonly misshapen: string },
  text = '',
): DeadLetter {
  const place = placeOfOwnNames(body, ownNames) ?? placeOfOwnNames(text, ownNames)
  if (place === null && isOther) {
    return deadLetter('foreign-product', messages.foreign, null)
  }
  return deadLetter(
    'unexpected-shape',
    place === null ? messages.misshapen : `${messages.misshapen}, but ${place}`,
    null,
  )
}

/** Most steps of a path in a message. */
export const STEPS_SHOWN_MAX = 8

type Path = readonly (string | number)[]

interface Found {
  readonly names: OwnNames
  readonly isText: boolean
  readonly path: Path
}

function findIn(value: unknown, groups: readonly OwnNames[], read: unknown): Found | null {
  if (typeof value === 'string') {
    const names = HAS_NAMES.test(value)
      ? groups.find((group) => group.every((name) => isNamedIn(value, name)))
      : undefined
    return names === undefined ? null : { names, isText: true, path: [] }
  }
  if (typeof value !== 'object' || value === null || value === read) {
    return null
  }
  if (isJsonObject(value)) {
    const sent = new Set(Object.keys(value).map((name) => name.toLowerCase()))
    const names = groups.find((group) => group.every((name) => sent.has(name.toLowerCase())))
    if (names !== undefined) {
      return { names, isText: false, path: [] }
    }
  }
  for (const [step, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    // The way is put together only for what is found: nearly every body has nothing.
    const found = findIn(inner, groups, read)
    if (found !== null) {
      return { ...found, path: [step, ...found.path] }
    }
  }
  return null
}

/** Almost no text matches. */
const HAS_NAMES = /["<]/

/** Whether the text has the name where JSON or XML would have a name or a value. */
function isNamedIn(text: string, name: string): boolean {
  return text.length > name.length && new RegExp(`["'<>:\\s]${name}\\b`, 'i').test(text)
}

function shown(path: Path): string {
  const steps = path
    .slice(0, STEPS_SHOWN_MAX)
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${nameShown(step)}`))
  const way = steps.join('').replace(/^\./, '')
  return path.length === 0 ? 'the root' : `${way}${path.length > STEPS_SHOWN_MAX ? ' …' : ''}`
}
