import { CODE_LENGTH_MAX } from '../payment/payment-event.ts'
import { strip } from './clean-text.ts'
import type { JsonObject } from './json-object.ts'
import { normalizeWord } from './normalize-word.ts'

/** The kinds of change in what a provider sends. */
export const DRIFT_KINDS = [
  'field',
  'status',
  'sub-status',
  'action',
  'event-type',
  'event-context',
  'reason-type',
  /** A time was given but cannot be read; the name is that of its field. */
  'time',
  /** A name appears twice in one object. */
  'duplicate-name',
] as const
export type DriftKind = (typeof DRIFT_KINDS)[number]

/**
 * A name in a callback that the adapter does not know: the name of a field, or a word of the provider's vocabulary. Never
 * the value of a field, unless the value is such a word.
 */
export interface DriftNote {
  readonly kind: DriftKind
  readonly name: string
}

/** A set of names, or a rule that recognizes them. */
export type KnownNames = Pick<ReadonlySet<string>, 'has'>

/** Replaces a name that could contain personal data, such as an account number used as a field name. */
export const NAME_NOT_SHOWN = '(not shown)'

/** Most notes per callback (I10). What exceeds it will appear again in a later callback. */
export const DRIFT_NOTES_MAX = 32

const NONE: readonly DriftNote[] = []

/**
 * Collects the unknown names that an adapter meets, each once per callback.
 *
 * Drift does not affect the translation: an unknown field is not read, and an unknown word gives an UNKNOWN event. It is
 * reported so that a person can add it to the mapping.
 */
export class DriftNotes {
  #notes: DriftNote[] | null = null

  get list(): readonly DriftNote[] {
    return this.#notes ?? NONE
  }

  /** Notes the fields of `object` that are not in `known`. `path` leads to `object` and ends with a dot, or is empty. */
  fields(object: JsonObject | null, known: KnownNames, path = ''): void {
    for (const name in object) {
      if (!known.has(name)) {
        this.#add('field', path + nameShown(name))
      }
    }
  }

  /** Notes a word of the provider's vocabulary, or several that belong together. It is tested as sent and shown normalized. */
  word(kind: DriftKind, ...words: readonly string[]): void {
    this.#add(kind, words.map(wordShown).join('|'))
  }

  /** Notes a name in the provider's own spelling, with the path to it. */
  name(kind: DriftKind, ...path: readonly string[]): void {
    this.#add(kind, path.map(nameShown).join('.'))
  }

  #add(kind: DriftKind, name: string): void {
    this.#notes ??= []
    const known = this.#notes.some((note) => note.kind === kind && note.name === name)
    if (!known && this.#notes.length < DRIFT_NOTES_MAX) {
      this.#notes.push({ kind, name })
    }
  }
}

/**
 * Letters and underscores with at most one short number: matches no account, card or phone number and no e-mail address.
 * Blanks and punctuation do not match, because a text that has them can be a sentence or a person's name.
 */
const NAME = /^[A-Za-z][A-Za-z_]*(?:[0-9]{1,3}[A-Za-z_]*)?$/

/** The name, or {@link NAME_NOT_SHOWN} if it could contain personal data. */
export function nameShown(name: string): string {
  return name.length <= CODE_LENGTH_MAX && NAME.test(name) ? name : NAME_NOT_SHOWN
}

/** Tests the word as sent: normalizing removes what distinguishes a word from a text. */
function wordShown(word: string): string {
  const sent = strip(word)
  return nameShown(sent) === NAME_NOT_SHOWN ? NAME_NOT_SHOWN : normalizeWord(sent)
}
