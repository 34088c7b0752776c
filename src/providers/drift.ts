import { CODE_LENGTH_MAX } from '../payment/payment-event.ts'
import type { JsonObject } from './json-object.ts'
import { normalizeWord } from './normalize-word.ts'

/** What a provider may begin to say differently. */
export const DRIFT_KINDS = [
  'field',
  'status',
  'sub-status',
  'action',
  'event-type',
  'event-context',
  'reason-type',
  /** A time that was given and cannot be read; the name is that of its field. */
  'time',
  /** A name that stands twice in one object. */
  'duplicate-name',
] as const
export type DriftKind = (typeof DRIFT_KINDS)[number]

/**
 * A name in a callback that the adapter does not know: of a field, or a word of the provider's own vocabulary. Never the
 * value of a field, except where the value is such a word.
 */
export interface DriftNote {
  readonly kind: DriftKind
  readonly name: string
}

/** A set of names, or a rule that knows them. */
export type KnownNames = Pick<ReadonlySet<string>, 'has'>

/** Stands for a name that could hold something personal, such as an account number used as a field's name. */
export const NAME_NOT_SHOWN = '(not shown)'

/** The most notes that one callback gives (I10). What is beyond is seen again in the next callback. */
export const DRIFT_NOTES_MAX = 32

const NONE: readonly DriftNote[] = []

/**
 * Collects what an adapter meets and does not know, each name once per callback.
 *
 * Drift changes nothing about the translation: a field that is not known is not read, a word that is not known gives an
 * UNKNOWN event. It is told so that a person adds it to the mapping.
 */
export class DriftNotes {
  #notes: DriftNote[] | null = null

  get list(): readonly DriftNote[] {
    return this.#notes ?? NONE
  }

  /** Notes the fields of `object` that are not in `known`. `path` is what leads to it, with a dot at its end, or empty. */
  fields(object: JsonObject | null, known: KnownNames, path = ''): void {
    for (const name in object) {
      if (!known.has(name)) {
        this.#add('field', path + nameShown(name))
      }
    }
  }

  /** Notes a word of the provider's vocabulary, or several that belong together, as they are compared. */
  word(kind: DriftKind, ...words: readonly string[]): void {
    this.#add(kind, words.map(wordShown).join('|'))
  }

  /** Notes a name in the provider's own spelling, or several that lead to it. */
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

/** Letters and underscores, with at most one short number in between: no account, card, phone or e-mail address fits. */
const NAME = /^[A-Za-z][A-Za-z_]*(?:[0-9]{1,3}[A-Za-z_]*)?$/
const WORD = /^[A-Z][A-Z_]*(?:[0-9]{1,3}[A-Z_]*)?$/

function nameShown(name: string): string {
  return name.length <= CODE_LENGTH_MAX && NAME.test(name) ? name : NAME_NOT_SHOWN
}

function wordShown(word: string): string {
  const normal = word.length <= CODE_LENGTH_MAX ? normalizeWord(word) : ''
  return WORD.test(normal) ? normal : NAME_NOT_SHOWN
}
