import { setTimeout as delay } from 'node:timers/promises'
import type { RoleProcess } from '../harness/deployment.ts'
import { PRODUCT_MESSAGES } from './product-messages.ts'

/** How often the product took each code path that only failures lead to, by the name of the path. */
export type BranchCounts = Readonly<Record<string, number>>

/** Paths that a table lists even if they were not taken. */
export const BRANCHES = [
  'gateway 413',
  'gateway 503',
  'gateway disconnected',
  'lane in doubt',
  'fenced',
  'transaction committed',
  'transaction failed',
  'settled by commit',
  'settled by abort',
  'restore keep',
  'restore replay',
  'restore rebuild',
  'waited for Redis',
] as const

const LOOK_EVERY_MS = 500

/** Metrics that count such paths, and the names of these. */
const SERIES: readonly (readonly [RegExp, (label: string) => string])[] = [
  [/^paystatus_processor_restore_seconds_count\{kind="(\w+)"\} (\d+)/gm, (kind) => `restore ${kind}`],
  [/^paystatus_processor_transactions_total\{outcome="(\w+)"\} (\d+)/gm, (outcome) => `transaction ${outcome}`],
  [/^paystatus_processor_redis_waits_total()\s(\d+)/gm, () => 'waited for Redis'],
  [
    /^paystatus_gateway_requests_total\{source="[^"]*",code="(503|413|disconnected)"\} (\d+)/gm,
    (code) => `gateway ${code}`,
  ],
]

/**
 * Watches the metrics and logs of the processes. A killed process loses its counts since the last look, and only the end of a
 * very long log is kept, so the counts are lower bounds.
 */
export class BranchWatch {
  readonly #watched: { readonly role: RoleProcess; metrics: string; ended: boolean }[] = []
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>

  constructor() {
    this.#running = this.#run()
  }

  add(role: RoleProcess): void {
    const watched = { role, metrics: '', ended: false }
    this.#watched.push(watched)
    void role.exited.then(() => {
      watched.ended = true
    })
  }

  /** The counts of all processes so far, including exited ones. */
  async stop(): Promise<BranchCounts> {
    this.#stopped.abort()
    await this.#running
    await this.#look()
    return branchesOf(this.#watched.map(({ role, metrics }) => ({ output: role.output, metrics })))
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#look()
      await delay(LOOK_EVERY_MS, undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
  }

  async #look(): Promise<void> {
    await Promise.all(
      this.#watched
        .filter(({ ended }) => !ended)
        .map(async (watched) => {
          const answer = await fetch(`${watched.role.adminUrl}/metrics`, { signal: AbortSignal.timeout(LOOK_EVERY_MS) })
            .then((response) => response.text())
            // The process is dead or frozen.
            .catch(() => '')
          if (answer !== '') {
            watched.metrics = answer
          }
        }),
    )
  }
}

/** The sum of what the processes counted and logged. Pure. */
export function branchesOf(processes: readonly { readonly output: string; readonly metrics: string }[]): BranchCounts {
  const counts = new Map<string, number>()
  const add = (name: string, times: number) => counts.set(name, (counts.get(name) ?? 0) + times)
  for (const { output, metrics } of processes) {
    for (const [series, nameOf] of SERIES) {
      for (const [, label = '', value] of metrics.matchAll(series)) {
        add(nameOf(label), Number(value))
      }
    }
    for (const name of output.split('\n').flatMap(branchesOfLine)) {
      add(name, 1)
    }
  }
  return Object.fromEntries([...counts].filter(([, times]) => times > 0).sort())
}

/** INVALID_PRODUCER_EPOCH, INVALID_TXN_STATE, PRODUCER_FENCED: logs contain an error's code, not its type. */
const FENCED = /"code":(?:47|48|90)\b/

function branchesOfLine(line: string): readonly string[] {
  if (!line.startsWith('{')) {
    return []
  }
  const entry = parsed(line)
  switch (entry?.msg) {
    case PRODUCT_MESSAGES.inDoubt:
      return ['lane in doubt', ...(FENCED.test(line) ? ['fenced'] : [])]
    case PRODUCT_MESSAGES.halfEnded:
      return [`settled by ${entry.outcome}`]
    case PRODUCT_MESSAGES.rebuilt:
      return [`rebuilt because ${entry.why}`]
    default:
      return []
  }
}

function parsed(line: string): { readonly msg?: string; readonly outcome?: string; readonly why?: string } | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
