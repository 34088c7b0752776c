import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import type { Slot } from './cluster.ts'
import type { Fault } from './fault.ts'
import type { Lab, Role } from './lab.ts'
import { slotsOf } from './lab.ts'
import { mutatedCheckout } from './mutants/mutated-checkout.ts'
import { OLD_RELEASE, OLD_RETURN_PREFIX } from './old-release.ts'

/** Misreadings that the older release publishes before it is replaced. */
const WRONG_STATUSES_MIN = 60
const WRONG_KEYS_MIN = 2
const MISREAD_MAX_MS = 30_000
/** How long the old and the new release of a role run side by side. */
const SIDE_BY_SIDE_MS: readonly [number, number] = [1_000, 2_500]
/** How often the tool is killed, and after how long. Its first seconds are the start of Node.js. */
const TOOL_KILLS = 3
const TOOL_LIVES_MS: readonly [number, number] = [1_000, 8_000]
/** Readings per second, so that a kill can interrupt the publishing. */
const RATE = 40
const BROKER_DOWN_MS: readonly [number, number] = [3_000, 8_000]
const PROCESSOR_DOWN_MS: readonly [number, number] = [500, 3_000]
const REPROCESSED_MAX_MS = 90_000

/**
 * A release with older, wrong mappings runs for a while, then an upgrade replaces it process by process, in one of both orders.
 * `paystatus reprocess --apply` must set right what it read, although callbacks keep arriving, and although the tool, a processor
 * and a broker are killed at random moments. In the end nothing is left to do, and the judges see every payment as if the right
 * mappings had been there from the start.
 */
export const reprocess: Fault = {
  name: 'reprocess',
  area: 'operation',
  also: ['role', 'broker'],
  // Longer than other faults. A campaign has runs of its own for it.
  onDemand: true,
  lastsMs: [0, 1_000],
  async inject(lab, random) {
    const old = await mutatedCheckout(OLD_RELEASE, dirname(dirname(lab.deployment.program)))
    lab.hadOlderMappings = true
    await Promise.all([...slotsOf('normalizer'), ...slotsOf('processor')].map((slot) => lab.deploy(slot, old.program)))
    const misread = await awaitMisreadings(lab)
    const order: readonly Role[] = random.shuffle(['normalizer', 'processor'])
    return {
      what: `a release with older mappings runs, and has misread ${misread.statuses} statuses and ${misread.keys} keys`,
      heal: async () => {
        await upgrade(lab, order, random)
        await old.remove()
        await reprocessUnderFire(lab, random)
        lab.atRest.push(() => leavesNothing(lab))
      },
    }
  },
}

interface Misreadings {
  readonly statuses: number
  readonly keys: number
}

async function awaitMisreadings(lab: Lab): Promise<Misreadings> {
  const observer = await Observer.create(lab.deployment)
  try {
    return await eventually(
      async () => {
        const found = await misreadingsIn(observer)
        if (found.statuses < WRONG_STATUSES_MIN || found.keys < WRONG_KEYS_MIN) {
          throw new Error(`the older release has misread ${found.statuses} statuses and ${found.keys} keys so far`)
        }
        return found
      },
      { timeoutMs: MISREAD_MAX_MS, everyMs: 1_000 },
    )
  } finally {
    await observer.close()
  }
}

async function misreadingsIn(observer: Observer): Promise<Misreadings> {
  const records = await observer.records('events')
  const events = records.map(({ value }) => observer.codecs.event.decode(value as Buffer))
  return {
    statuses: events.filter(({ status, sourceStatus }) => status === 'UNKNOWN' && sourceStatus === 'COMPLETED').length,
    keys: events.filter(({ paymentKey }) => paymentKey.includes(`:${OLD_RETURN_PREFIX}`)).length,
  }
}

/** Replaces the processes one by one. Old and new ones share the partitions of both topics meanwhile. */
async function upgrade(lab: Lab, order: readonly Role[], random: Random): Promise<void> {
  lab.say(`upgrade: first the ${order.join('s, then the ')}s`)
  for (const slot of order.flatMap(slotsOf)) {
    await lab.deploy(slot, lab.deployment.program)
    await delay(random.integer(...SIDE_BY_SIDE_MS))
  }
}

async function reprocessUnderFire(lab: Lab, random: Random): Promise<void> {
  const firing = Promise.all([killAProcessor(lab, random), killABroker(lab, random)])
  firing.catch(() => {})
  for (let kill = 1; kill <= TOOL_KILLS; kill += 1) {
    const livesMs = random.integer(...TOOL_LIVES_MS)
    const { code, stdout, stderr } = await apply(lab, `run ${kill}, to be killed`, AbortSignal.timeout(livesMs))
    lab.say(
      code === 'ABORT_ERR'
        ? `reprocess: killed after ${livesMs} ms`
        : `reprocess: ended with ${code} before it was killed: ${lastLine(stdout || stderr)}`,
    )
  }
  await firing
  await reprocessToTheEnd(lab)
}

async function killAProcessor(lab: Lab, random: Random): Promise<void> {
  const slot: Slot = random.pick(slotsOf('processor'))
  await delay(random.integer(0, TOOL_LIVES_MS[1]))
  await lab.kill(slot)
  lab.say(`reprocess: kill -9 of ${slot}`)
  await delay(random.integer(...PROCESSOR_DOWN_MS))
  await lab.start(slot)
}

async function killABroker({ cluster, say }: Lab, random: Random): Promise<void> {
  const { id, server } = random.pick(cluster.brokers)
  await delay(random.integer(0, TOOL_LIVES_MS[1]))
  await server.kill()
  say(`reprocess: kill -9 of broker ${id}`)
  await delay(random.integer(...BROKER_DOWN_MS))
  await server.start()
}

function apply(lab: Lab, reason: string, signal?: AbortSignal) {
  const args = ['reprocess', '--all', '--apply', '--reason', reason, '--rate', String(RATE), '--json']
  return lab.deployment.command(args, signal === undefined ? {} : { signal })
}

/** Like an operator who repeats it until it succeeds. */
async function reprocessToTheEnd(lab: Lab): Promise<void> {
  await eventually(
    async () => {
      const { code, stdout, stderr } = await apply(lab, 'the older release had wrong mappings')
      if (code !== 0) {
        throw new Error(`paystatus reprocess --apply ended with ${code}: ${lastLine(stdout)} ${stderr.slice(-500)}`)
      }
      lab.say(`reprocess: ${lastLine(stdout)}`)
    },
    { timeoutMs: REPROCESSED_MAX_MS, everyMs: 1_000 },
  )
}

/** Nothing is left to do, and the product agrees with the result. */
async function leavesNothing({ deployment, say }: Lab): Promise<void> {
  const { code, stdout, stderr } = await deployment.command(['verify', '--all', '--json'])
  if (code !== 0) {
    throw new Error(
      `after reprocessing, paystatus verify ended with ${code}: ${stdout.slice(-2_000)} ${stderr.slice(-500)}`,
    )
  }
  say('reprocess: nothing is left to do')
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.slice(0, 400) ?? ''
}
