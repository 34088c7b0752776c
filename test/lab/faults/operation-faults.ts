import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { type Fault, LONG_MS, SHORT_MS } from './fault.ts'
import { GroupAtRest } from './group-at-rest.ts'
import { insistently } from './insistently.ts'
import { keepEvents } from './keep-events.ts'
import { slotsOf } from './lab.ts'
import { contradictions, growth } from './v1-callbacks.ts'

/** An operator resets a group's offsets while its members are stopped. */
function resetOffsets(role: 'normalizer' | 'processor'): Fault {
  return {
    name: `reset-${role}-offsets`,
    area: 'operation',
    history: 'rereads',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const group = await GroupAtRest.of(lab, role)
      // Not below the start of the log: that is a fault of its own.
      const ranges = await group.ranges()
      const offsets = group.committed.map((committed, partition) => {
        const start = ranges[partition]?.start ?? 0n
        return start + BigInt(Math.floor(Math.max(0, Number(committed - start)) * random.next()))
      })
      await group.moveTo(offsets)
      return {
        what: `the ${role}s are stopped and their offsets set back to ${offsets.join(', ')}`,
        heal: () => group.startAgain(),
      }
    },
  }
}

/** Offsets are set forward past unprocessed events, and set back later. */
const skipEvents: Fault = {
  name: 'skip-events',
  area: 'operation',
  lastsMs: LONG_MS,
  async inject(lab) {
    const group = await GroupAtRest.of(lab, 'processor')
    // Let events accumulate to skip.
    await delay(2_000)
    const ends = (await group.ranges()).map(({ end }) => end)
    await group.moveTo(ends)
    await group.startAgain()
    return {
      what: `offsets of the processors set forward to the end, past ${ends.map((end, at) => end - (group.committed[at] ?? 0n)).join(', ')} events`,
      heal: async () => {
        await group.stop()
        await group.moveTo(group.committed)
        await group.startAgain()
      },
    }
  },
}

/**
 * Offsets below the start of the log: processing must not resume at another offset by itself. The processors must stop with
 * an error at every start until an operator sets the offsets to existing records.
 */
const offsetsBelowStart: Fault = {
  name: 'offsets-below-start',
  area: 'operation',
  history: 'rereads',
  lastsMs: [4_000, 6_000],
  async inject(lab) {
    const group = await GroupAtRest.of(lab, 'processor')
    await keepEvents(lab)
    const partitions = group.committed.map((offset, partition) => ({ partition, offset: String(offset) }))
    // Only processed events: deleting others would lose them.
    await insistently(() => lab.admin.deleteTopicRecords({ topic: group.topic, partitions }))
    await group.moveTo(group.committed.map(() => 0n))
    const outOfRange = group.committed.some((offset) => offset > 0n)
    const stopped = lab.expectStop('OFFSET_OUT_OF_RANGE')
    await group.startAgain()
    return {
      what: `events up to ${group.committed.join(', ')} are deleted and the offsets set to 0`,
      heal: async () => {
        await (outOfRange && stopped())
        await group.stop()
        lab.wantedStops.delete('OFFSET_OUT_OF_RANGE')
        await group.moveTo(group.committed)
        await group.startAgain()
      },
    }
  },
}

/** Sends callbacks of J.P. Morgan v1 in addition to those of the load. */
function postsV1(name: string, what: string, callbacks: (random: Random) => readonly object[]): Fault {
  return {
    name,
    area: 'operation',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const sources = lab.sources.filter(({ provider }) => provider === 'jpm-global-payments-v1')
      const bodies = () => callbacks(random).map((body) => JSON.stringify(body))
      const count = await lab.postJson(name, sources, bodies)
      return { what: `${count} ${what}`, heal: async () => {} }
    },
  }
}

export const OPERATION_FAULTS: readonly Fault[] = [
  resetOffsets('normalizer'),
  resetOffsets('processor'),
  skipEvents,
  offsetsBelowStart,
  {
    name: 'registry-away',
    area: 'operation',
    lastsMs: [4_000, 8_000],
    async inject(lab, random) {
      const slots = [random.pick(slotsOf('normalizer')), random.pick(slotsOf('processor'))]
      lab.registry.down()
      await Promise.all(slots.map((slot) => lab.kill(slot)))
      await Promise.all(slots.map((slot) => lab.start(slot)))
      return {
        what: `the registry is unreachable while ${slots.join(', ')} start`,
        heal: async () => lab.registry.up(),
      }
    },
  },
  {
    name: 'rebalance-storm',
    area: 'operation',
    lastsMs: [10_000, 14_000],
    async inject(lab, random) {
      const healed = new AbortController()
      const stormed = (async () => {
        while (!healed.signal.aborted) {
          const extra = await lab.startExtra('processor-1')
          await delay(random.integer(500, 3_000), undefined, { signal: healed.signal }).catch(() => {})
          const signal = random.pick(['SIGTERM', 'SIGKILL'] as const)
          extra.signal(signal)
          const end = await extra.exited
          if (signal === 'SIGTERM' && end !== 0) {
            throw new Error(`the third processor exited with ${end} on SIGTERM`)
          }
        }
      })()
      stormed.catch(() => {})
      return {
        what: 'a third processor joins and leaves repeatedly',
        heal: () => {
          healed.abort()
          return stormed
        },
      }
    },
  },
  {
    name: 'poison',
    area: 'operation',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const { config } = lab.deployment
      const answers = new Map<string, number | null>()
      for (const source of lab.sources) {
        for (const [name, body, contentType] of poisons(random, config.gateway.bodyBytesMax)) {
          const code = await lab.post(`poison-${name}`, source, body, contentType)
          answers.set(`${source.id} ${name}`, code)
        }
      }
      const oversize = [...answers].filter(([name]) => name.endsWith('oversize'))
      if (oversize.some(([, code]) => code !== null && code !== 413 && code !== 503)) {
        throw new Error(`a body above the limit was answered with ${oversize.join('; ')}`)
      }
      return { what: `${answers.size} malformed and oversize callbacks`, heal: async () => {} }
    },
  },
  postsV1('contradict', 'callbacks that contradict each other or themselves', contradictions),
  postsV1('grow-payment', 'callbacks about one payment, with more details than a state keeps', growth),
]

function poisons(random: Random, bodyBytesMax: number): readonly (readonly [string, Buffer, string])[] {
  const json = 'application/json'
  return [
    ['not-json', Buffer.from(`{"a": ${random.hex(16)}`), json],
    ['empty', Buffer.alloc(0), json],
    ['not-utf8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), json],
    ['deep', Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)), json],
    ['wide', Buffer.from(JSON.stringify(Array.from({ length: 5_000 }, () => ({ id: random.hex(8) })))), json],
    ['entities', Buffer.from(`<!DOCTYPE a [<!ENTITY b "${'c'.repeat(1_000)}">]><a>&b;&b;</a>`), 'application/xml'],
    ['at-the-limit', Buffer.from(`{"a":"${'x'.repeat(bodyBytesMax - 8)}"}`), json],
    ['oversize', Buffer.alloc(bodyBytesMax + 1, 0x20), json],
  ]
}
