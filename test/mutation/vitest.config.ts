import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The examples before the generated cases: the first failure ends a mutant's run, and an example fails in milliseconds.
 * vitest's own order begins with the slowest file.
 */
class ExamplesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted(
      (a, b) => Number(isGenerated(a)) - Number(isGenerated(b)) || (a.moduleId < b.moduleId ? -1 : 1),
    )
  }
}

function isGenerated({ moduleId }: TestSpecification): boolean {
  return moduleId.endsWith('.property.test.ts')
}

/** The tests that judge a mutant (stryker.config.mjs): those of the two folders, and of the rules as they are printed. */
export default defineConfig({
  test: {
    include: ['test/payment/**/*.test.ts', 'test/providers/**/*.test.ts', 'test/tools/rules.test.ts'],
    // They take seconds, and what they say (nothing throws, nothing leaks, nothing takes long) does not find small bugs.
    exclude: ['test/providers/fuzz.property.test.ts', 'test/providers/read-xml-time.test.ts'],
    setupFiles: ['test/mutation/same-cases.ts'],
    env: { RUNS: '200' },
    // A slow machine must not look like a noticed mutant; Stryker itself ends one that hangs.
    testTimeout: 300_000,
    isolate: false,
    sequence: { sequencer: ExamplesFirst },
  },
})
