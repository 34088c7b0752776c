import { createRandom } from '../../src/tools/simulate/random.ts'

/** What is broken: two faults at the same time are of two areas. */
export type Area = 'role' | 'broker' | 'redis' | 'network' | 'operation'

/** What a schedule needs to know of a fault. */
export interface FaultTiming {
  readonly name: string
  readonly area: Area
  /** From its injection to its healing, ms. */
  readonly lastsMs: readonly [min: number, max: number]
}

export interface PlannedFault {
  readonly name: string
  /** Since the start of the load. */
  readonly atMs: number
  readonly healAtMs: number
  /** Of the randomness with which it chooses its targets. */
  readonly seed: number
}

export interface Schedule {
  readonly faults: readonly PlannedFault[]
  /** How long the providers go on calling. */
  readonly loadMs: number
}

const WARM_UP_MS: readonly [number, number] = [3_000, 4_000]
/** Load after the last healing. */
const AFTERWARDS_MS = 7_000
const QUIET_MS = 15_000
const MIX_FAULTS = 4
/** Of a campaign: how many faults a run of it has, and how many of these come alone. */
const CAMPAIGN_RUN_FAULTS = 6
const CAMPAIGN_RUN_ALONE = 2
/** Between two faults of which the second is to come alone: time to recover from the first. */
const ALONE_GAP_MS = 5_000

/**
 * Which faults come when. Pure: a seed always gives the same schedule.
 *
 * A scenario is `none`, `pair`, `mix`, names of faults with `+` between them, or a run of a campaign (campaignRuns). Of
 * several faults, each begins while the one before it lasts or soon after; the first two of a campaign's run come alone.
 */
export function planSchedule(seed: number, scenario: string, known: readonly FaultTiming[]): Schedule {
  const random = createRandom(seed, 'schedule')
  const range = ([min, max]: readonly [number, number]) => random.integer(min, max)
  const faults: PlannedFault[] = []
  let atMs = range(WARM_UP_MS)
  const alone = scenario.startsWith(CAMPAIGN) ? CAMPAIGN_RUN_ALONE : 0
  for (const [index, { name, lastsMs }] of chooseFaults(scenario, known, random).entries()) {
    const forMs = range(lastsMs)
    // Never three at a time: it waits for the end of the one before the last.
    atMs = Math.max(atMs, faults.at(-2)?.healAtMs ?? 0)
    faults.push({ name, atMs, healAtMs: atMs + forMs, seed: random.integer(0, 2 ** 31) })
    atMs += index < alone ? forMs + ALONE_GAP_MS : random.integer(500, forMs + 3_000)
  }
  const healed = Math.max(0, ...faults.map(({ healAtMs }) => healAtMs))
  return { faults, loadMs: faults.length === 0 ? QUIET_MS : healed + AFTERWARDS_MS }
}

/** Whether nothing else is broken while a fault lasts, and for a while after it and before it. */
export function comesAlone(fault: PlannedFault, { faults }: Schedule): boolean {
  return faults.every(
    (other) =>
      other === fault || other.healAtMs + ALONE_GAP_MS <= fault.atMs || other.atMs >= fault.healAtMs + ALONE_GAP_MS,
  )
}

/** Begins the name of a scenario that is a run of a campaign. */
export const CAMPAIGN = 'campaign:'

/**
 * The scenarios of a campaign: every fault comes at least `times` times, in an order that the seed shuffles, and no two
 * that may overlap are of one area. Over many of them a fault comes alone in a third of the cases, else in a pair.
 */
export function campaignRuns(seed: number, times: number, known: readonly FaultTiming[]): readonly string[] {
  const random = createRandom(seed, 'campaign')
  const runs: string[] = []
  let deck: FaultTiming[] = []
  let dealt = 0
  while (dealt < times || deck.length > 0) {
    const run: FaultTiming[] = []
    while (run.length < CAMPAIGN_RUN_FAULTS) {
      if (deck.length === 0) {
        if (dealt >= times && run.length > 0) {
          break
        }
        deck = [...random.shuffle(known)]
        dealt += 1
      }
      const last = run.at(-1)
      // The one that comes alone does not mind what was before it.
      const at = deck.findIndex(({ area }) => run.length <= CAMPAIGN_RUN_ALONE || area !== last?.area)
      if (at === -1) {
        deck.push(...random.shuffle(known.filter(({ area }) => area !== last?.area)).slice(0, 1))
        continue
      }
      run.push(...deck.splice(at, 1))
    }
    runs.push(`${CAMPAIGN}${run.map(({ name }) => name).join('+')}`)
  }
  return runs
}

function chooseFaults(
  scenario: string,
  known: readonly FaultTiming[],
  random: ReturnType<typeof createRandom>,
): readonly FaultTiming[] {
  switch (scenario) {
    case 'none':
      return []
    case 'pair':
      return differentAreas(2, known, random)
    case 'mix':
      return differentAreas(MIX_FAULTS, known, random)
    default:
      return scenario
        .replace(CAMPAIGN, '')
        .split('+')
        .map((name) => {
          const fault = known.find((candidate) => candidate.name === name)
          if (fault === undefined) {
            throw new RangeError(`there is no fault ${name}; there are ${known.map((one) => one.name).join(', ')}`)
          }
          return fault
        })
  }
}

/** Each of another area than the one before it, for those two overlap. */
function differentAreas(
  count: number,
  known: readonly FaultTiming[],
  random: ReturnType<typeof createRandom>,
): readonly FaultTiming[] {
  const chosen: FaultTiming[] = []
  while (chosen.length < count) {
    const last = chosen.at(-1)
    chosen.push(random.pick(known.filter(({ area }) => area !== last?.area)))
  }
  return chosen
}
