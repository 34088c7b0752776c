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

const WARM_UP_MS: readonly [number, number] = [4_000, 6_000]
/** Load after the last healing. */
const AFTERWARDS_MS = 10_000
const QUIET_MS = 15_000
const MIX_FAULTS = 4

/**
 * Which faults come when. Pure: a seed always gives the same schedule.
 *
 * A scenario is `none`, `pair`, `mix`, or names of faults with `+` between them. Of several faults, each begins while
 * the one before it lasts or soon after.
 */
export function planSchedule(seed: number, scenario: string, known: readonly FaultTiming[]): Schedule {
  const random = createRandom(seed, 'schedule')
  const range = ([min, max]: readonly [number, number]) => random.integer(min, max)
  const faults: PlannedFault[] = []
  let atMs = range(WARM_UP_MS)
  for (const { name, lastsMs } of chooseFaults(scenario, known, random)) {
    const forMs = range(lastsMs)
    // Never three at a time: it waits for the end of the one before the last.
    atMs = Math.max(atMs, faults.at(-2)?.healAtMs ?? 0)
    faults.push({ name, atMs, healAtMs: atMs + forMs, seed: random.integer(0, 2 ** 31) })
    atMs += random.integer(500, forMs + 3_000)
  }
  const healed = Math.max(0, ...faults.map(({ healAtMs }) => healAtMs))
  return { faults, loadMs: faults.length === 0 ? QUIET_MS : healed + AFTERWARDS_MS }
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
      return scenario.split('+').map((name) => {
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
