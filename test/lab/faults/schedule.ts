import { createRandom } from '../../../src/tools/simulate/random.ts'

/** What a fault breaks: concurrent faults are of different areas. */
export type Area = 'role' | 'broker' | 'redis' | 'network' | 'operation'

/** What a schedule needs to know about a fault. */
export interface FaultTiming {
  readonly name: string
  readonly area: Area
  /** Other areas that the fault occupies. */
  readonly also?: Area | readonly Area[]
  /** From injection to healing, ms. */
  readonly lastsMs: readonly [min: number, max: number]
  /** True if it runs only when named: never in a campaign or in a random scenario. */
  readonly onDemand?: boolean
  /**
   * `forgets`: payments leave `current` while their events are still in the log. `rereads`: events are processed a second
   * time. A fault that rereads never follows one that forgets: the payment would begin the same life again. That
   * cannot happen in production, where payments are retained much longer than events.
   */
  readonly history?: 'forgets' | 'rereads'
}

export interface PlannedFault {
  readonly name: string
  /** Since the start of the load, on a clock that stops while a fault that is injected alone lasts longer than planned. */
  readonly atMs: number
  readonly healAtMs: number
  /** Whether the next fault waits until payments move again. */
  readonly alone: boolean
  /** Seed of the randomness that chooses its targets. */
  readonly seed: number
}

export interface Schedule {
  /** Faults that are injected alone come first. */
  readonly faults: readonly PlannedFault[]
}

const WARM_UP_MS: readonly [number, number] = [3_000, 4_000]
const MIX_FAULTS = 4
/** Faults in one run of a campaign, and how many of them are injected alone. */
const CAMPAIGN_RUN_FAULTS = 10
const CAMPAIGN_RUN_ALONE = 2
/** From the end of a fault that is injected alone to the next fault. */
const ALONE_GAP_MS = 2_500

/**
 * Plans which faults are active when. Pure: a seed always gives the same schedule.
 *
 * A scenario is `none`, `pair`, `mix`, names of faults with `+` between them, or a run of a campaign (campaignRuns). Of
 * several faults, each begins during the previous one or soon after it; the first two of a campaign's run are injected alone.
 */
export function planSchedule(seed: number, scenario: string, known: readonly FaultTiming[]): Schedule {
  const random = createRandom(seed, 'schedule')
  const range = ([min, max]: readonly [number, number]) => random.integer(min, max)
  const faults: PlannedFault[] = []
  let atMs = range(WARM_UP_MS)
  const aloneCount = scenario.startsWith(CAMPAIGN) ? CAMPAIGN_RUN_ALONE : 0
  for (const [index, { name, lastsMs }] of chooseFaults(scenario, known, random).entries()) {
    const forMs = range(lastsMs)
    // Never three at a time: wait for the end of the last but one.
    atMs = Math.max(atMs, faults.at(-2)?.healAtMs ?? 0)
    const alone = index < aloneCount
    faults.push({ name, atMs, healAtMs: atMs + forMs, alone, seed: random.integer(0, 2 ** 31) })
    atMs += alone ? forMs + ALONE_GAP_MS : random.integer(500, forMs + 3_000)
  }
  return { faults }
}

/** Prefix of a scenario that is a run of a campaign. */
export const CAMPAIGN = 'campaign:'

/**
 * The scenarios of a campaign: every fault is injected at least `times` times, at least once of these alone and otherwise in
 * pairs, in an order shuffled by the seed; faults that may overlap share no area.
 */
export function campaignRuns(seed: number, times: number, known: readonly FaultTiming[]): readonly string[] {
  const random = createRandom(seed, 'campaign')
  const faults = ofChance(known)
  const runs = Math.ceil((faults.length * times) / CAMPAIGN_RUN_FAULTS)
  const alone = Array.from({ length: Math.ceil((runs * CAMPAIGN_RUN_ALONE) / faults.length) }, () =>
    random.shuffle(faults),
  )
    .flat()
    .slice(0, runs * CAMPAIGN_RUN_ALONE)
  const inPairs = random.shuffle(
    faults.flatMap((fault) => {
      const left = times - alone.filter((one) => one === fault).length
      return Array.from({ length: Math.max(0, left) }, () => fault)
    }),
  )
  const scenarios: string[] = []
  while (alone.length > 0 || inPairs.length > 0) {
    const chosen: FaultTiming[] = []
    while (chosen.length < CAMPAIGN_RUN_FAULTS) {
      const deck = chosen.length < CAMPAIGN_RUN_ALONE ? alone : inPairs
      // A fault that follows one that was injected alone may be of the same area.
      const last = chosen.length <= CAMPAIGN_RUN_ALONE ? undefined : chosen.at(-1)
      const fits = (fault: FaultTiming) =>
        (last === undefined || !shareArea(fault, last)) && !rereadsForgotten(fault, chosen)
      const at = deck.findIndex(fits)
      const [card] = at === -1 ? [] : deck.splice(at, 1)
      chosen.push(card ?? random.pick(faults.filter(fits)))
    }
    scenarios.push(`${CAMPAIGN}${chosen.map(({ name }) => name).join('+')}`)
  }
  return scenarios
}

/**
 * A campaign's run on another kind of Redis: every fault of Redis once, each followed by one of another area that the seed
 * chooses, the first two alone.
 */
export function redisRun(seed: number, known: readonly FaultTiming[]): string {
  const random = createRandom(seed, 'redis-run')
  const faults = ofChance(known)
  const others = faults.filter((fault) => !areasOf(fault).includes('redis') && fault.history !== 'forgets')
  const [first, ...rest] = random.shuffle(faults.filter((fault) => areasOf(fault).includes('redis')))
  const chosen = [first, ...rest.flatMap((fault) => [fault, random.pick(others)])].flatMap((fault) => fault?.name ?? [])
  return `${CAMPAIGN}${chosen.join('+')}`
}

/**
 * A campaign's run of a fault that is only injected on demand: two faults begin during it, of areas that it does not occupy.
 */
export function runAround(name: string, seed: number, known: readonly FaultTiming[]): string {
  const random = createRandom(seed, `around ${name}`)
  const [fault] = chooseFaults(name, known, random)
  const others = ofChance(known).filter((other) => fault !== undefined && !shareArea(other, fault))
  const first = random.pick(others)
  const second = random.pick(others.filter((other) => !shareArea(other, first)))
  return [name, first.name, second.name].join('+')
}

export function areasOf({ area, also }: Pick<FaultTiming, 'area' | 'also'>): readonly Area[] {
  return [area, ...(also === undefined ? [] : [also].flat())]
}

function shareArea(a: FaultTiming, b: FaultTiming): boolean {
  return areasOf(a).some((area) => areasOf(b).includes(area))
}

function rereadsForgotten(fault: FaultTiming, before: readonly FaultTiming[]): boolean {
  return fault.history === 'rereads' && before.some(({ history }) => history === 'forgets')
}

function ofChance(known: readonly FaultTiming[]): readonly FaultTiming[] {
  return known.filter(({ onDemand }) => onDemand !== true)
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
      return differentAreas(2, ofChance(known), random)
    case 'mix':
      return differentAreas(MIX_FAULTS, ofChance(known), random)
    default:
      return scenario
        .replace(CAMPAIGN, '')
        .split('+')
        .map((name) => {
          const fault = known.find((candidate) => candidate.name === name)
          if (fault === undefined) {
            throw new RangeError(`unknown fault ${name}; known: ${known.map((one) => one.name).join(', ')}`)
          }
          return fault
        })
  }
}

/** Each shares no area with the one before it, because the two overlap, and none rereads what another one forgot. */
function differentAreas(
  count: number,
  known: readonly FaultTiming[],
  random: ReturnType<typeof createRandom>,
): readonly FaultTiming[] {
  const chosen: FaultTiming[] = []
  while (chosen.length < count) {
    const last = chosen.at(-1)
    const fits = (fault: FaultTiming) =>
      (last === undefined || !shareArea(fault, last)) && !rereadsForgotten(fault, chosen)
    chosen.push(random.pick(known.filter(fits)))
  }
  return chosen
}
