import { decodeText } from './decode-text.ts'
import { isNestedDeeperThan, JSON_DEPTH_MAX } from './nesting.ts'
import type { DeadLetter } from './provider.ts'

/** A body that was JSON, or the reason why not. */
export type ReadJson =
  | { readonly outcome: 'json'; readonly json: JsonBody }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

/**
 * Reads a body as JSON: strictly UTF-8 (a leading byte order mark is allowed), nothing guessed, and no deeper than
 * `depthMax`. Never throws.
 *
 * The messages of the parser are not passed on: they quote the body.
 */
export function readJson(body: Buffer, depthMax = JSON_DEPTH_MAX): ReadJson {
  const decoded = decodeText(body)
  if (decoded.outcome === 'dead-letter') {
    return decoded
  }
  const { text } = decoded
  if (isNestedDeeperThan(text, depthMax)) {
    const message = `the body is nested more than ${depthMax} deep`
    return { outcome: 'dead-letter', deadLetter: { reason: 'too-deep', message, element: null } }
  }
  try {
    return { outcome: 'json', json: new JsonBody(text, JSON.parse(text)) }
  } catch {
    const reason = text.trim() === '' ? 'empty-body' : 'invalid-json'
    const message = reason === 'empty-body' ? 'the body is blank' : 'the body is not valid JSON'
    return { outcome: 'dead-letter', deadLetter: { reason, message, element: null } }
  }
}

/** A parsed body that can still tell how its numbers were written. */
export class JsonBody {
  readonly value: unknown
  readonly #text: string
  #withNumberTexts: unknown

  constructor(text: string, value: unknown) {
    this.value = value
    this.#text = text
  }

  /**
   * The digits of the number at `path` exactly as sent, so that no amount ever passes through a float. Null if there is
   * no number there.
   *
   * The providers send decimals as texts, so this is rare: the body is parsed a second time, once, on first use.
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
        // A reviver walks the tree recursively: a body nested deeply enough ends here. The field is then invalid.
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

/** The third argument is newer than TypeScript's own declaration of JSON.parse. */
function keepNumberText(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? new NumberText(context.source) : value
}
