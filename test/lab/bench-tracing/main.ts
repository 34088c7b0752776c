/**
 * `make bench-tracing`: what traces cost. One process with all roles gets RATE callbacks/s for SECONDS, in ROUNDS pairs: without
 * traces, and with SHARE of the callbacks sampled and sent to a receiver. Prints the CPU time of the process per callback, whose
 * median over the rounds tells the cost; answer times are printed, too, but vary more than traces cost.
 *
 * RATE=1000 SECONDS=20 ROUNDS=5 SHARE=0.01. The last line is one JSON object.
 */
import { cpus, loadavg } from 'node:os'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { openLoop } from '../bench-gateway/open-loop.ts'
import { RawCaller } from '../bench-gateway/raw-caller.ts'
import { Deployment } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { Observer } from '../harness/observer.ts'
import { OtlpReceiver } from '../harness/otlp-receiver.ts'
import { percentile } from '../harness/percentile.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { useStack } from '../stack/stack.ts'

const RATE = envNumber('RATE', 1_000)
const SECONDS = envNumber('SECONDS', 20)
const WARM_UP_SECONDS = envNumber('WARM_UP_SECONDS', 20)
const ROUNDS = Math.max(1, envNumber('ROUNDS', 5))
const SHARE = envNumber('SHARE', 0.01)
const CONNECTIONS = 64
const CATCH_UP_MAX_MS = 60_000

const stack = await useStack({ report: say })
const receiver = await OtlpReceiver.start()
let code = 0
try {
  const off = { name: 'without traces', micros: [] as number[], ...(await start({})) }
  const tracing = { endpoint: receiver.endpoint, sampleRatio: SHARE }
  const on = { name: `${SHARE * 100} % sampled`, micros: [] as number[], ...(await start({ tracing })) }
  await off.pass(WARM_UP_SECONDS)
  await on.pass(WARM_UP_SECONDS)
  for (let round = 1; round <= ROUNDS; round += 1) {
    // In turns, so that neither is always first.
    for (const one of round % 2 === 1 ? [off, on] : [on, off]) {
      const { micros, p50, p99 } = await one.pass(SECONDS)
      say(`round ${round}, ${one.name}: ${micros.toFixed(1)} µs of CPU per callback; answers p50 ${p50}, p99 ${p99} ms`)
      one.micros.push(micros)
    }
  }
  await off.close()
  await on.close()
  const without = percentile(off.micros, 0.5) ?? 0
  const sampled = percentile(on.micros, 0.5) ?? 0
  const result = {
    cpus: cpus().length,
    callbacksPerSecond: RATE,
    share: SHARE,
    microsWithout: Number(without.toFixed(1)),
    microsWith: Number(sampled.toFixed(1)),
    percent: Number(((sampled / without - 1) * 100).toFixed(1)),
    exports: receiver.requests.length,
    loadAverage: loadavg().map((one) => Number(one.toFixed(1))),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  process.stderr.write(`bench-tracing: ${(error as Error).stack}\n`)
  code = 1
} finally {
  await receiver.close()
  await stack.stop()
}
process.exit(code)

/** All roles in one process, and a caller. */
async function start(config: Readonly<Record<string, Record<string, unknown>>>) {
  const deployment = await Deployment.create(stack, { partitions: 6, config })
  const process = await deployment.start(['gateway', 'normalizer', 'processor'])
  await process.ready()
  const observer = await Observer.create(deployment)
  const source = simulatedSources(deployment.config, process.gatewayUrl).find(({ id }) => id === 'jpm-v2')
  const { hostname, port, pathname } = new URL(source?.url ?? '')
  const headers = Object.entries(source?.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  const target = { host: hostname, port: Number(port), path: pathname, headers, tls: null }
  return {
    async pass(seconds: number) {
      const caller = await RawCaller.open(target, CONNECTIONS)
      try {
        const before = cpuSeconds(process.pid)
        const { p50, p99, refused } = await openLoop(caller, RATE, seconds)
        if (refused > 0) {
          throw new Error(`${refused} callbacks were refused`)
        }
        await observer.caughtUp(CATCH_UP_MAX_MS)
        const micros = ((cpuSeconds(process.pid) - before) / (RATE * seconds)) * 1e6
        return { micros, p50, p99 }
      } finally {
        caller.close()
      }
    },
    async close() {
      await observer.close()
      await process.stop()
      await deployment.close()
    },
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
