import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { CRASH_POINTS, type CrashPoint } from '../../src/crash-point.ts'
import type { PlannedCallback } from '../../src/tools/simulate/plan.ts'
import type { Answer } from '../../src/tools/simulate/post-callbacks.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { envNumber } from '../lab/harness/env-number.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'
import { freePort } from '../lab/stack/free-port.ts'

/**
 * I1, I2, I3, I4, I5, I6, I8 at every crash point: the stage is killed there again and again while callbacks arrive, and is
 * restarted. Real processes, real servers.
 */

/** Callers repeat a callback if the gateway dies. */
const MANNER = { timeoutMs: 3_000, attemptsMax: Number.POSITIVE_INFINITY, retryGapMs: () => 100 }
const MANNERS = { 'jpm-global-payments-v1': MANNER, 'jpm-global-payments-v2': MANNER, instamed: MANNER } as const
/** Opening happens once per partition and start, everything else with every chunk. */
const OPENING = /after-(init|settle|restore)$/
/** `DEATHS=20` for a longer test. */
const DEATHS_PER_POINT = envNumber('DEATHS', 1)

let deployment: Deployment
let observer: Observer
let gatewayUrl: string

beforeAll(async () => {
  // Callers use one address, whichever process listens there.
  const port = await freePort()
  gatewayUrl = `http://127.0.0.1:${port}`
  deployment = await Deployment.create(inject('stack'), {
    config: { kafka: { sessionTimeoutMs: 3_000 }, gateway: { port, shutdown: { waitMs: 250 } } },
  })
  observer = await Observer.create(deployment)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

/** A stage that dies at a crash point a given number of times, and then keeps running. */
class MortalStage {
  readonly deaths = new Map<string, number>()
  readonly #role: string
  #stopped = false
  #process: RoleProcess | undefined
  #living: Promise<void>

  constructor(role: string, points: readonly CrashPoint[]) {
    this.#role = role
    this.#living = this.#live(points)
  }

  /** Resolves once it has died at every crash point and keeps running. */
  get immortal(): Promise<void> {
    return this.#living
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#process?.stop()
  }

  async #live(points: readonly CrashPoint[]): Promise<void> {
    for (const point of points) {
      while ((this.deaths.get(point) ?? 0) < DEATHS_PER_POINT && !this.#stopped) {
        const opening = OPENING.test(point)
        const likelihood = opening ? 0.5 : 0.3
        const stage = await deployment.start([this.#role], { PAYSTATUS_CRASH_POINTS: `${point}=${likelihood}` })
        this.#process = stage
        // A process that has opened every partition would never reach such a point again.
        const opened = opening
          ? stage.ready().then(
              () => 'opened',
              () => stage.exited,
            )
          : stage.exited
        const end = await Promise.race([stage.exited, opened])
        if (end === 'opened') {
          await stage.stop()
          continue
        }
        expect(end).toBe('SIGKILL')
        expect(stage.output).toContain(`crash point ${point}`)
        this.deaths.set(point, (this.deaths.get(point) ?? 0) + 1)
      }
    }
    this.#process = await deployment.start([this.#role])
  }
}

const ROLES = ['gateway', 'normalizer', 'processor'] as const

test.each(ROLES)(
  'the %s dies at every place, and nothing is lost or twice',
  async (role) => {
    const points = CRASH_POINTS.filter((point) => point.startsWith(role))
    const others = await Promise.all(ROLES.filter((one) => one !== role).map((one) => deployment.start([one])))
    const mortal = new MortalStage(role, points)
    const accepted: Buffer[] = []
    const load = {
      payments: 40,
      manners: MANNERS,
      timeScale: 1,
      ratePerSecond: 60,
      onAttempt: ({ body, sourceId }: PlannedCallback, answer: Answer) => {
        if (answer.kind === 'status' && answer.statusCode === successCodeOf(sourceId)) {
          accepted.push(body)
        }
      },
    }
    // Keeps sending callbacks until it has died at every point.
    let living = false
    const lived = mortal.immortal.finally(() => {
      living = true
    })
    lived.catch(() => {})
    for (let seed = 1; !living; seed += 1) {
      await simulate(deployment, gatewayUrl, { ...load, seed: seed + 1_000 * ROLES.indexOf(role) })
    }
    await lived
    await allIsWell()
    expect(await missingInRaw(accepted)).toBe(0)
    expect(accepted.length).toBeGreaterThan(0)
    expect([...mortal.deaths]).toEqual(points.map((point) => [point, DEATHS_PER_POINT]))
    await Promise.all([mortal.stop(), ...others.map((one) => one.stop())])
  },
  // A hundred times what a crash takes on an idle machine, so that a busy machine is not a failure.
  300_000 * DEATHS_PER_POINT,
)

function successCodeOf(sourceId: string): number | undefined {
  return deployment.config.sources.find(({ id }) => id === sourceId)?.successCode
}

/** I1: the number of accepted bodies that are not in raw as sent. */
async function missingInRaw(accepted: readonly Buffer[]): Promise<number> {
  const stored = new Set((await observer.records('raw')).map(({ value }) => value?.toString('latin1')))
  return accepted.filter((body) => !stored.has(body.toString('latin1'))).length
}

async function allIsWell(): Promise<void> {
  await observer.caughtUp()
  const contents = await readContents(observer)
  expect(violationsOf(contents, deployment.config)).toEqual([])
  expect(totalsViolations(await observer.totals(), contents)).toEqual([])
  await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
}
