import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { cpus, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { certificate, rootCa } from '../../pki/certificate-authority.ts'
import { benchCallback } from '../bench/callbacks.ts'
import { Deployment } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { TlsFiles } from '../harness/tls-gateway.ts'
import { useStack } from '../stack/stack.ts'
import { openLoop } from './open-loop.ts'
import { RawCaller, type Target } from './raw-caller.ts'

/**
 * The gateway alone, on a real Kafka with acks=all: HTTP with a Basic password, and mutual TLS, beside a bare Node server
 * that stores nothing. Measures the answer latency at a fixed rate (open loop, from the moment a callback is due), and the
 * callbacks accepted per second when CONNECTIONS callers never pause.
 *
 * The last line is one JSON object. Compare ratios within one run: caller, gateway and broker share the machine.
 */
const RATE = envNumber('RATE', 1_000)
const SECONDS = envNumber('SECONDS', 15)
const WARM_UP_SECONDS = envNumber('WARM_UP_SECONDS', 10)
const CONNECTIONS = envNumber('CONNECTIONS', 128)

const files = new TlsFiles()
const stack = await useStack({ report: say })
let code = 0
try {
  const result = {
    cpus: cpus().length,
    node: process.version,
    callbacksPerSecond: RATE,
    connections: CONNECTIONS,
    bareNode: await measureBareNode(),
    http: await measureGateway(false),
    mutualTls: await measureGateway(true),
    // A load above the number of cores means that other programs were busy.
    loadAverage: loadavg().map((one) => Number(one.toFixed(1))),
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  process.stderr.write(`bench-gateway: ${(error as Error).stack}\n`)
  code = 1
} finally {
  await stack.stop()
  files.remove()
}
process.exit(code)

async function measureBareNode() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('bare-node.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    return await measure('bare Node', { host: '127.0.0.1', port: Number(port), path: '/', headers: [], tls: null })
  } finally {
    child.kill()
  }
}

async function measureGateway(mutualTls: boolean) {
  const ca = rootCa('CN=Bench')
  const client = certificate('CN=caller', ca)
  const password = randomUUID()
  const authentication = mutualTls
    ? { type: 'mtls', ca: files.write(ca.pem), pins: 'any' }
    : { type: 'basic', username: 'bench', password: { file: files.write(password) } }
  const deployment = await Deployment.create(stack, {
    partitions: 6,
    ...(mutualTls && { config: { gateway: { port: 0, tls: files.tls } } }),
    sources: [{ id: 'bench', provider: 'jpm-global-payments-v2', path: '/callbacks/bench', authentication }],
  })
  try {
    const gateway = await deployment.start(['gateway'])
    await gateway.ready()
    const { hostname, port } = new URL(gateway.gatewayUrl)
    const result = await measure(mutualTls ? 'gateway, mutual TLS' : 'gateway, HTTP', {
      host: hostname,
      port: Number(port),
      path: '/callbacks/bench',
      headers: mutualTls ? [] : [`Authorization: Basic ${Buffer.from(`bench:${password}`).toString('base64')}`],
      tls: mutualTls ? { ca: files.ca.pem, cert: client.pem, key: client.keyPem } : null,
    })
    await gateway.stop()
    return result
  } finally {
    await deployment.close()
  }
}

async function measure(what: string, target: Target) {
  const caller = await RawCaller.open(target, CONNECTIONS)
  try {
    await openLoop(caller, RATE, WARM_UP_SECONDS)
    const latency = await openLoop(caller, RATE, SECONDS)
    const throughput = await closedLoop(caller, SECONDS)
    const result = { ...latency, ...throughput }
    say(
      `${what}: at ${RATE}/s p50 ${result.p50} p99 ${result.p99} ms, ${latency.refused} refused; at most ${result.acceptedPerSecond} accepted/s, ${throughput.refusedAtMost} refused`,
    )
    return result
  } finally {
    caller.close()
  }
}

/** Every connection sends its next callback as soon as the previous one is answered. */
async function closedLoop(caller: RawCaller, seconds: number) {
  // Made in advance, so that generating callbacks is not measured.
  const bodies = Array.from({ length: 2_000 }, () => benchCallback(randomUUID(), 0))
  let accepted = 0
  let refused = 0
  let going = CONNECTIONS
  const settled = Promise.withResolvers<void>()
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  const send = (n: number): void => {
    caller.post(bodies[n % bodies.length] as Buffer, (status) => {
      if (status === 204) {
        accepted += 1
      } else {
        refused += 1
      }
      if (performance.now() < endsAt) {
        send(n + CONNECTIONS)
      } else {
        going -= 1
        if (going === 0) {
          settled.resolve()
        }
      }
    })
  }
  for (let n = 0; n < CONNECTIONS; n += 1) {
    send(n)
  }
  await settled.promise
  return {
    acceptedPerSecond: Math.round(accepted / ((performance.now() - startedAt) / 1_000)),
    refusedAtMost: refused,
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
