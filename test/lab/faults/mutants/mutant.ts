import type { Finder, Kind } from '../finding.ts'

/** One place in the sources, and its replacement in the mutant. */
interface Patch {
  /** Path in the checkout. */
  readonly file: string
  /** Occurs exactly once in the file; as short as possible. */
  readonly find: string
  readonly replace: string
}

/** What is changed in a copy of the product. */
export interface Patched {
  readonly name: string
  readonly patches: readonly Patch[]
}

/** A bug typical of this kind of software, planted into a copy of the product. */
export interface Mutant extends Patched {
  /** The wrong behaviour, in a sentence. */
  readonly what: string
  /** As in `make faults`; the faults of pointed-faults.ts can be named too. */
  readonly scenario: string
  readonly seed: number
  /** A finding of one of these kinds catches it; other findings of the run do not count. */
  readonly expects: readonly Kind[]
  /** Who must find it; the oracle by default. */
  readonly seenBy?: Finder
  /** Time to catch up after healing, ms, if missing it is what catches the mutant. */
  readonly healedMaxMs?: number
}

/** The text that a patch replaces is not in the sources, or not unique. */
class PatchError extends Error {
  readonly code = 'PATCH_DOES_NOT_APPLY'

  constructor({ name }: Patched, { file, find }: Patch, found: number) {
    super(
      `the patch of ${name} finds ${JSON.stringify(find)} ${found} times in ${file}, not once. ` +
        'Update it: test/lab/faults/mutants/mutants.ts, or old-release.ts.',
    )
    this.name = 'PatchError'
  }
}

/** The patched files, by path. Throws PatchError. */
export function mutatedFiles(patched: Patched, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const patch of patched.patches) {
    const { file, find, replace } = patch
    const parts = (files.get(file) ?? read(file)).split(find)
    if (parts.length !== 2) {
      throw new PatchError(patched, patch, parts.length - 1)
    }
    files.set(file, parts.join(replace))
  }
  return files
}
