import { expect, test } from 'vitest'
import { type Area, areasOf, campaignRuns, type FaultTiming, planSchedule, redisRun, runAround } from './schedule.ts'

const KNOWN: readonly FaultTiming[] = [
  { name: 'kill-gateway', area: 'role', lastsMs: [1_000, 4_000] },
  { name: 'kill-processor', area: 'role', lastsMs: [1_000, 4_000] },
  { name: 'kill-broker', area: 'broker', lastsMs: [4_000, 8_000] },
  { name: 'flush-redis', area: 'redis', lastsMs: [1_000, 2_000] },
  { name: 'cut-log', area: 'broker', also: 'role', lastsMs: [5_000, 8_000] },
]
const ON_DEMAND: FaultTiming = { name: 'die-somewhere', area: 'role', onDemand: true, lastsMs: [1_000, 2_000] }

function areasOfNamed({ name }: { readonly name: string }): readonly Area[] {
  return KNOWN.filter((known) => known.name === name).flatMap(areasOf)
}

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

test('equal seeds give equal schedules, and different seeds different ones', () => {
  expect(planSchedule(7, 'mix', KNOWN)).toEqual(planSchedule(7, 'mix', KNOWN))
  expect(planSchedule(7, 'mix', KNOWN)).not.toEqual(planSchedule(8, 'mix', KNOWN))
})

test('at most two faults are active at a time, and overlapping ones share no area', () => {
  for (const { faults } of SEEDS.map((seed) => planSchedule(seed, 'mix', KNOWN))) {
    for (const { atMs } of faults) {
      const lasting = faults.filter((other) => other.atMs <= atMs && atMs < other.healAtMs)
      const areas = lasting.flatMap(areasOfNamed)
      expect(lasting.length).toBeLessThanOrEqual(2)
      expect(new Set(areas).size).toBe(areas.length)
    }
  }
})

test('a scenario names faults, and an unknown name is rejected with the known ones', () => {
  expect(planSchedule(1, 'flush-redis+kill-broker', KNOWN).faults.map(({ name }) => name)).toEqual([
    'flush-redis',
    'kill-broker',
  ])
  expect(() => planSchedule(1, 'no-such', KNOWN)).toThrow(/unknown fault no-such; known: kill-gateway/)
})

test('a campaign injects every fault often enough, the first two of a run alone, and never two of one area at a time', () => {
  const runs = campaignRuns(3, 5, KNOWN)
  expect(campaignRuns(3, 5, KNOWN)).toEqual(runs)
  const schedules = runs.map((run, seed) => planSchedule(seed, run, KNOWN))
  const names = schedules.flatMap(({ faults }) => faults.map(({ name }) => name))
  for (const { name } of KNOWN) {
    expect(names.filter((one) => one === name).length).toBeGreaterThanOrEqual(5)
  }
  const alone = schedules.flatMap(({ faults }) => faults.slice(0, 2).map(({ name }) => name))
  expect(new Set(alone).size).toBe(KNOWN.length)
  for (const { faults } of schedules) {
    const [first, second, third] = faults
    expect(faults.map(({ alone }) => alone)).toEqual(faults.map((_, index) => index < 2))
    expect(first?.healAtMs).toBeLessThan(second?.atMs ?? Number.POSITIVE_INFINITY)
    expect(second?.healAtMs).toBeLessThan(third?.atMs ?? Number.POSITIVE_INFINITY)
    for (const { atMs } of faults) {
      const lasting = faults.filter((other) => other.atMs <= atMs && atMs < other.healAtMs)
      const areas = lasting.flatMap(areasOfNamed)
      expect(new Set(areas).size).toBe(areas.length)
    }
  }
})

test('an on-demand fault runs when named, and never by chance', () => {
  const known = [...KNOWN, ON_DEMAND]
  expect(planSchedule(1, 'die-somewhere', known).faults).toHaveLength(1)
  const chosen = SEEDS.flatMap((seed) => planSchedule(seed, 'mix', known).faults.map(({ name }) => name))
  expect(chosen).not.toContain('die-somewhere')
  expect(campaignRuns(3, 5, known).join()).not.toContain('die-somewhere')
})

test('the run of a campaign on another kind of Redis has every fault of Redis, and never two of one area at a time', () => {
  const known: readonly FaultTiming[] = [
    ...KNOWN,
    { name: 'kill-redis', area: 'redis', lastsMs: [1_000, 4_000] },
    { name: 'full-redis', area: 'redis', lastsMs: [1_000, 4_000] },
    { ...ON_DEMAND, name: 'break-redis', area: 'redis' },
  ]
  for (const seed of SEEDS) {
    const names = planSchedule(seed, redisRun(seed, known), known).faults.map(({ name }) => name)
    const ofRedis = names.filter((name) => name.endsWith('-redis'))
    expect(ofRedis.toSorted()).toEqual(['flush-redis', 'full-redis', 'kill-redis'])
    expect(names.slice(2).map((name) => name.endsWith('-redis'))).toEqual(
      [false, true, false].slice(0, names.length - 2),
    )
  }
})

test('no fault rereads the events of payments that were forgotten because of an earlier fault', () => {
  const known: readonly FaultTiming[] = [
    ...KNOWN,
    { name: 'forget-all', area: 'operation', history: 'forgets', lastsMs: [1_000, 4_000] },
    { name: 'read-again', area: 'role', history: 'rereads', lastsMs: [1_000, 4_000] },
  ]
  const isRight = (names: readonly string[]) =>
    !names.includes('forget-all') || names.lastIndexOf('read-again') < names.indexOf('forget-all')
  const runs = SEEDS.flatMap((seed) => campaignRuns(seed, 2, known))
  const mixes = SEEDS.map((seed) => planSchedule(seed, 'mix', known).faults.map(({ name }) => name))
  expect(mixes.filter((names) => names.includes('forget-all') && names.includes('read-again'))).not.toEqual([])
  expect([...runs.map((run) => run.replace('campaign:', '').split('+')), ...mixes].every(isRight)).toBe(true)
  expect(SEEDS.map((seed) => redisRun(seed, known)).join()).not.toContain('forget-all')
})

test('a campaign runs a fault that is only injected on demand with faults of areas that it does not occupy', () => {
  const known: readonly FaultTiming[] = [
    ...KNOWN,
    { name: 'cut-gateway', area: 'network', lastsMs: [1_000, 4_000] },
    { ...ON_DEMAND, name: 'on-demand', area: 'operation', also: ['role', 'broker'] },
  ]
  for (const seed of SEEDS) {
    const names = planSchedule(seed, runAround('on-demand', seed, known), known).faults.map(({ name }) => name)
    expect(names[0]).toBe('on-demand')
    expect(names.slice(1).toSorted()).toEqual(['cut-gateway', 'flush-redis'])
  }
})
