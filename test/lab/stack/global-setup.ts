import type { TestProject } from 'vitest/node'
import { type StackInfo, useStack } from './stack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `attachStack(inject('stack'))` gives a test the servers themselves. */
    stack: StackInfo
  }
}

/** One stack for the whole integration run: that of `PAYSTATUS_STACK_FILE`, or a new one that ends with the run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await useStack({ report: (line) => console.error(line) })
  const { kafkaBrokers, redisUrl, registryUrl, pids, directory, control } = stack
  project.provide('stack', { kafkaBrokers, redisUrl, registryUrl, pids, directory, control })
  return () => stack.stop()
}
