import { during, isForgotten, published, readsAgain, repeats, reports, type Scenario, step } from './scenario.ts'

/** What the kit plays, by name. Each is about a few payments of its own; all share the two topics, as real payments do. */
export const SCENARIOS = {
  'many-at-start': {
    sentence: 'thousands of payments are in current; changes no longer has them',
    acts: during('start', ...published('current-only', reports('COMPLETED', { amount: '10.00' }))),
  },
  'older-than-start': {
    sentence: 'records of changes arrive that are older than what current held at the start',
    acts: [
      ...during('start', reports('ACCEPTED'), reports('PROCESSING'), reports('COMPLETED', { amount: '20.00' })),
      ...during('live', repeats([1, 2])),
    ],
  },
  repeats: {
    sentence: 'records of changes arrive again after newer ones, as after a rebalance or a repair',
    acts: during(
      'live',
      reports('ACCEPTED'),
      reports('PROCESSING'),
      reports('COMPLETED', { amount: '30.00' }),
      repeats([2, 3]),
      repeats([1]),
    ),
  },
  'unchanged-repeat': {
    sentence: 'current repeats a payment with the same version: a newer mapping reads its event as before',
    acts: during('live', reports('COMPLETED', { amount: '40.00' }), readsAgain(1, 'same')),
  },
  'late-events': {
    sentence: 'events arrive that are older than the one that decides: the status stays',
    acts: during(
      'live',
      reports('ACCEPTED'),
      reports('SETTLED', { amount: '50.00' }),
      reports('PROCESSING', { lateByMinutes: 5 }),
      reports('COMPLETED', { lateByMinutes: 3 }),
    ),
  },
  overdue: {
    sentence: 'a payment waits for too long: a step without an event',
    acts: during('live', reports('PROCESSING', { amount: '60.00' }), step({ kind: 'is-overdue' })),
  },
  gap: {
    sentence: 'changes lacks a version: only current has what it said',
    acts: [
      ...during('start', reports('ACCEPTED')),
      ...during(
        'live',
        reports('COMPLETED', { amount: '70.00' }),
        ...published('current-only', readsAgain(2, { amount: '77.00' })),
        reports('PROCESSING', { lateByMinutes: 5 }),
      ),
    ],
  },
  'newer-schema': {
    sentence: 'a newer release writes a status that the schema does not have, and one field more',
    acts: [
      ...during(
        'live',
        reports('ACCEPTED', { amount: '80.00' }),
        reports('ACCEPTED', { amount: '81.00' }, 'known-again'),
      ),
      ...during(
        'newer',
        ...published('newer-schema', reports('PROCESSING'), reports('PROCESSING', {}, 'known-again')),
        reports('COMPLETED', {}, 'known-again'),
      ),
    ],
  },
  'two-incarnations': {
    sentence: 'a forgotten payment returns: it begins at version 1 again, with a greater incarnation',
    acts: during(
      'live',
      reports('ACCEPTED'),
      reports('PROCESSING'),
      reports('COMPLETED', { amount: '90.00' }),
      isForgotten(),
      reports('ACCEPTED', { amount: '95.00' }),
      reports('REJECTED'),
      repeats([3]),
    ),
  },
  tombstone: {
    sentence: 'payments are forgotten: current has a record without a value',
    acts: [
      ...during('start', reports('COMPLETED', { amount: '100.00' }), isForgotten()),
      ...during('live', reports('COMPLETED', { amount: '101.00' }, 'running'), isForgotten('running')),
    ],
  },
  restatement: {
    sentence: 'a newer mapping reads a known event differently: another amount, another status',
    acts: during(
      'live',
      reports('COMPLETED', { amount: '110.00' }),
      readsAgain(1, { amount: '11.00' }),
      reports('PROCESSING', { amount: '115.00' }, 'other-status'),
      readsAgain(1, { status: 'REJECTED' }, 'other-status'),
    ),
  },
  withdrawal: {
    sentence: 'a newer mapping no longer reads an event from its callback',
    acts: during(
      'live',
      reports('ACCEPTED'),
      reports('COMPLETED', { amount: '120.00' }),
      readsAgain(2, 'withdrawn'),
      reports('COMPLETED', { amount: '125.00' }, 'nothing-left'),
      readsAgain(1, 'withdrawn', 'nothing-left'),
    ),
  },
  'refund-first': {
    sentence: 'a refund arrives before the payment that it refunds',
    acts: during(
      'live',
      reports('COMPLETED', { amount: '13.00', refunds: 'payment' }, 'refund'),
      reports('COMPLETED', { amount: '130.00' }),
      reports('SETTLED', { amount: '13.00', refunds: 'payment' }, 'refund'),
    ),
  },
  'rolled-back': {
    sentence: 'a transaction is aborted: what it wrote never happened',
    acts: [
      ...during(
        'start',
        reports('ACCEPTED', { amount: '140.00' }, 'before-start'),
        ...published('rolled-back', reports('REJECTED', {}, 'before-start')),
      ),
      ...during(
        'live',
        reports('ACCEPTED', { amount: '141.00' }),
        ...published('rolled-back', reports('REJECTED'), reports('REJECTED', {}, 'never-was')),
        reports('COMPLETED'),
      ),
    ],
  },
  restart: {
    sentence: 'the subscriber is killed, payments change meanwhile, and it is started again',
    acts: [
      ...during(
        'start',
        reports('ACCEPTED', { amount: '150.00' }),
        reports('COMPLETED', { amount: '151.00' }, 'forgotten'),
      ),
      ...during('live', reports('PROCESSING')),
      ...during(
        'away',
        reports('COMPLETED'),
        isForgotten('forgotten'),
        reports('COMPLETED', { amount: '152.00' }, 'new'),
      ),
    ],
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as readonly ScenarioName[]
