import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureSchemathesis } from '../stack/schemathesis.ts'
import type { Deployment, RoleProcess } from './deployment.ts'

export interface ContractRun {
  /** Requests that schemathesis generated. */
  readonly generated: number
  /** Its findings, verbatim. Empty if the gateway answers as described. */
  readonly failures: readonly string[]
  /** Requests that the gateway counted meanwhile, by code. */
  readonly codes: Readonly<Record<string, number>>
  readonly seed: number
  readonly seconds: number
}

/** No 5xx, and nothing that the description does not list: code, media type, headers, body. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
  'ignored_auth',
]

/**
 * Runs schemathesis against a gateway, with its sources' credentials and the description from its admin port: generated
 * bodies, media types, headers, methods, and missing credentials.
 */
export async function checkContract(
  deployment: Deployment,
  gateway: RoleProcess,
  options: { readonly examplesPerOperation: number; readonly seed: number },
): Promise<ContractRun> {
  const schemathesis = await ensureSchemathesis((line) => console.error(line))
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-contract-'))
  const report = join(directory, 'report.json')
  const before = await codesOf(gateway)
  try {
    const { output } = await runCommand([
      ...schemathesis,
      ...['run', `${gateway.adminUrl}/openapi.json`, '--url', gateway.gatewayUrl],
      ...['--phases', 'examples,coverage,fuzzing', '--max-examples', String(options.examplesPerOperation)],
      ...['--seed', String(options.seed), '--checks', CHECKS.join(','), '--continue-on-failure', '--no-shrink'],
      ...['--suppress-health-check', 'all', '--report-json-path', report],
      ...credentials(deployment, gateway),
    ])
    const text = await readFile(report, 'utf8').catch(() => {
      throw new Error(`schemathesis did not run:\n${output.slice(-3_000)}`)
    })
    const { test_cases, failures, errors, complete, running_time } = JSON.parse(text) as Report
    const after = await codesOf(gateway)
    return {
      generated: test_cases.generated,
      failures: [...failures, ...errors, ...(complete ? [] : ['it did not end'])].map((found) => JSON.stringify(found)),
      codes: Object.fromEntries(
        Object.entries(after).flatMap(([code, count]) => {
          const more = count - (before[code] ?? 0)
          return more > 0 ? [[code, more]] : []
        }),
      ),
      seed: options.seed,
      seconds: Math.round(running_time),
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface Report {
  readonly test_cases: { readonly generated: number }
  readonly failures: readonly unknown[]
  readonly errors: readonly unknown[]
  readonly complete: boolean
  readonly running_time: number
}

function credentials(deployment: Deployment, gateway: RoleProcess): readonly string[] {
  const headers = Object.assign(
    {},
    ...simulatedSources(deployment.config, gateway.gatewayUrl).map((source) => source.headers),
  ) as Record<string, string>
  return Object.entries(headers).flatMap(([name, value]) => {
    const basic = /^Basic (.+)$/.exec(value)?.[1]
    // As a mere header it would also be sent where schemathesis looks whether callers without credentials are refused.
    return basic === undefined
      ? ['--header', `${name}: ${value}`]
      : ['--auth', Buffer.from(basic, 'base64').toString('utf8')]
  })
}

async function codesOf(gateway: RoleProcess): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const series = /^paystatus_gateway_requests_total\{source="[^"]*",code="(\w+)"\} (\d+)$/gm
  for (const [, code = '', count] of (await gateway.metricsText()).matchAll(series)) {
    counts[code] = (counts[code] ?? 0) + Number(count)
  }
  return counts
}
