import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import type { RoleProcess } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { eventually } from '../harness/eventually.ts'
import { runCommand } from '../stack/run-command.ts'
import { ensureCommand } from '../stack/system-package.ts'
import { type Battery, withDeployment } from './battery.ts'
import { LegitimateCaller } from './legitimate-caller.ts'

const CONNECTIONS = envNumber('CONNECTIONS', 1_000)
/** All attacking connections must be gone this long after the last was opened. */
const GONE_WITHIN_MS = 15_000
/**
 * Connections per address in the attacked gateway. All attackers share one address here, and the default share would refuse
 * some of them at once. Half more than there are: enough to be crowded, without refusing any.
 */
const ROOM = Math.ceil(CONNECTIONS * 1.5)
/** Much longer than that, so that the attack does not end by itself. */
const ATTACK_SECONDS = envNumber('ATTACK_SECONDS', 60)

interface Attack {
  readonly name: string
  /** Connections that may stay until their keep-alive time is over; none by default. */
  readonly mayStay?: number
  /** Runs until its connections are gone or its time is over. */
  readonly run: (url: URL, stop: AbortSignal) => Promise<unknown>
}

const ATTACKS: readonly Attack[] = [
  // -i: seconds between two pieces; -x: bytes of a piece; -s: the announced length of the body.
  slowhttptest('slow headers', '-H', '-i', '3', '-x', '24', '-t', 'POST'),
  slowhttptest('slow body', '-B', '-i', '3', '-x', '10', '-s', '8192', '-t', 'POST', '-f', 'application/json'),
  // A window of 512 to 1,024 bytes, of which 5 are read every 5 seconds.
  slowhttptest('slow read', '-X', '-w', '512', '-y', '1024', '-n', '5', '-z', '5', '-k', '3'),
  // Callers that were served may keep their connections, as long as half of their address's share stays free.
  { name: 'accepted, and never read', mayStay: ROOM / 2, run: (url, stop) => hold(url, stop, ACCEPTED) },
  { name: 'connections that send nothing', run: (url, stop) => hold(url, stop, '') },
]

/** I10: deliberately slow callers hold nothing for long, and cost no other caller an answer. */
export const slowConnections: Battery = {
  name: 'slow-connections',
  title: `slowhttptest with ${CONNECTIONS} connections: slow headers, slow body, slow read, silence`,
  run: async (world) => {
    await ensureCommand('slowhttptest', 'slowhttptest', world.say)
    const measured: Record<string, number | string> = {}
    const findings: string[] = []
    const config = { gateway: { port: 0, connectionsPerAddressMax: ROOM } }
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
        const { mayStay = 0 } = attack
        const watched = await watchConnections(gateway, mayStay)
        stop.abort()
        await attacking
        await caller.stop()
        const { opened, peak, goneAfterMs } = watched
        measured[`${attack.name}: connections opened, at once`] = `${opened}, ${peak}`
        measured[`${attack.name}: ${mayStay === 0 ? 'the last gone' : `at most ${mayStay} left`} after`] =
          goneAfterMs === null ? 'never' : `${goneAfterMs} ms`
        measured[`${attack.name}: legitimate caller`] =
          `${caller.answered} of ${caller.sent} answered, p50 ${caller.percentileMs(50)} ms, max ${caller.percentileMs(100)} ms`
        if (opened < CONNECTIONS) {
          findings.push(`${attack.name}: only ${opened} connections were opened`)
        }
        if (goneAfterMs === null || goneAfterMs > GONE_WITHIN_MS) {
          findings.push(
            `${attack.name}: more than ${mayStay} connections were open ${goneAfterMs ?? `more than ${ATTACK_SECONDS * 1_000}`} ms`,
          )
        }
        if (caller.refused > 0) {
          findings.push(`${attack.name}: the legitimate caller was refused ${caller.refused} times`)
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

interface Watched {
  readonly opened: number
  readonly peak: number
  /** From the opening of the attack's last connection to the end of the last one that must go; null if there was none. */
  readonly goneAfterMs: number | null
}

async function watchConnections(gateway: RoleProcess, mayStay: number): Promise<Watched> {
  const startedAt = performance.now()
  let peak = 0
  let opened = 0
  let lastOpenedAt: number | null = null
  while (performance.now() - startedAt < ATTACK_SECONDS * 1_000) {
    const open = await gateway.metric('paystatus_gateway_connections')
    opened = await gateway.metric('paystatus_gateway_connections_opened_total')
    peak = Math.max(peak, open)
    if (lastOpenedAt === null && opened >= CONNECTIONS) {
      lastOpenedAt = performance.now()
    }
    // The legitimate caller has one, and slowhttptest sometimes opens one to check the server.
    if (lastOpenedAt !== null && open <= mayStay + 3) {
      return { opened, peak, goneAfterMs: Math.round(performance.now() - lastOpenedAt) }
    }
    await delay(100)
  }
  return { opened, peak, goneAfterMs: null }
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

/** Three requests that are all accepted. */
const ACCEPTED = 'POST PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'.repeat(3)

/** Opens connections, sends something on each, reads nothing, and closes none. */
async function hold(url: URL, stop: AbortSignal, text: string): Promise<void> {
  const sockets: Socket[] = []
  for (let n = 0; n < CONNECTIONS; n += 1) {
    const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true })
    socket.on('error', () => {})
    socket.pause()
    socket.write(text.replaceAll('PATH', url.pathname))
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
