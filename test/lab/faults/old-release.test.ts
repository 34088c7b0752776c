import { stripTypeScriptTypes } from 'node:module'
import { expect, test } from 'vitest'
import { mutatedFiles } from './mutants/mutant.ts'
import { readSource } from './mutants/mutated-checkout.ts'
import { OLD_RELEASE } from './old-release.ts'

test('the older release can still be made: its patches apply, and the result is TypeScript', () => {
  const files = mutatedFiles(OLD_RELEASE, (file) => readSource(file))
  expect(files.size).toBe(4)
  for (const [file, text] of files) {
    expect(() => stripTypeScriptTypes(text), file).not.toThrow()
  }
})
