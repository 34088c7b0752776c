import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Runs examples before generated cases, and the tests of the mutated folder before others. The first failure ends a
 * mutant's run, and an example fails within milliseconds. vitest's own order starts with the slowest file.
 */
class LikelyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

/** The folder below `src` and `test`: `providers/instamed` for MUTATE='src/providers/instamed/*.ts'. */
const MUTATED = (process.env['MUTATE'] ?? '').replace(/^src\//, '').replace(/\/(\*|[^/]*$).*/, '')

function rank({ moduleId }: TestSpecification): number {
  return 2 * Number(moduleId.endsWith('.property.test.ts')) + Number(!moduleId.includes(`/test/${MUTATED}/`))
}

/** Not run with EXAMPLES_ONLY: generated cases take most of the time. */
const PROPERTIES = 'test/**/*.property.test.ts'

/** The tests that judge a mutant (stryker.config.mjs): those of the two mutated folders, and of the printed rules. */
export default defineConfig({
  test: {
    include: ['test/payment/**/*.test.ts', 'test/providers/**/*.test.ts', 'test/tools/rules.test.ts'],
    // The excluded tests take seconds and find no small bugs: they check that nothing throws, leaks or takes long.
    exclude: [
      process.env['EXAMPLES_ONLY'] ? PROPERTIES : 'test/providers/fuzz.property.test.ts',
      'test/providers/read-xml-time.test.ts',
    ],
    setupFiles: ['test/lab/mutation/same-cases.ts'],
    env: { RUNS: '200' },
    // A slow machine must not make a mutant fail; Stryker itself ends a mutant that hangs.
    testTimeout: 300_000,
    isolate: false,
    sequence: { sequencer: LikelyFirst },
  },
})
