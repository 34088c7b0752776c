import { stripTypeScriptTypes } from 'node:module'
import { expect, test } from 'vitest'
import { MISREADING_RELEASE, REFUSING_RELEASE } from './former-releases.ts'
import { mutatedFiles } from './mutants/mutant.ts'
import { readSource } from './mutants/mutated-checkout.ts'

test.each([MISREADING_RELEASE, REFUSING_RELEASE])(
  'the $name can still be made: its patches apply, and the result is TypeScript',
  (release) => {
    const files = mutatedFiles(release, (file) => readSource(file))
    expect(files.size).toBe(new Set(release.patches.map(({ file }) => file)).size)
    for (const [file, text] of files) {
      expect(() => stripTypeScriptTypes(text), file).not.toThrow()
    }
  },
)
