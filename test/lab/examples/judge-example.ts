import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { judgeSubscriber } from '../../../src/tools/conformance/conformance.ts'
import type { Judgement } from '../../../src/tools/conformance/rules.ts'
import { SCENARIO_NAMES } from '../../../src/tools/conformance/scenarios.ts'
import { subscriberProcess } from '../../../src/tools/conformance/subscriber-process.ts'
import type { Deployment } from '../harness/deployment.ts'
import type { PrepareReader } from './readers.ts'

export interface JudgeExampleOptions {
  /** Payments that are there at the start. */
  readonly payments: number
  /** How long the sample may take for one phase. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly report: (line: string) => void
}

/** Builds a sample, and lets the conformance kit judge it. Rejects if it cannot be built. */
export async function judgeExample(
  name: string,
  prepare: PrepareReader,
  { config, logger }: Deployment,
  { payments, timeoutMs, signal, report }: JudgeExampleOptions,
): Promise<readonly Judgement[]> {
  const directory = await mkdtemp(join(tmpdir(), `paystatus-example-${name}-`))
  try {
    const { command, table } = await prepare(directory, report)
    return await judgeSubscriber(
      config,
      logger,
      { topicPrefix: `${basename(directory)}.`, scenarios: SCENARIO_NAMES, manyPayments: payments, signal },
      {
        table,
        // What it prints last is in the report if it ends.
        subscriber: (environment) => subscriberProcess(command, environment, () => {}),
        timeoutMs,
        keepTopics: false,
        onPhase: () => {},
      },
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
