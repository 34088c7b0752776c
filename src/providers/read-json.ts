import { charsetOf, decodeText } from './decode-text.ts'
import { type DuplicateNames, duplicateNamesIn } from './duplicate-names.ts'
import { JSON_DEPTH_MAX, memberCountOf } from './nesting.ts'
import type { Callback, DeadLetter } from './provider.ts'

/** The parsed body, or the reason why it is not JSON. */
export type ReadJson =
  | { readonly outcome: 'json'; readonly json: JsonBody }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

/**
 * Parses a body as JSON, in UTF-8 or in the declared or guessed character set (decode-text.ts), at most `jsonDepthMax`
 * deep. Never throws.
 *
 * The parser's messages are not passed on, because they quote the body.
 */
export function readJson({
  body,
  contentType,
  jsonDepthMax = JSON_DEPTH_MAX,
}: Pick<Callback, 'body' | 'contentType' | 'jsonDepthMax'>): ReadJson {
  const { text, guessed } = decodeText(body, charsetOf(contentType))
  const memberCount = memberCountOf(text, jsonDepthMax)
  if (memberCount === null) {
    return refused('too-deep', `the body is nested more than ${jsonDepthMax} deep`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    if (text === '') {
      return refused('empty-body', 'the body is empty')
    }
    return text.trim() === ''
      ? refused('empty-body', 'the body is blank')
      : refused('invalid-json', 'the body is not valid JSON')
  }
  return {
    outcome: 'json',
    json: new JsonBody(text, value, guessed, duplicateNamesIn(text, value, memberCount)),
  }
}

function refused(reason: DeadLetter['reason'], message: string): ReadJson {
  return { outcome: 'dead-letter', deadLetter: { reason, message, element: null } }
}

/** Gives the digits of a body's numbers. */
export type NumberTexts = Pick<JsonBody, 'numberTextAt'>

/** A parsed body that keeps the text of its numbers. */
export class JsonBody {
  readonly value: unknown
  /** True if its characters outside ASCII are a guess. */
  readonly guessed: boolean
  readonly duplicates: DuplicateNames
  readonly #text: string
  #withNumberTexts: unknown

  constructor(text: string, value: unknown, guessed: boolean, duplicates: DuplicateNames) {
    this.value = value
    this.guessed = guessed
    this.duplicates = duplicates
    this.#text = text
  }

  /**
   * The digits of the number at `path` exactly as sent, so that no amount ever passes through a float. Null if there is
   * no number at `path`.
   *
   * Providers send decimals as texts, so this is rare. The first call parses the body a second time; later calls do not.
   */
  numberTextAt(path: readonly (string | number)[]): string | null {
    let node = this.#parsedWithNumberTexts()
    for (const step of path) {
      if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) {
        return null
      }
      node = (node as Record<string | number, unknown>)[step]
    }
    return node instanceof NumberText ? node.text : null
  }

  #parsedWithNumberTexts(): unknown {
    if (this.#withNumberTexts === undefined) {
      try {
        this.#withNumberTexts = JSON.parse(this.#text, keepNumberText)
      } catch {
        // The reviver recurses, so a body nested deeply enough exhausts the stack. The field is then unreadable.
        this.#withNumberTexts = null
      }
    }
    return this.#withNumberTexts
  }
}

class NumberText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** TypeScript's declaration of JSON.parse lacks the third argument. */
function keepNumberText(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? new NumberText(context.source) : value
}
