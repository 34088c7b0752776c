import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { foldPayment } from '../../../src/payment/fold-payment.ts'
import { foldWithout } from '../../../src/tools/why/fold-without.ts'
import { sampleEvent, sampleReport } from '../../avro/samples.ts'
import { distinctEvents } from '../../payment/arbitrary-events.ts'
import { told } from '../verify/evidence.ts'

const received = told('RECEIVED', 1)
const processing = told('PROCESSING', 2)
const completed = told('COMPLETED', 3)
const rejected = told('REJECTED', 2)

test('nothing changes without an event that decides nothing', () => {
  expect(foldWithout([received, processing, completed], new Set([processing.eventId]))).toBe(null)
  expect(foldWithout([received], new Set(['not there']))).toBe(null)
})

test('the status and the deciding event change', () => {
  expect(foldWithout([received, processing, completed], new Set([completed.eventId]))).toEqual({
    status: { now: 'COMPLETED', without: 'PROCESSING' },
    decidedBy: { now: completed.eventId, without: processing.eventId },
  })
})

test('attention codes disappear and appear', () => {
  expect(foldWithout([completed, rejected], new Set([completed.eventId]))).toEqual({
    attention: { gone: ['positive-after-final'], added: [] },
  })
  const blocked = told('BLOCKED', 2)
  const releasedBy = told('SETTLED', 4)
  expect(foldWithout([blocked, releasedBy, told('COMPLETED', 1)], new Set([releasedBy.eventId]))).toMatchObject({
    status: { now: 'SETTLED', without: 'BLOCKED' },
    attention: { gone: ['released'], added: ['negative-after-positive'] },
  })
})

test('an earlier event decides the same status', () => {
  const again = told('COMPLETED', 5)
  expect(foldWithout([completed, again], new Set([again.eventId]))).toEqual({
    decidedBy: { now: again.eventId, without: completed.eventId },
  })
})

test('no payment remains', () => {
  expect(foldWithout([completed], new Set([completed.eventId]))).toEqual({
    status: { now: 'COMPLETED', without: null },
    decidedBy: { now: completed.eventId, without: null },
  })
})

test('a child changes or disappears without its report', () => {
  const own = sampleEvent({ eventId: 'own' })
  const [asked, done] = [
    sampleReport({ eventId: 'asked', status: 'RECEIVED' }),
    sampleReport({ eventId: 'done', status: 'COMPLETED' }),
  ]
  const { childKey } = done
  expect(foldWithout([own, asked, done], new Set(['done']))).toEqual({ children: [childKey] })
  expect(foldWithout([own, asked, done], new Set(['asked']))).toBeNull()
  expect(foldWithout([own, done], new Set(['done']))).toEqual({ children: [childKey] })
})

test('returns null exactly if status, deciding event, attention and children stay the same', () => {
  fc.assert(
    fc.property(distinctEvents({ minLength: 2 }), fc.nat(), (events, seed) => {
      const removed = events[seed % events.length]?.eventId ?? ''
      const now = foldPayment(events)
      const without = foldPayment(events.filter(({ eventId }) => eventId !== removed))
      const stays =
        now.status === without.status &&
        now.decidedBy === without.decidedBy &&
        now.attention.join() === without.attention.join() &&
        isDeepStrictEqual(now.children, without.children)
      expect(foldWithout(events, new Set([removed])) === null).toBe(stays)
    }),
    { numRuns: 300 },
  )
})
