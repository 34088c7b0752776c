import { strip } from './clean-text.ts'
import type { DriftNotes, KnownNames } from './drift.ts'
import { endOfString } from './nesting.ts'

/** A name that appears more than once in one object. JSON allows it, and a parser silently keeps the last value. */
export interface DuplicateName {
  /** Names and array positions from the root to the object. */
  readonly path: readonly (string | number)[]
  readonly name: string
  /** True if all its values are equal, so that it does not matter which one counts. */
  readonly equal: boolean
}

type Path = DuplicateName['path']

/** An object of a body: its names that have different values, and the objects and lists in it that have such names. */
class Place {
  readonly ambiguous = new Set<string>()
  readonly inner = new Map<string | number, Place>()
}

/** All duplicate names of a body. A question takes as long as its path, however many there are. */
export class DuplicateNames {
  /** Almost always empty. */
  readonly list: readonly DuplicateName[]
  readonly #root = new Place()

  constructor(list: readonly DuplicateName[]) {
    this.list = list
    for (const { path, name, equal } of list) {
      if (!equal) {
        let place = this.#root
        for (const step of path) {
          const inner = place.inner.get(step) ?? new Place()
          place.inner.set(step, inner)
          place = inner
        }
        place.ambiguous.add(name)
      }
    }
  }

  /**
   * The first of `names` that has different values in the object at `path`. Whichever value counted, the other would be lost
   * silently.
   */
  ambiguousAt(path: Path, names: KnownNames): string | null {
    for (const name of this.#at(path)?.ambiguous ?? []) {
      if (names.has(name)) {
        return name
      }
    }
    return null
  }

  /** Whether `name` has different values in the object at `path`. */
  isAmbiguous(path: Path, name: string): boolean {
    return this.#at(path)?.ambiguous.has(name) ?? false
  }

  #at(path: Path): Place | undefined {
    let place: Place | undefined = this.#root
    for (const step of path) {
      place = place?.inner.get(step)
    }
    return place
  }
}

const NO_DUPLICATES = new DuplicateNames([])

/**
 * Finds the names that appear more than once in an object. `text` is valid JSON, `value` is its parsed form, and
 * `memberCount` is the number of members that the text has in all its objects, repeats included.
 *
 * Almost no body has any. If the number of parsed members equals `memberCount`, there are none; otherwise the text is
 * scanned again.
 */
export function duplicateNamesIn(text: string, value: unknown, memberCount: number): DuplicateNames {
  return membersOf(value) === memberCount ? NO_DUPLICATES : new DuplicateNames(new Scanner(text).duplicates())
}

/** Number of members in all objects of `value`. Recurses as deep as the text was nested, which is bounded. */
function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0
  }
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      count += membersOf(item)
    }
    return count
  }
  for (const name in value) {
    count += 1
    const inner = (value as Record<string, unknown>)[name]
    if (typeof inner === 'object') {
      count += membersOf(inner)
    }
  }
  return count
}

/** Notes every duplicate name. Array positions and the path to the element of the callback are left out. */
export function noteDuplicates(drift: DriftNotes, duplicates: DuplicateNames): void {
  for (const { path, name } of duplicates.list) {
    const element = path.findIndex((step) => typeof step === 'number')
    const names = path.slice(element + 1).filter((step) => typeof step === 'string')
    drift.name('duplicate-name', ...names, name)
  }
}

/** A scanned JSON value. An object is a Map, so that no name has a special meaning. */
type Scanned = string | number | boolean | null | readonly Scanned[] | ReadonlyMap<string, Scanned>

/** Texts are compared stripped, as they are read. */
function isEqual(one: Scanned | undefined, other: Scanned | undefined): boolean {
  if (one instanceof Map && other instanceof Map) {
    return one.size === other.size && [...one].every(([name, value]) => isEqual(value, other.get(name)))
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((item, index) => isEqual(item, other[index]))
  }
  return typeof one === 'string' && typeof other === 'string' ? strip(one) === strip(other) : one === other
}

/** Scans a JSON text that is known to be valid and not nested too deep for the stack. */
class Scanner {
  readonly #text: string
  readonly #found: DuplicateName[] = []
  readonly #path: (string | number)[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  duplicates(): readonly DuplicateName[] {
    this.#value()
    return this.#found
  }

  /** Returns the value at the current position and moves past it. */
  #value(): Scanned {
    this.#skipBlanks()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      default:
        return this.#scalar()
    }
  }

  #object(): Scanned {
    const members = new Map<string, Scanned>()
    const repeated = new Map<string, boolean>()
    this.#at += 1
    while (!this.#ends('}')) {
      const name = this.#scalar() as string
      this.#skip(':')
      this.#path.push(name)
      const value = this.#value()
      this.#path.pop()
      if (members.has(name)) {
        repeated.set(name, (repeated.get(name) ?? true) && isEqual(members.get(name), value))
      }
      members.set(name, value)
      this.#skip(',')
    }
    for (const [name, equal] of repeated) {
      this.#found.push({ path: [...this.#path], name, equal })
    }
    return members
  }

  #array(): Scanned {
    const items: Scanned[] = []
    this.#at += 1
    while (!this.#ends(']')) {
      this.#path.push(items.length)
      items.push(this.#value())
      this.#path.pop()
      this.#skip(',')
    }
    return items
  }

  #scalar(): string | number | boolean | null {
    const start = this.#at
    this.#at = this.#text[start] === '"' ? endOfString(this.#text, start) + 1 : this.#endOf(WORD)
    return JSON.parse(this.#text.slice(start, this.#at))
  }

  /** Whether the object or array ends here; if so, moves past its end. */
  #ends(bracket: '}' | ']'): boolean {
    this.#skipBlanks()
    const ends = this.#text[this.#at] === bracket
    this.#at += ends ? 1 : 0
    return ends
  }

  /** Moves past the mark if it is next. */
  #skip(mark: ':' | ','): void {
    this.#skipBlanks()
    this.#at += this.#text[this.#at] === mark ? 1 : 0
  }

  #skipBlanks(): void {
    this.#at = this.#endOf(BLANKS)
  }

  /** End of the match of the pattern at the current position. */
  #endOf(pattern: RegExp): number {
    pattern.lastIndex = this.#at
    return this.#at + (pattern.exec(this.#text)?.[0].length ?? 0)
  }
}

const BLANKS = /[ \t\n\r]*/y
/** A number, `true`, `false` or `null`. */
const WORD = /[-+.\w]*/y
