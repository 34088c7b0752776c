import { defineConfig } from 'vitest/config'
import { PlainSummary } from './test/plain-summary.ts'

const INTEGRATION = 'test/**/*.integration.test.ts'

export default defineConfig({
  test: {
    reporters: ['default', new PlainSummary()],
    projects: [
      {
        test: {
          name: 'unit',
          // They share no state, and loading every module anew for each file took as long as the tests.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [INTEGRATION],
        },
      },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: 'test/stack/global-setup.ts',
          // They share one stack, and some of them take its servers down.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
