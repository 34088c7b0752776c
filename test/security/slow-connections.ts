import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { envNumber } from '../harness/env-number.ts'
import { eventually } from '../harness/eventually.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureCommand } from '../stack/system-package.ts'
import { type Battery, withDeployment } from './battery.ts'
import { LegitimateCaller } from './legitimate-caller.ts'

const CONNECTIONS = envNumber('CONNECTIONS', 1_000)
/** All must be gone so long after the last of them was opened. */
const GONE_WITHIN_MS = 15_000
/** Much longer than that: the attack does not end by itself. */
const ATTACK_SECONDS = 60

interface Attack {
  readonly name: string
  /** Runs until its connections are gone, or its time is over. */
  readonly run: (url: URL, stop: AbortSignal) => Promise<unknown>
}

const ATTACKS: readonly Attack[] = [
  // -i: seconds between two pieces; -x: bytes of a piece; -s: the announced length of the body.
  slowhttptest('slow headers', '-H', '-i', '3', '-x', '24', '-t', 'POST'),
  slowhttptest('slow body', '-B', '-i', '3', '-x', '10', '-s', '8192', '-t', 'POST', '-f', 'application/json'),
  // A window of 512 to 1,024 bytes, of which 5 are read every 5 seconds; refused (GET), and accepted (POST).
  slowhttptest('slow read, refused', '-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '5', '-k', '3'),
  slowhttptest('slow read, accepted', '-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '5', '-k', '3', '-t', 'POST'),
  { name: 'connections that say nothing', run: silence },
]

/** I10: who is slow on purpose holds nothing for long, and costs nobody else an answer. */
export const slowConnections: Battery = {
  name: 'slow-connections',
  title: `slowhttptest with ${CONNECTIONS} connections: slow headers, slow body, slow read, silence`,
  run: async (world) => {
    await ensureCommand('slowhttptest', 'slowhttptest', world.say)
    const measured: Record<string, number | string> = {}
    const findings: string[] = []
    // All attackers are one address here; the share of an address would refuse a part of them at once. Half more than
    // there are, so that the crowd is noticed, but nobody is refused.
    const config = { gateway: { port: 0, connectionsPerAddressMax: Math.ceil(CONNECTIONS * 1.5) } }
    for (const attack of ATTACKS) {
      await withDeployment(world, ['gateway'], { config }, async (deployment, gateway) => {
        const sources = simulatedSources(deployment.config, gateway.gatewayUrl)
        const [target, legitimate] = ['instamed', 'jpm-v1'].map((id) => sources.find((source) => source.id === id))
        if (target === undefined || legitimate === undefined) {
          throw new Error('a source is missing')
        }
        const caller = LegitimateCaller.start(legitimate)
        await eventually(() => caller.answered >= 5 || Promise.reject(new Error('the legitimate caller is not served')))
        const stop = new AbortController()
        const attacking = attack.run(new URL(target.url), stop.signal)
        const watched = await watchConnections(() => gateway.metric('paystatus_gateway_connections'))
        stop.abort()
        await attacking
        await caller.stop()
        const { peak, goneAfterMs } = watched
        measured[`${attack.name}: connections at once`] = peak
        measured[`${attack.name}: gone after`] = goneAfterMs === null ? 'never' : `${goneAfterMs} ms`
        measured[`${attack.name}: legitimate caller`] =
          `${caller.answered} of ${caller.sent} answered, p50 ${caller.percentileMs(50)} ms, max ${caller.percentileMs(100)} ms`
        if (peak < CONNECTIONS * 0.9) {
          findings.push(`${attack.name}: only ${peak} connections were open at once`)
        }
        if (goneAfterMs === null || goneAfterMs > GONE_WITHIN_MS) {
          findings.push(
            `${attack.name}: connections were open ${goneAfterMs ?? `more than ${ATTACK_SECONDS * 1_000}`} ms`,
          )
        }
        if (caller.refused > 0) {
          findings.push(`${attack.name}: the legitimate caller was not served ${caller.refused} times`)
        }
      })
    }
    return {
      ran: `${ATTACKS.length} attacks of ${CONNECTIONS} connections each, at 250 to 500 new ones a second`,
      measured,
      findings,
    }
  },
}

/** How many connections there were at most, and how long after that nothing but the legitimate caller's was left. */
async function watchConnections(count: () => Promise<number>): Promise<{ peak: number; goneAfterMs: number | null }> {
  const startedAt = performance.now()
  let peak = 0
  let peakAt = startedAt
  while (performance.now() - startedAt < ATTACK_SECONDS * 1_000) {
    const now = await count()
    if (now >= peak) {
      peak = now
      peakAt = performance.now()
    }
    // The legitimate caller has one or two.
    if (peak > 10 && now <= 2) {
      return { peak, goneAfterMs: Math.round(performance.now() - peakAt) }
    }
    await delay(100)
  }
  return { peak, goneAfterMs: null }
}

function slowhttptest(name: string, ...options: readonly string[]): Attack {
  return {
    name,
    run: (url, stop) =>
      runCommand(
        [
          'slowhttptest',
          ...options,
          '-c',
          `${CONNECTIONS}`,
          '-r',
          '400',
          '-l',
          `${ATTACK_SECONDS}`,
          '-p',
          '5',
          '-v',
          '0',
          '-u',
          url.href,
        ],
        { signal: stop },
      ),
  }
}

async function silence(url: URL, stop: AbortSignal): Promise<void> {
  const sockets: Socket[] = []
  for (let n = 0; n < CONNECTIONS; n += 1) {
    // They never close by themselves.
    const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true })
    socket.on('error', () => {})
    sockets.push(socket)
    if (n % 25 === 24) {
      await delay(50)
    }
  }
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  for (const socket of sockets) {
    socket.destroy()
  }
}
