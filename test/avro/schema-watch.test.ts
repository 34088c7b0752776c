import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SchemaIdError } from '../../src/avro/errors.ts'
import { RegistryUnreachableError } from '../../src/avro/schema-registry.ts'
import { SchemaWatch } from '../../src/avro/schema-watch.ts'
import type { DefinedStop } from '../../src/stream/partition-task.ts'

const INTERVAL_MS = 60_000
const RECHECK_MS = 5_000
const LOST = new SchemaIdError(4, 'payments.events-value', 'unknown')
const AWAY = new RegistryUnreachableError('http://registry', 'ECONNREFUSED')

/** The registry's answer for the second of two ids. */
let answer: Error | null
let looks: (string | null)[]
let unanswered: Error[]
let stops: DefinedStop[]
let watch: SchemaWatch

beforeEach(() => {
  vi.useFakeTimers()
  answer = null
  looks = []
  unanswered = []
  stops = []
  const right = { schemaId: 3, confirm: async () => {} }
  const asked = {
    schemaId: 4,
    confirm: async (id: number) => {
      expect(id).toBe(4)
      if (answer !== null) {
        throw answer
      }
    },
  }
  watch = new SchemaWatch({
    codecs: [right, asked],
    intervalMs: INTERVAL_MS,
    recheckMs: RECHECK_MS,
    onLook: (problem) => looks.push(problem),
    onUnanswered: (error) => unanswered.push(error),
    onStop: (error) => stops.push(error),
  })
  watch.start()
})

afterEach(() => {
  watch.stop()
  vi.useRealTimers()
})

describe('the ids that we write', () => {
  test('are checked once per interval', async () => {
    await vi.advanceTimersByTimeAsync(INTERVAL_MS - 1)
    expect(looks).toEqual([])
    await vi.advanceTimersByTimeAsync(1 + 2 * INTERVAL_MS)
    expect(looks).toEqual([null, null, null])
    expect(stops).toEqual([])
  })

  test('that no longer lead to our schemas are reported at once, and stop the process if the next check agrees', async () => {
    answer = LOST
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    expect(looks).toEqual([expect.stringMatching(/^schema id 4 is not known to the schema registry .*events-value/)])
    expect(stops).toEqual([])
    await vi.advanceTimersByTimeAsync(RECHECK_MS)
    expect(stops).toMatchObject([{ code: 'SCHEMAS_LOST' }])
    expect(stops[0]?.message).toMatch(
      /schema id 4 .*Nothing more is written, and nothing was skipped\. Restore the registry/,
    )
    await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS)
    expect(looks).toHaveLength(2)
    expect(stops).toHaveLength(1)
  })

  test('that were wrong only briefly have no consequences', async () => {
    answer = LOST
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    answer = null
    await vi.advanceTimersByTimeAsync(RECHECK_MS)
    expect(looks).toEqual([expect.any(String), null])
    answer = LOST
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    expect(stops).toEqual([])
  })

  test('are not judged while the registry is unavailable', async () => {
    answer = AWAY
    await vi.advanceTimersByTimeAsync(3 * INTERVAL_MS)
    expect([looks, unanswered, stops]).toEqual([[], [AWAY, AWAY, AWAY], []])
  })

  test('that were wrong when the registry became unavailable are rechecked soon, and stop the process if they still are', async () => {
    answer = LOST
    await vi.advanceTimersByTimeAsync(INTERVAL_MS)
    answer = AWAY
    await vi.advanceTimersByTimeAsync(RECHECK_MS)
    expect(stops).toEqual([])
    answer = LOST
    await vi.advanceTimersByTimeAsync(RECHECK_MS)
    expect(stops).toHaveLength(1)
  })

  test('are not checked after the stop', async () => {
    watch.stop()
    await vi.advanceTimersByTimeAsync(10 * INTERVAL_MS)
    expect(looks).toEqual([])
  })
})
