import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { reportLines } from '../../../src/tools/conformance/report-lines.ts'
import { Deployment } from '../harness/deployment.ts'
import { judgeExample } from './judge-example.ts'
import { READERS } from './readers.ts'

/** The quickest of the samples: what I3 and I4 promise, seen by a reader that shares no code with the product. `make examples` judges all of them. */

let deployment: Deployment

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { prepare: false })
})

afterAll(() => deployment?.close())

test('the sample in Python, with the registry client of Confluent, holds every rule', async ({ signal }) => {
  const prepare = READERS['python']
  if (prepare === undefined) throw new Error('the sample is gone')
  const judgements = await judgeExample('python', prepare, deployment, {
    payments: 100,
    timeoutMs: 120_000,
    signal,
    report: () => {},
  })
  expect(
    judgements.filter(({ verdict }) => verdict.outcome !== 'holds'),
    reportLines(judgements).join('\n'),
  ).toEqual([])
})
