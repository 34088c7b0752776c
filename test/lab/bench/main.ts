import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { cpus } from 'node:os'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { tailChanges } from '../../../src/tools/tail.ts'
import { atRate } from '../harness/at-rate.ts'
import { Deployment, PAYSTATUS, type RoleProcess } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import { percentile } from '../harness/percentile.ts'
import { preloadRaw } from '../harness/preload-raw.ts'
import { cpuSeconds, peakRssMiB } from '../harness/process-usage.ts'
import { useStack } from '../stack/stack.ts'
import { benchCallback, benchCallbacks } from './callbacks.ts'

/**
 * Three measurements on real servers, all on one machine:
 *
 * 1. throughput: how fast normalizer and processor turn preloaded raw callbacks into transactional records in `changes`
 *    and `current`, and the CPU time and memory this takes;
 * 2. rebuild: how much longer the processor takes to become ready when Redis has lost all views of the first run;
 * 3. latency at a fixed rate, open loop: from the moment a callback is due to be sent to the gateway's answer, and to the
 *    change as a read_committed consumer sees it. A late sender counts as latency. Also how many cores each part uses.
 *
 * The last line is one JSON object. Compare ratios from one machine and day, not absolute figures.
 */
const CALLBACKS = envNumber('CALLBACKS', 200_000)
const WARM_UP_CALLBACKS = envNumber('WARM_UP_CALLBACKS', 100_000)
const RATE = envNumber('RATE', 1_000)
const LATENCY_SECONDS = envNumber('LATENCY_SECONDS', 20)
const WARM_UP_SECONDS = envNumber('WARM_UP_SECONDS', 10)
const PARTITIONS = envNumber('PARTITIONS', 6)
/** `VERIFY=1`: also measure `paystatus verify --all` and a dry run of `paystatus reprocess --all` over what the run left. */
const VERIFY = process.env['VERIFY'] === '1'
/** The number of processes that each run both stages, or `split` for one process per stage. */
const PROCESSES = process.env['PROCESSES'] ?? '1'

const stack = await useStack({ report: say })
let code = 0
try {
  // A broker that has just started runs interpreted code. Measure one that is warm.
  if (CALLBACKS > 0 && WARM_UP_CALLBACKS > 0) {
    say('warming up the broker (not counted)')
    await measureThroughput(WARM_UP_CALLBACKS)
  }
  const throughput = CALLBACKS === 0 ? null : await measureThroughput(CALLBACKS)
  const latency = LATENCY_SECONDS === 0 ? null : await measureLatency()
  const result = {
    cpus: cpus().length,
    node: process.version,
    partitions: PARTITIONS,
    processes: PROCESSES,
    ...(throughput && { throughput }),
    ...(latency && { latency }),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).stack}\n`)
  code = 1
} finally {
  await stack.stop()
}
process.exit(code)

async function measureThroughput(callbacks: number) {
  const deployment = await Deployment.create(stack, { partitions: PARTITIONS, config: { kafka: kafkaSection() } })
  try {
    say(`preloading ${callbacks} callbacks into ${deployment.topics.raw}, ${PARTITIONS} partitions`)
    const bodies = [...benchCallbacks(callbacks)]
    const bytes = bodies.reduce((sum, { length }) => sum + length, 0)
    await preloadRaw(
      deployment,
      bodies.map((body) => ({ provider: 'jpm-global-payments-v2', body })),
    )
    const observer = await Observer.create(deployment)
    const roles =
      PROCESSES === 'split'
        ? [['normalizer'], ['processor']]
        : Array(Number(PROCESSES)).fill(['normalizer', 'processor'])
    const processes = await Promise.all(roles.map((names: string[]) => deployment.start(names)))
    await Promise.all(processes.map((one) => one.ready()))
    const startedAt = performance.now()
    const cpuBefore = processes.map(({ pid }) => cpuSeconds(pid))
    await observer.caughtUp(600_000)
    const seconds = (performance.now() - startedAt) / 1_000
    const cpu = processes.reduce((sum, one, index) => sum + cpuSeconds(one.pid) - (cpuBefore[index] ?? 0), 0)
    const totals = await observer.totals()
    const rssMiB = processes.map(({ pid }) => peakRssMiB(pid))
    await Promise.all(processes.map((one) => one.stop()))
    const rebuild = await measureRebuild(deployment, observer)
    const verify = VERIFY ? await measureCommand(deployment, 'verify') : null
    const reprocess = VERIFY ? await measureCommand(deployment, 'reprocess') : null
    await observer.close()
    if (totals.events !== callbacks || totals.applied !== callbacks) {
      throw new Error(`${totals.events} events and ${totals.applied} applied, expected ${callbacks}`)
    }
    const result = {
      callbacks,
      bodyBytes: Math.round(bytes / callbacks),
      seconds: round(seconds, 2),
      callbacksPerSecond: Math.round(callbacks / seconds),
      cpuMicrosPerCallback: round((cpu / callbacks) * 1e6, 1),
      rssMiB,
      rebuild,
      ...(verify && { verify }),
      ...(reprocess && { reprocess }),
    }
    say(
      `${result.callbacksPerSecond} callbacks/s, ${result.cpuMicrosPerCallback} µs CPU per callback, peak ${rssMiB.join(' + ')} MiB; views rebuilt at ${rebuild.paymentsPerSecond} payments/s`,
    )
    return result
  } finally {
    await deployment.close()
  }
}

/** Starts once with the views intact and once without any; the difference is the rebuild. */
async function measureRebuild(deployment: Deployment, observer: Observer) {
  const secondsToReady = async () => {
    const startedAt = performance.now()
    const processor = await deployment.start(['processor'])
    await eventually(() => assertReady(processor), { timeoutMs: 120_000, everyMs: 10 })
    const seconds = (performance.now() - startedAt) / 1_000
    await processor.stop()
    return seconds
  }
  const kept = await secondsToReady()
  const { environment, processor } = deployment.config
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const slot = `{${environment}.${processor.group}.p${partition}}`
    await observer.redis.run((redis) => redis.unlink(`${slot}:view`, `${slot}:due`, `${slot}:refs`))
  }
  const rebuilt = await secondsToReady()
  const payments = (await observer.currentBytes()).reduce((sum, ofPartition) => sum + ofPartition.size, 0)
  return {
    payments,
    readyWithViewSeconds: round(kept, 2),
    readyWithoutViewSeconds: round(rebuilt, 2),
    paymentsPerSecond: Math.round(payments / (rebuilt - kept)),
  }
}

/** Time and peak memory of a command that compares everything; throws if it finds anything. */
async function measureCommand({ configFile }: Deployment, command: 'verify' | 'reprocess') {
  const startedAt = performance.now()
  const child = spawn(PAYSTATUS, ['--config', configFile, command, '--all', '--json'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let rssMiB = 0
  const look = setInterval(() => {
    rssMiB = Math.max(rssMiB, peakRssMiB(child.pid as number))
  }, 200)
  const [code] = await once(child, 'close')
  clearInterval(look)
  if (code !== 0) {
    throw new Error(`${command} ended with ${code}`)
  }
  const seconds = round((performance.now() - startedAt) / 1_000, 1)
  say(`${command}: ${seconds} s, peak ${rssMiB} MiB`)
  return { seconds, rssMiB }
}

async function assertReady(process: RoleProcess): Promise<void> {
  if (!(await process.health()).ready) {
    throw new Error('not ready')
  }
}

async function measureLatency() {
  const deployment = await Deployment.create(stack, { partitions: PARTITIONS, config: { kafka: kafkaSection() } })
  const stop = new AbortController()
  try {
    const processes = await Promise.all([deployment.start(['gateway']), deployment.start(['normalizer', 'processor'])])
    await Promise.all(processes.map((one) => one.ready()))
    const [source] = simulatedSources(deployment.config, processes[0]?.gatewayUrl ?? '').filter(
      ({ id }) => id === 'jpm-v2',
    )
    const dueAt = new Map<string, number>()
    const seenMs: number[] = []
    const listening = Promise.withResolvers<void>()
    const tail = tailChanges(deployment.config, deployment.logger, {
      fromBeginning: true,
      signal: stop.signal,
      onReady: listening.resolve,
      onChange: (change) => {
        const due = dueAt.get(change.paymentKey)
        if (due !== undefined) {
          seenMs.push(performance.now() - due)
        }
      },
    })
    await listening.promise
    const warmUp = RATE * WARM_UP_SECONDS
    const total = warmUp + RATE * LATENCY_SECONDS
    say(`${RATE} callbacks/s for ${LATENCY_SECONDS} s, after ${WARM_UP_SECONDS} s of warm-up`)
    const answerMs: number[] = []
    const [gateway, stages] = processes.map(({ pid }) => pid)
    const pids = Object.entries({ gateway, stages, broker: stack.pids.kafka, redis: stack.pids.redis })
    const cpuSoFar = () => pids.map(([, pid]) => (pid === undefined ? 0 : cpuSeconds(pid)))
    let cpuBefore: readonly number[] = []
    let settled = 0
    let refused = 0
    const agent = new Agent({ keepAlive: true, maxSockets: 256 })
    const url = new URL(source?.url ?? '')
    await atRate(RATE, total, (at, index) => {
      const counted = index >= warmUp
      if (index === warmUp) {
        cpuBefore = cpuSoFar()
      }
      const paymentId = randomUUID()
      if (counted) {
        dueAt.set(`jpm-global-payments-v2:${paymentId}`, at)
      }
      post(agent, url, source?.headers ?? {}, benchCallback(paymentId, 0), (status) => {
        settled += 1
        if (status !== source?.successCode) {
          refused += 1
        } else if (counted) {
          answerMs.push(performance.now() - at)
        }
      })
    })
    await eventually(
      () => {
        if (settled < total || seenMs.length < total - warmUp - refused) {
          throw new Error(`${settled} of ${total} answered, ${seenMs.length} changes seen`)
        }
      },
      { timeoutMs: 60_000 },
    )
    const cpu = cpuSoFar().map((seconds, index) => round((seconds - (cpuBefore[index] ?? 0)) / LATENCY_SECONDS, 2))
    agent.destroy()
    stop.abort()
    await tail
    await Promise.all(processes.map((one) => one.stop()))
    const result = {
      callbacksPerSecond: RATE,
      callbacks: total - warmUp,
      refused,
      answerMs: percentiles(answerMs),
      changeMs: percentiles(seenMs),
      cpuCores: Object.fromEntries(pids.map(([name], index) => [name, cpu[index]])),
    }
    say(
      `answer p50 ${result.answerMs.p50} p99 ${result.answerMs.p99} p99.9 ${result.answerMs.p999} ms; change p50 ${result.changeMs.p50} p99 ${result.changeMs.p99} p99.9 ${result.changeMs.p999} ms`,
    )
    return result
  } finally {
    stop.abort()
    await deployment.close()
  }
}

function post(
  agent: Agent,
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  onAnswer: (status: number) => void,
): void {
  const sent = request(
    url,
    {
      agent,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
    },
    (response) => {
      response.resume()
      response.on('end', () => onAnswer(response.statusCode ?? 0))
    },
  )
  sent.on('error', () => onAnswer(0))
  sent.end(body)
}

/** Topics of this run alone. */
function kafkaSection() {
  return { brokers: stack.kafkaBrokers, topicPrefix: `bench-${randomUUID().slice(0, 8)}.`, partitions: PARTITIONS }
}

function percentiles(values: readonly number[]) {
  const at = (share: number) => round(percentile(values, share) ?? 0, 1)
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
