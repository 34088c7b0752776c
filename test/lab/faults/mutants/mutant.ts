import type { Finder, Kind } from '../finding.ts'

/** One place in the sources, and what stands there in the mutant. */
interface Patch {
  /** Path in the checkout. */
  readonly file: string
  /** Stands there exactly once; as short as that allows. */
  readonly find: string
  readonly replace: string
}

/** A bug that this kind of software is known for, planted into a copy of the product. */
export interface Mutant {
  readonly name: string
  /** What it does wrong, in a sentence. */
  readonly what: string
  readonly patches: readonly Patch[]
  /** As in `make faults`; the faults of pointed-faults.ts can be named too. */
  readonly scenario: string
  readonly seed: number
  /** A finding of one of these kinds catches it; what the broken run also shows is not what is looked for. */
  readonly expects: readonly Kind[]
  /** Who has to see it: the oracle, if not given. */
  readonly seenBy?: Finder
  /** How long after the healing it must have caught up, ms, where that is what catches it. */
  readonly healedMaxMs?: number
}

/** The sources no longer say what a patch replaces. */
class PatchError extends Error {
  readonly code = 'PATCH_DOES_NOT_APPLY'

  constructor(mutant: Mutant, { file, find }: Patch, found: number) {
    super(
      `mutant ${mutant.name}: ${JSON.stringify(find)} stands ${found} times in ${file}, not once. ` +
        'Say in test/lab/faults/mutants/mutants.ts where the bug is to be planted now.',
    )
    this.name = 'PatchError'
  }
}

/** The changed files of a mutant, by path. Throws PatchError. */
export function mutatedFiles(mutant: Mutant, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const patch of mutant.patches) {
    const { file, find, replace } = patch
    const parts = (files.get(file) ?? read(file)).split(find)
    if (parts.length !== 2) {
      throw new PatchError(mutant, patch, parts.length - 1)
    }
    files.set(file, parts.join(replace))
  }
  return files
}
