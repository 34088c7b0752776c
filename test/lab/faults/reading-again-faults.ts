import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { headerText } from '../../../src/stream/header-text.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import type { Fault } from './fault.ts'
import { MISREADING_RELEASE, REFUSING_RELEASE, WRONG_RETURN_PREFIX } from './former-releases.ts'
import { type Lab, type Role, slotsOf } from './lab.ts'
import type { Patched } from './mutants/mutant.ts'
import { mutatedCheckout } from './mutants/mutated-checkout.ts'

/** A former release that reads callbacks incorrectly, and the command that corrects the result after an upgrade. */
interface Correction {
  readonly name: string
  readonly formerRelease: Patched
  /** Tells the judges what that release may do. */
  allow(lab: Lab): void
  /** The number of its errors so far, by kind; each must reach its minimum. */
  harmSoFar(observer: Observer): Promise<readonly Harm[]>
  /** The command, without `--apply --reason …`. */
  readonly command: readonly string[]
  /** Options that make it slow enough to be killed while it runs. */
  readonly slowly: readonly string[]
  /** The number of corrections of a run, from the totals that it prints last. */
  done(totals: Totals): number
}

type Totals = Readonly<Record<string, number>>

interface Harm {
  readonly what: string
  readonly times: number
  readonly min: number
}

const HARM_MAX_MS = 30_000
/** How long the old and the new release of a role run side by side. */
const SIDE_BY_SIDE_MS: readonly [number, number] = [1_000, 2_500]
/** How often the command is killed, and after how long. Node.js takes the first seconds to start. */
const COMMAND_KILLS = 3
const COMMAND_LIVES_MS: readonly [number, number] = [1_000, 7_000]
const BROKER_DOWN_MS: readonly [number, number] = [3_000, 8_000]
const PROCESSOR_DOWN_MS: readonly [number, number] = [500, 3_000]
const CORRECTED_MAX_MS = 90_000

/** Statuses and keys were misread. In the end every payment must be as if the current mappings had been used from the start. */
const REPROCESS: Correction = {
  name: 'reprocess',
  formerRelease: MISREADING_RELEASE,
  allow(lab) {
    lab.hadOlderMappings = true
  },
  async harmSoFar(observer) {
    const records = await observer.records('events')
    const events = records.map(({ value }) => observer.codecs.event.decode(value as Buffer))
    const isMisread = ({ status, sourceStatus }: (typeof events)[number]) =>
      status === 'UNKNOWN' && sourceStatus === 'COMPLETED'
    return [
      { what: 'statuses misread', times: events.filter(isMisread).length, min: 60 },
      {
        what: 'keys misread',
        times: events.filter(({ paymentKey }) => paymentKey.includes(`:${WRONG_RETURN_PREFIX}`)).length,
        min: 2,
      },
    ]
  },
  command: ['reprocess', '--all'],
  slowly: ['--rate', '60'],
  done: ({ changed = Number.NaN }) => changed,
}

/** Good callbacks became dead letters. In the end each of their events must be recorded exactly once. */
const REDRIVE: Correction = {
  name: 'redrive',
  formerRelease: REFUSING_RELEASE,
  allow(lab) {
    lab.redriven = true
  },
  async harmSoFar(observer) {
    const letters = await observer.records('rawDeadLetters')
    const because = (reason: string) => letters.filter((letter) => headerText(letter, 'dlq_reason') === reason).length
    return [
      { what: 'statuses refused', times: because('missing-status'), min: 60 },
      { what: 'failures of the adapter', times: because('internal-error'), min: 2 },
    ]
  },
  command: ['dlq', 'redrive', '--all'],
  slowly: [],
  done: ({ redriven = Number.NaN, partly = Number.NaN }) => redriven + partly,
}

/**
 * A former release runs for a while, then an upgrade replaces it process by process, normalizers or processors first. The command
 * must correct the errors of that release, although callbacks keep arriving and the command, a processor and a broker are killed
 * at random moments. In the end nothing must be left to correct.
 */
function upgradeAndCorrect(correction: Correction): Fault {
  return {
    name: correction.name,
    area: 'operation',
    also: ['role', 'broker'],
    // It takes longer than other faults, so a campaign has runs of its own for it.
    onDemand: true,
    history: 'rereads',
    lastsMs: [0, 1_000],
    async inject(lab, random) {
      const former = await mutatedCheckout(correction.formerRelease, dirname(dirname(lab.deployment.program)))
      correction.allow(lab)
      const slots = [...slotsOf('normalizer'), ...slotsOf('processor')]
      await Promise.all(slots.map((slot) => lab.deploy(slot, former.program)))
      const harm = await awaitHarm(lab, correction)
      return {
        what: `a former release runs: ${harm.map(({ what, times }) => `${times} ${what}`).join(', ')}`,
        heal: async () => {
          await upgrade(lab, random)
          await former.remove()
          await correctUnderFire(lab, correction, random)
          lab.atRest.push(() => nothingIsLeft(lab, correction))
        },
      }
    },
  }
}

export const READING_AGAIN_FAULTS: readonly Fault[] = [REPROCESS, REDRIVE].map(upgradeAndCorrect)

async function awaitHarm(lab: Lab, { harmSoFar }: Correction): Promise<readonly Harm[]> {
  const observer = await Observer.create(lab.deployment)
  try {
    return await eventually(
      async () => {
        const harm = await harmSoFar(observer)
        const lacking = harm.filter(({ times, min }) => times < min)
        if (lacking.length > 0) {
          throw new Error(`too few ${lacking.map(({ what }) => what).join(', ')} by the former release`)
        }
        return harm
      },
      { timeoutMs: HARM_MAX_MS, everyMs: 1_000 },
    )
  } finally {
    await observer.close()
  }
}

/** Replaces the processes one by one. Old and new ones share the partitions of both topics meanwhile. */
async function upgrade(lab: Lab, random: Random): Promise<void> {
  const order: readonly Role[] = random.shuffle(['normalizer', 'processor'])
  lab.say(`upgrade: first the ${order.join('s, then the ')}s`)
  for (const slot of order.flatMap(slotsOf)) {
    await lab.deploy(slot, lab.deployment.program)
    await delay(random.integer(...SIDE_BY_SIDE_MS))
  }
}

async function correctUnderFire(lab: Lab, correction: Correction, random: Random): Promise<void> {
  const { name, command, slowly } = correction
  const firing = Promise.all([killAProcessor(lab, random), killABroker(lab, random)])
  firing.catch(() => {})
  for (let kill = 1; kill <= COMMAND_KILLS; kill += 1) {
    const livesMs = random.integer(...COMMAND_LIVES_MS)
    const args = [...command, ...slowly, ...applied('a run that will be killed')]
    const { code, stdout, stderr } = await lab.deployment.command(args, { signal: AbortSignal.timeout(livesMs) })
    const end =
      code === 'ABORT_ERR'
        ? `kill -9 after ${livesMs} ms`
        : `ended with ${code}: ${lastLine(stdout || stderr).slice(0, 400)}`
    lab.say(`${name}: ${end}`)
  }
  await firing
  // Like an operator who repeats it until it succeeds.
  await eventually(() => correct(lab, correction), { timeoutMs: CORRECTED_MAX_MS, everyMs: 1_000 })
}

async function killAProcessor(lab: Lab, random: Random): Promise<void> {
  const slot = random.pick(slotsOf('processor'))
  await delay(random.integer(...COMMAND_LIVES_MS))
  await lab.kill(slot)
  lab.say(`kill -9 of ${slot}`)
  await delay(random.integer(...PROCESSOR_DOWN_MS))
  await lab.start(slot)
}

async function killABroker({ cluster, say }: Lab, random: Random): Promise<void> {
  const { id, server } = random.pick(cluster.brokers)
  await delay(random.integer(...COMMAND_LIVES_MS))
  await server.kill()
  say(`kill -9 of broker ${id}`)
  await delay(random.integer(...BROKER_DOWN_MS))
  await server.start()
}

const REASON = 'a former release read wrongly'

function applied(reason: string): readonly string[] {
  return ['--apply', '--reason', reason, '--json']
}

/** Runs the command to its end; returns the number of corrections. */
async function correct({ deployment, say }: Lab, { name, command, done }: Correction): Promise<number> {
  const { code, stdout, stderr } = await deployment.command([...command, ...applied(REASON)])
  const things = done(totalsOf(stdout))
  if (Number.isNaN(things)) {
    throw new Error(`paystatus ${command.join(' ')} ended with ${code}: ${lastLine(stdout)} ${stderr.slice(-500)}`)
  }
  say(`${name}: ${lastLine(stdout)}`)
  return things
}

/** The last line of the output, parsed; empty if it is not JSON. */
function totalsOf(stdout: string): Totals {
  try {
    return JSON.parse(lastLine(stdout))
  } catch {
    return {}
  }
}

/** Rejects unless a second run, at the latest, finds nothing to correct, and `paystatus verify` finds no difference. The first run
 * may still correct what was not processed earlier. */
async function nothingIsLeft(lab: Lab, correction: Correction): Promise<void> {
  if ((await correct(lab, correction)) > 0 && (await correct(lab, correction)) > 0) {
    throw new Error(`paystatus ${correction.command.join(' ')} finds something to do every time`)
  }
  await isInAuditTrail(lab, correction.name)
  const { code, stdout, stderr } = await lab.deployment.command(['verify', '--all', '--json'])
  if (code !== 0) {
    throw new Error(
      `after ${correction.name}, paystatus verify ended with ${code}: ${stdout.slice(-2_000)} ${stderr.slice(-500)}`,
    )
  }
  lab.say(`${correction.name}: nothing is left to do`)
}

/** Rejects unless the audit trail lists a run that was not killed as `done`. */
async function isInAuditTrail({ deployment }: Lab, act: string): Promise<void> {
  const { code, stdout, stderr } = await deployment.command(['audit', '--act', act, '--json'])
  const { acts = [] }: { acts?: readonly { reason: string; outcome: string }[] } = code === 0 ? JSON.parse(stdout) : {}
  if (!acts.some(({ reason, outcome }) => reason === REASON && outcome === 'done')) {
    throw new Error(
      `paystatus audit ended with ${code} and has no ${act} that is done: ${stdout.slice(-1_000)} ${stderr}`,
    )
  }
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1) ?? ''
}
