import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The examples before the generated cases, and those of the folder that is mutated before the others: the first failure
 * ends a mutant's run, and an example fails in milliseconds. vitest's own order begins with the slowest file.
 */
class LikelyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

/** `src/providers/instamed/*.ts` has its tests in `test/providers/instamed`, `src/payment/**\/*.ts` in `test/payment`. */
const MUTATED = (process.env['MUTATE'] ?? '').replace(/^src\//, '').replace(/\/(\*|[^/]*$).*/, '')

function rank({ moduleId }: TestSpecification): number {
  return 2 * Number(moduleId.endsWith('.property.test.ts')) + Number(!moduleId.includes(`/test/${MUTATED}/`))
}

/** The tests that judge a mutant (stryker.config.mjs): those of the two folders, and of the rules as they are printed. */
export default defineConfig({
  test: {
    include: ['test/payment/**/*.test.ts', 'test/providers/**/*.test.ts', 'test/tools/rules.test.ts'],
    // They take seconds, and what they say (nothing throws, nothing leaks, nothing takes long) does not find small bugs.
    exclude: ['test/providers/fuzz.property.test.ts', 'test/providers/read-xml-time.test.ts'],
    setupFiles: ['test/lab/mutation/same-cases.ts'],
    env: { RUNS: '200' },
    // A slow machine must not look like a noticed mutant; Stryker itself ends one that hangs.
    testTimeout: 300_000,
    isolate: false,
    sequence: { sequencer: LikelyFirst },
  },
})
