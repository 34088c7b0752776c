import { defineConfig } from 'vitest/config'
import { PlainSummary } from './test/plain-summary.ts'

const INTEGRATION = 'test/**/*.integration.test.ts'
/** These need a Docker daemon and the image of paystatus. */
const CONTAINERS = [
  'test/**/*.container.test.ts',
  'packages/*/test/**/*.container.test.ts',
  'examples/*/test/**/*.test.ts',
]
/** Workspaces run from their sources, as the rest. */
const FROM_SOURCE = {
  resolve: { conditions: ['paystatus-source'] },
  ssr: { resolve: { conditions: ['paystatus-source'] } },
}

export default defineConfig({
  test: {
    reporters: ['default', new PlainSummary()],
    projects: [
      {
        test: {
          name: 'unit',
          // They share no state, and loading every module anew for each file took as long as the tests.
          isolate: false,
          // Otherwise all cores but one.
          maxWorkers: '100%',
          include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'],
          exclude: [INTEGRATION, ...CONTAINERS],
          // They take milliseconds, on a busy machine seconds.
          testTimeout: 30_000,
        },
      },
      {
        ...FROM_SOURCE,
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: 'test/lab/stack/global-setup.ts',
          // They mostly wait: for sessions to expire, brokers to elect, processes to start. They share one stack, in which each
          // file has names of its own; a file that breaks servers or configures them differently starts its own.
          maxWorkers: 3,
          // A limit for what hangs: on a slow and busy machine, a test takes several times as long.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...FROM_SOURCE,
        test: {
          name: 'containers',
          include: CONTAINERS,
          // Each starts a whole stack of its own.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
