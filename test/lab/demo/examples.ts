import { readFileSync } from 'node:fs'
import type { Config } from '../../../src/config.ts'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import type { Expected } from './judge.ts'

interface Example {
  readonly source: string
  readonly fixture: string
  readonly expected: Expected
}

/** Example callbacks from the providers' documentation, with the statuses they must lead to. */
const EXAMPLES: readonly Example[] = [
  {
    source: 'jpm-v1',
    fixture: 'jpm-global-payments-v1/fixtures/seed-rejected.json',
    expected: { paymentKey: 'jpm-global-payments-v1:53038faa-43f6-42fc-9545-648fd2dab411', status: 'REJECTED' },
  },
  {
    source: 'jpm-v2',
    fixture: 'jpm-global-payments-v2/fixtures/seed-rejected.json',
    expected: { paymentKey: 'jpm-global-payments-v2:019b135e-ad7e-7000-a7ec-b42b96d56be3', status: 'REJECTED' },
  },
  {
    source: 'jpm-v2',
    fixture: 'jpm-global-payments-v2/fixtures/seed-completed.json',
    expected: { paymentKey: 'jpm-global-payments-v2:69d93dec-9887-4701-865f-0750e3b1b93c', status: 'COMPLETED' },
  },
]

/** Posts the examples; rejects if one is not accepted. */
export async function postExamples(config: Config, gatewayUrl: string): Promise<readonly Expected[]> {
  const sources = simulatedSources(config, gatewayUrl)
  for (const { source: id, fixture } of EXAMPLES) {
    const source = sources.find((candidate) => candidate.id === id)
    if (source === undefined) {
      throw new Error(`no source ${id} is configured`)
    }
    const response = await fetch(source.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...source.headers },
      body: readFileSync(new URL(`../../providers/${fixture}`, import.meta.url)),
    })
    if (response.status !== source.successCode) {
      throw new Error(`the gateway answered ${response.status} to the example ${fixture}`)
    }
  }
  return EXAMPLES.map((example) => example.expected)
}
