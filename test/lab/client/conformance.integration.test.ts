import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { judgeSubscriber } from '../../../src/tools/conformance/conformance.ts'
import { SCENARIO_NAMES } from '../../../src/tools/conformance/scenarios.ts'
import { subscriberProcess } from '../../../src/tools/conformance/subscriber-process.ts'
import { Deployment } from '../harness/deployment.ts'

/** The conformance kit judges a process that uses @paystatus/client: with a newer release, a kill and a restart in between. */

let deployment: Deployment
let folder: string
beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { prepare: false })
  folder = mkdtempSync(join(tmpdir(), 'paystatus-client-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await deployment.close()
})

test('a subscriber that uses the client breaks no rule', async () => {
  const { config, logger } = deployment
  const command = [process.execPath, join(import.meta.dirname, 'main.ts')]
  const judgements = await judgeSubscriber(
    config,
    logger,
    {
      topicPrefix: `${config.kafka.topicPrefix}client.`,
      scenarios: SCENARIO_NAMES,
      manyPayments: 1_000,
      signal: new AbortController().signal,
    },
    {
      table: { kind: 'file', path: join(folder, 'table.jsonl') },
      subscriber: (environment) => subscriberProcess(command, { ...process.env, ...environment }, () => {}),
      timeoutMs: 120_000,
      keepTopics: false,
      onPhase: () => {},
    },
  )
  const outcomes = judgements.map(({ rule, verdict }) => `${rule}: ${verdict.outcome}`)
  expect(judgements.filter(({ verdict }) => verdict.outcome === 'broken')).toEqual([])
  expect(outcomes.filter((one) => !one.endsWith('holds'))).toEqual([])
})
