import type { Command } from 'commander'
import { assertReachable } from '../tools/simulate/assert-reachable.ts'
import { awaitInCurrent } from '../tools/simulate/await-in-current.ts'
import { mismatchLines } from '../tools/simulate/await-statuses.ts'
import { PLAN_DEFAULTS } from '../tools/simulate/plan.ts'
import { POST_DEFAULTS } from '../tools/simulate/post-callbacks.ts'
import { runSimulation, type SimulationReport } from '../tools/simulate/simulate.ts'
import { simulatedSources } from '../tools/simulated-sources.ts'
import { EXIT_FAILED, exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { countFromOne, durationMs, httpUrl, positiveNumber, share, wholeNumber } from './option-values.ts'

interface SimulateOptions extends JsonOption {
  readonly gateway?: string
  readonly payments: number
  readonly seed: number
  readonly rate?: number
  readonly concurrency: number
  readonly duplicates: number
  readonly reorder: number
  readonly late: number
  readonly malformed: number
  readonly multi: number
  readonly odd: number
  readonly out?: string
  /** ms */
  readonly await?: number
}

export function addSimulate(program: Command): void {
  program
    .command('simulate')
    .description('send callbacks to a gateway as the providers would; the same seed sends the same callbacks')
    .option('--gateway <url>', 'base URL of the gateway (default: from the configuration)', httpUrl)
    .option('--payments <n>', 'number of payments', countFromOne, 100)
    .option('--seed <n>', 'determines everything that is sent', wholeNumber, 1)
    .option('--rate <n>', 'callbacks per second, open loop (default: as fast as they are answered)', positiveNumber)
    .option('--concurrency <n>', 'concurrent requests', countFromOne, POST_DEFAULTS.concurrency)
    .option('--duplicates <share>', 'share of callbacks sent again', share, PLAN_DEFAULTS.duplicateShare)
    .option('--reorder <share>', 'share of payments with callbacks out of order', share, PLAN_DEFAULTS.reorderShare)
    .option(
      '--late <share>',
      'share of payments with one callback sent at the very end',
      share,
      PLAN_DEFAULTS.lateShare,
    )
    .option('--malformed <share>', 'share of malformed callbacks', share, PLAN_DEFAULTS.malformedShare)
    .option(
      '--multi <share>',
      "share of J.P. Morgan's callbacks that hold several payments",
      share,
      PLAN_DEFAULTS.multiPaymentShare,
    )
    .option(
      '--odd <share>',
      'share of payments with unusual times, ids, details or bytes, and of callbacks followed by an unreadable one',
      share,
      PLAN_DEFAULTS.oddShare,
    )
    .option('--out <file>', 'write what was sent and the expected final status of every payment')
    .option(
      '--await <duration>',
      'then wait up to this long for every payment to match its expected result; exit code 1 if one does not',
      durationMs,
    )
    .option('--json', 'print the counts as one JSON document')
    .action((options: SimulateOptions) => simulate(program, options))
}

async function simulate(program: Command, options: SimulateOptions): Promise<void> {
  const { config, logger } = setUp(program, 'gateway', ...(options.await === undefined ? [] : STATUSES))
  const gateway = options.gateway ?? `http://${config.gateway.host}:${config.gateway.port}`
  const signal = interrupted()
  await assertReachable(gateway)
  const report = await runSimulation({
    sources: simulatedSources(config, gateway),
    seed: options.seed,
    payments: options.payments,
    ratePerSecond: options.rate ?? null,
    concurrency: options.concurrency,
    duplicateShare: options.duplicates,
    reorderShare: options.reorder,
    lateShare: options.late,
    malformedShare: options.malformed,
    multiPaymentShare: options.multi,
    oddShare: options.odd,
    signal,
    ...(options.out !== undefined && { outFile: options.out }),
    ...(process.stderr.isTTY && {
      onProgress: ({ accepted, givenUp, callbacks }) => {
        process.stderr.write(`\r${accepted} of ${callbacks} callbacks${accepted + givenUp === callbacks ? '\n' : ''}`)
      },
    }),
  })
  const { payments: _, ...summary } = report
  const mismatches =
    options.await === undefined
      ? undefined
      : await awaitInCurrent(config, logger, report, { timeoutMs: options.await, signal })
  print(options.json, { ...summary, ...(mismatches !== undefined && { mismatches }) }, [
    ...simulationLines(report),
    ...(mismatches === undefined ? [] : mismatchLines(mismatches)),
  ])
  if (report.aborted || report.counts.givenUp > 0) {
    process.exitCode = EXIT_FAILED
  }
  exitWith(mismatches ?? [])
}

function simulationLines({ counts, expected, answerMs, seconds, aborted }: SimulationReport): readonly string[] {
  return [
    `${counts.accepted} of ${counts.callbacks} callbacks accepted in ${seconds} s, ${counts.attempts} attempts${aborted ? ', interrupted' : ''}`,
    ...(answerMs === null
      ? []
      : [`response times: p50 ${answerMs.p50} ms, p99 ${answerMs.p99} ms, max ${answerMs.max} ms`]),
    `expected: ${expected.events} events of ${expected.payments} payments, ${rangeText(expected.duplicates)} duplicates, ${rangeText(expected.deadLetters)} dead letters`,
    ...Object.entries(expected.paymentsByStatus).map(([status, count]) => `  ${status.padEnd(18)} ${count}`),
  ]
}

function rangeText({ min, max }: { readonly min: number; readonly max: number }): string {
  return min === max ? String(min) : `${min} to ${max}`
}
