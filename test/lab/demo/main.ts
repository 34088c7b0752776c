import { dirname, relative } from 'node:path'
import { changeLine } from '../../../src/tools/payment-story.ts'
import { runSimulation, type SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { tailChanges } from '../../../src/tools/tail.ts'
import { verify } from '../../../src/tools/verify/verify.ts'
import { type VerifyReport, verifyLines } from '../../../src/tools/verify/verify-report.ts'
import { Deployment } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { Observer } from '../harness/observer.ts'
import { useStack } from '../stack/stack.ts'
import { postExamples } from './examples.ts'
import { type DemoFigures, judge } from './judge.ts'
import { Supervisor } from './supervisor.ts'

/**
 * The product on real servers: callbacks of three providers go in, status changes come out. At the end every payment is
 * compared with its expected status, and `paystatus verify` recomputes everything from raw.
 *
 * ONCE=1 ends by itself, with one line of JSON, and with 1 on any mismatch or difference. Otherwise it stays up, for `tail`
 * and `show`.
 */
const ONCE = process.env['ONCE'] === '1'
const PAYMENTS = envNumber('PAYMENTS', ONCE ? 1_000 : 300)
const SEED = envNumber('SEED', 1)
const RATE = process.env['RATE'] === undefined ? (ONCE ? null : 60) : envNumber('RATE', 0)
for (const [name, value] of Object.entries({ PAYMENTS, RATE })) {
  if (value === 0) {
    process.stderr.write(`${name}=0: must be at least 1\n`)
    process.exit(2)
  }
}
/** The most changes to print. */
const LINES_MAX = ONCE ? 25 : 2_000

const startedAt = performance.now()
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A second signal ends the process at once; the guards of the stack and of the processes clean up.
  process.once(signal, () => {
    say('stopping; once more ends it at once')
    stop.abort()
  })
}

say('starting Kafka, Redis and the schema registry')
const stack = await useStack({ report: say })
// Holds the configuration, which `tail` and `show` in another terminal need, secrets and pids. Removed at the end if ours.
const givenDirectory = process.env['PAYSTATUS_DEMO_DIR']
let exitCode = 0
let deployment: Deployment | undefined
try {
  say('creating topics, registering schemas')
  deployment = await Deployment.create(stack, {
    partitions: 6,
    ...(givenDirectory !== undefined && { directory: givenDirectory }),
  })
  stop.signal.throwIfAborted()
  exitCode = await play(deployment)
} catch (error) {
  if (error !== stop.signal.reason) throw error
  say('stopped before the first callback')
  exitCode = 1
} finally {
  await deployment?.close()
  await stack.stop()
}
process.exit(exitCode)

async function play(deployment: Deployment): Promise<number> {
  const supervisor = new Supervisor(deployment, dirname(deployment.configFile), say)
  const gateway = await supervisor.start('gateway')
  await Promise.all([supervisor.start('normalizer'), supervisor.start('processor')])
  await supervisor.ready()
  if (stop.signal.aborted) {
    await supervisor.stop()
  }
  stop.signal.throwIfAborted()
  say(`gateway, normalizer and processor are up; the gateway listens on ${gateway.gatewayUrl}`)

  let shown = 0
  const tailReady = Promise.withResolvers<void>()
  const tailStop = new AbortController()
  const tail = tailChanges(deployment.config, deployment.logger, {
    fromBeginning: true,
    signal: AbortSignal.any([stop.signal, tailStop.signal]),
    onReady: tailReady.resolve,
    onChange: (change) => {
      shown += 1
      if (shown <= LINES_MAX) {
        process.stdout.write(`  ${changeLine(change)}\n`)
      } else if (shown === LINES_MAX + 1) {
        say('more changes follow; they are not shown')
      }
    },
  })
  await tailReady.promise

  say("posting the examples from the providers' documentation")
  const examples = await postExamples(deployment.config, gateway.gatewayUrl)
  say(`simulating ${PAYMENTS} payments, seed ${SEED}${RATE === null ? '' : `, ${RATE} callbacks/s`}`)
  const report = await runSimulation({
    sources: simulatedSources(deployment.config, gateway.gatewayUrl),
    payments: PAYMENTS,
    seed: SEED,
    ratePerSecond: RATE,
    startTimeMs: Date.now() - 3_600_000,
    signal: stop.signal,
  })
  const observer = await Observer.create(deployment)
  try {
    await observer.caughtUp(120_000)
    tailStop.abort()
    await tail
    const judgement = await judge(observer, report, examples)
    const verification = stop.signal.aborted ? null : await verify(deployment.config, deployment.logger)
    const figures: DemoFigures = {
      callbacks: report.counts.callbacks + examples.length,
      accepted: report.counts.accepted + examples.length,
      ...judgement.figures,
      verified: verification?.ok === true,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    }
    summarize(figures, judgement.paymentsByStatus, judgement.problems, report, verification)
    if (!ONCE && !stop.signal.aborted) {
      await stayUp(deployment, gateway.gatewayUrl, report)
    }
    await supervisor.stop()
    process.stdout.write(`${JSON.stringify(figures)}\n`)
    return figures.mismatches === 0 && figures.verified && !report.aborted ? 0 : 1
  } finally {
    await observer.close()
  }
}

function summarize(
  figures: DemoFigures,
  paymentsByStatus: ReadonlyMap<string, number>,
  problems: readonly string[],
  report: SimulationReport,
  verification: VerifyReport | null,
): void {
  const width = 44
  const row = (name: string, value: number | string) => `  ${name.padEnd(width)} ${value}`
  const statuses = [...paymentsByStatus].sort(([, a], [, b]) => b - a)
  const lines = [
    '',
    'summary',
    row(report.aborted ? 'callbacks planned before the interruption' : 'callbacks sent', figures.callbacks),
    row('accepted by the gateway', figures.accepted),
    row('distinct events recorded', figures.events),
    row('duplicates recognized', figures.duplicates),
    row('late, revisions, conflicts', `${figures.late}, ${figures.revisions}, ${figures.conflicts}`),
    row('dead letters (malformed on purpose)', figures.deadLetters),
    row('payments', figures.payments),
    ...statuses.map(([status, count]) => row(`  ${status}`, count)),
    row('mismatches against the expected statuses', figures.mismatches),
    ...problems.slice(0, 20).map((problem) => `    ${problem}`),
    ...(report.answerMs === null
      ? []
      : [row('gateway answer, p50 / p99', `${report.answerMs.p50} / ${report.answerMs.p99} ms`)]),
    '',
    'recomputed from the raw callbacks by paystatus verify --all',
    ...(verification === null ? ['not run: interrupted'] : verifyLines(verification)).map((line) => `  ${line}`),
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Prints commands to look further, and waits for Ctrl-C. */
async function stayUp(deployment: Deployment, gatewayUrl: string, report: SimulationReport): Promise<void> {
  const paystatus = relative(process.cwd(), 'bin/paystatus') || 'bin/paystatus'
  const interesting = report.payments.find((payment) => payment.delivered && payment.steps.length > 3)
  const command = (rest: string) => `  ${paystatus} -c ${deployment.configFile} ${rest}`
  process.stdout.write(
    [
      'everything stays up until Ctrl-C; try in another terminal:',
      command(`show ${interesting?.paymentKey ?? '<payment>'}`),
      command(`why ${interesting?.paymentKey ?? '<payment>'}`),
      command('verify --all'),
      command('tail'),
      command(`simulate --gateway ${gatewayUrl} --payments 50 --seed ${SEED + 1}`),
      '',
    ].join('\n'),
  )
  await new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve(), { once: true })
    // An abort listener does not keep the process alive.
    const alive = setInterval(() => {}, 60_000)
    stop.signal.addEventListener('abort', () => clearInterval(alive), { once: true })
  })
}

function say(line: string): void {
  process.stdout.write(`[${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(5)} s] ${line}\n`)
}
