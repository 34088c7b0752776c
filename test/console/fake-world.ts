import { ConsoleAccess } from '../../src/console/access/console-access.ts'
import { apiRoutes } from '../../src/console/api/api-routes.ts'
import { Assets } from '../../src/console/assets.ts'
import type { LiveChange } from '../../src/console/console-feed.ts'
import { ConsoleServer } from '../../src/console/console-server.ts'
import { Jobs } from '../../src/console/jobs.ts'
import { pageRoutes } from '../../src/console/pages/page-routes.ts'
import { PaymentBoard } from '../../src/console/payment-board.ts'
import type { Route } from '../../src/console/route.ts'
import { Runbooks } from '../../src/console/runbooks.ts'
import type { ConsoleWorld } from '../../src/console/world.ts'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { type StatusChangeRecord, toStatusChange } from '../../src/payment/status-change.ts'
import type { Decider } from '../../src/tools/dlq/redrive-letters.ts'
import { explainPayment } from '../../src/tools/why/explain-payment.ts'
import { topicNames } from '../../src/topics.ts'
import { sampleEvent, sampleReport } from '../avro/samples.ts'

export const NOW = Date.parse('2026-03-01T12:00:00Z')
export const KEY = 'jpm:2f0d7a52-6c1e-4b1f-9a55-0d3f1c9b7e10'
const MINUTE = 60_000

/** The events of one payment, recorded one after another; also what `changes` has of them. */
export function paymentOf(events: readonly (Partial<PaymentEvent> & { readonly recordedAt?: number })[]): {
  readonly state: PaymentState
  readonly changes: readonly StatusChangeRecord[]
} {
  const changes: StatusChangeRecord[] = []
  let state: PaymentState | undefined
  for (const [
    index,
    { recordedAt = (events[index]?.receivedAt ?? NOW - 60 * MINUTE + index) + 400, ...event },
  ] of events.entries()) {
    const applied = applyEvent(state, sampleEvent(event), recordedAt)
    if (applied.outcome === 'recorded') {
      state = applied.change.state
      changes.push(toStatusChange(applied.change))
    }
  }
  if (state === undefined) {
    throw new TypeError('no event was recorded')
  }
  return { state, changes }
}

/** A payment that was completed, then contradicted, and partly refunded. */
export function storyEvents(): readonly Partial<PaymentEvent>[] {
  const at = (minutes: number) => ({
    receivedAt: NOW - minutes * MINUTE,
    occurredAt: NOW - minutes * MINUTE - 2_000,
    occurredAtText: new Date(NOW - minutes * MINUTE - 2_000).toISOString(),
  })
  const id = (number: number) => `${number}`.repeat(32).slice(0, 32)
  const callback = (number: number) => `01936f1a-7c1b-7000-8000-00000000000${number}`
  return [
    { ...at(60), providerEventId: 'n-1', eventId: id(1), callbackId: callback(1), status: 'ACCEPTED' },
    {
      ...at(55),
      providerEventId: 'n-2',
      eventId: id(2),
      callbackId: callback(2),
      status: 'PROCESSING',
      sourceStatus: 'PROCESSING',
    },
    {
      ...at(50),
      providerEventId: 'n-3',
      eventId: id(3),
      callbackId: callback(3),
      status: 'COMPLETED',
      sourceStatus: 'COMPLETED',
      references: [
        { type: 'uetr', value: '97ed4827-7b6f-4491-a06f-b548d5a7512d' },
        { type: 'achTraceNumber', value: '021000021234567' },
        { type: 'paymentBatchId', value: 'BATCH-7' },
        { type: 'clearingSystemReference', value: 'CLR-99' },
      ],
    },
    {
      ...at(20),
      providerEventId: 'n-4',
      eventId: id(4),
      callbackId: callback(4),
      status: 'REJECTED',
      sourceStatus: 'REJECTED',
      occurredAt: NOW - 58 * MINUTE,
      occurredAtText: new Date(NOW - 58 * MINUTE).toISOString(),
    },
    { ...sampleReport(), ...at(10), eventId: id(5), callbackId: callback(5), providerEventId: null },
  ]
}

export interface FakeWorld extends ConsoleWorld {
  readonly acts: { readonly act: string; readonly by: string; readonly reason: string; readonly what: string }[]
  add(events: Parameters<typeof paymentOf>[0]): PaymentState
  tell(change: StatusChangeRecord): void
  /** Rejects every call that needs a server. */
  down: boolean
  /** What the last scorecard was asked for. */
  scoredSince: number | null
}

/** A console's world in memory. What it answers is made by the real code wherever that needs no server. */
export function fakeWorld(): FakeWorld {
  const topics = topicNames('')
  const runbooks = Runbooks.read()
  const board = new PaymentBoard()
  const payments = new Map<string, ReturnType<typeof paymentOf>>()
  const listeners = new Set<(change: LiveChange) => void>()
  const recent: LiveChange[] = []
  const acts: FakeWorld['acts'] = []
  let ids = 0
  const act = (name: string, { by, reason }: Decider, what: string) => acts.push({ act: name, by, reason, what })
  const place = { topic: 'rawDeadLetters', partition: 2, offset: 41n } as const
  const reach = () => {
    if (world.down) {
      throw Object.assign(new Error('Connection refused: 10.0.0.7'), { code: 'ECONNREFUSED' })
    }
  }
  const effect = {
    eventId: '44444444444444444444444444444444',
    paymentKey: KEY,
    status: 'REJECTED',
    outcome: 'recorded',
    verdict: 'APPLIED',
    rule: 'status-changed',
    before: 'COMPLETED',
    after: 'REJECTED',
  } as const
  const letterRecord = {
    offset: 41n,
    key: Buffer.from(KEY),
    value: Buffer.from('{"secret":"of a person"}'),
    headers: { paystatus_source: 'clinic-b' },
    timestamp: NOW - 90 * MINUTE,
  }
  const redriven = {
    place,
    provider: 'instamed',
    source: 'clinic-b',
    reason: 'missing-status',
    outcome: 'redriven',
    problem: null,
    redrives: 0,
    effects: [effect],
  } as const
  const world: FakeWorld = {
    down: false,
    scoredSince: null,
    acts,
    topics,
    partitions: 6,
    sources: ['jpm-v2', 'instamed'],
    board,
    jobs: new Jobs({
      newId: () => {
        ids += 1
        return `job-${ids}`
      },
      now: () => NOW,
      messageOf: ({ message }) => message,
    }),
    now: () => NOW,
    feed: {
      progress: { phase: 'following', read: 1, trouble: null },
      get recent() {
        return recent.toReversed()
      },
      subscribe: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    activity: {
      trouble: null,
      points: Array.from({ length: 30 }, (_, index) => ({
        from: NOW - (30 - index) * 2 * MINUTE,
        to: NOW - (29 - index) * 2 * MINUTE,
        raw: 40 + ((index * 37) % 50),
        changes: 35 + ((index * 29) % 45),
      })),
    },
    lag: () => ({
      at: NOW - 2_000,
      trouble: null,
      value: [
        { stage: 'normalizer', topic: topics.raw, partition: 0, committed: 100n, end: 100n, records: 0n, ageMs: 0 },
        {
          stage: 'processor',
          topic: topics.events,
          partition: 3,
          committed: 90n,
          end: 132n,
          records: 42n,
          ageMs: 95_000,
        },
      ],
    }),
    members: () => ({ at: NOW - 2_000, trouble: null, value: { normalizer: 1, processor: 2 } }),
    processes: () => ({
      at: NOW - 2_000,
      trouble: null,
      value: [
        { url: 'http://normalizer:9090', ready: true, reasons: [] },
        {
          url: 'http://processor:9090',
          ready: false,
          reasons: ['redis: Redis evicts keys: set maxmemory-policy noeviction'],
        },
      ],
    }),
    alerts: () => ({
      at: NOW - 2_000,
      trouble: null,
      value: [
        {
          name: 'PaystatusStatusesLate',
          severity: 'critical',
          summary: 'Statuses are late: the oldest record that the processor has not processed is 1m 35s old.',
          instance: null,
          stage: 'processor',
          since: NOW - 95_000,
        },
      ],
    }),
    runbook: (alert) => runbooks.find(alert),
    openLetters: () => ({
      at: NOW - 2_000,
      trouble: null,
      value: [[topics.rawDeadLetters, 'missing-status', 3] as const],
    }),
    load: async (paymentKeys) => {
      reach()
      return new Map(
        paymentKeys.flatMap((key) => {
          const found = payments.get(key)
          return found === undefined ? [] : [[key, { state: found.state, from: 'view' }] as const]
        }),
      )
    },
    findWithoutIndex: async () => [],
    changesOf: async ({ paymentKey }) => payments.get(paymentKey)?.changes ?? [],
    explain: async (state) => {
      reach()
      const changes = payments.get(state.paymentKey)?.changes ?? []
      const raw = new Map(
        state.events.map(({ event }, index) => [
          event.callbackId,
          {
            topic: topics.raw,
            partition: 1,
            offset: 100 + index,
            body: 'readable',
            bodySha256: 'ab'.repeat(32),
            bodyBytes: 812,
            dataKeyId: null,
            traceId: null,
            repeatedAt: [],
          } as const,
        ]),
      )
      const repeated = state.events.slice(0, 1).map(({ event }) => ({
        event: { ...event, callbackId: '01936f1a-7c1b-7000-8000-00000000000a' },
        processed: true,
      }))
      return explainPayment({ state, changes, events: repeated, deadLetters: [], raw, rawReachesBackTo: null })
    },
    listLetters: async ({ reason }) => {
      reach()
      const group = {
        topic: 'rawDeadLetters',
        provider: 'instamed',
        source: 'clinic-b',
        reason: 'missing-status',
        age: 'day',
        count: 3,
        oldestAt: NOW - 90 * MINUTE,
        newestAt: NOW - 5 * MINUTE,
        oldest: place,
      } as const
      const groups = reason === undefined || reason === group.reason ? [group] : []
      return { groups, count: 3 * groups.length, ungrouped: 0 }
    },
    showLetter: async ({ offset }) =>
      offset === 41n
        ? {
            letter: {
              place,
              record: letterRecord,
              reason: 'missing-status',
              message: 'no status in the callback',
              element: null,
              provider: 'instamed',
              source: 'clinic-b',
              at: NOW - 90 * MINUTE,
              redrives: 0,
              event: null,
            },
            decided: null,
            now: redriven,
            body: letterRecord.value,
          }
        : null,
    redrive: async (_selection, { decider, onLetter }) => {
      if (decider !== null) {
        act('redrive', decider, 'missing-status')
      }
      onLetter(redriven)
      const none = { partly: 0, stays: 0, refused: 0, duplicates: 0, absent: 0 }
      return { applied: decider !== null, letters: 1, redriven: 1, events: 1, ...none }
    },
    closeLetters: async (_selection, { decider }) => {
      act('close', decider, 'missing-status')
      return { closed: 3, absent: 0 }
    },
    reprocess: async (_scope, { decider, onPayment }) => {
      if (decider !== null) {
        act('reprocess', decider, 'all')
      }
      const event = sampleEvent()
      onPayment({
        paymentKey: KEY,
        provider: 'jpm-global-payments-v2',
        before: { status: 'UNKNOWN', attention: ['unknown-status'], statusVersion: 1 },
        after: { status: 'COMPLETED', attention: [], statusVersion: 2 },
        steps: [
          {
            rule: 'restated',
            eventId: event.eventId,
            callbackId: event.callbackId,
            status: 'COMPLETED',
            statusBefore: 'UNKNOWN',
            mappingVersion: 2,
            mappingVersionBefore: 1,
            event,
            known: event,
          },
        ],
      })
      return {
        callbacks: 1_200,
        events: 1_180,
        payments: 300,
        partial: 0,
        rawReachesBackTo: null,
        unknownSource: 0,
        forgotten: 0,
        undecryptable: 0,
        inFlight: { callbacks: 0, events: 0 },
        seconds: 2,
        changed: 1,
        rules: { lost: 0, restated: 1, withdrawn: 0 },
        transitions: [{ provider: 'jpm-global-payments-v2', from: 'UNKNOWN', to: 'COMPLETED', payments: 1 }],
        left: [],
        applied: decider === null ? null : { published: 1, processed: true },
      }
    },
    drift: async () => ({
      rows: [
        {
          provider: 'instamed',
          kind: 'field',
          name: 'Transaction.NewField',
          count: 12,
          firstAt: NOW - 60 * MINUTE,
          lastAt: NOW,
        },
      ],
      callbacks: 1_200,
      unknownSource: 0,
      unreadable: 0,
      truncated: false,
    }),
    scorecard: async (since) => {
      world.scoredSince = since
      const score = { callbacks: 400, deadLetters: 3, retries: 12, events: 397, duplicates: 21, late: 4, outOfOrder: 2 }
      const rest = { conflicts: 0, unknownStatuses: 1, unreadableDetails: 0, unreadableTimes: 0 }
      const latenessMs = { p50: 900, p99: 64_000 }
      const scores = [{ source: 'jpm-v2', provider: 'jpm-global-payments-v2', ...score, ...rest, latenessMs }]
      return { since, until: NOW, scores, answers: new Map([['jpm-v2', { 200: 400, 401: 2 }]]) }
    },
    audit: async () => ({
      acts: [
        {
          act: 'redrive',
          id: '01936f1a-7c1b-7000-8000-0000000000aa',
          by: 'alex',
          at: NOW - 3_600_000,
          endedAt: NOW - 3_599_000,
          reason: 'source configured, CHG-4711',
          scope: { source: 'clinic-b' },
          outcome: 'done',
          counts: { letters: 3 },
        },
      ],
      leftOut: 0,
      unreadable: 0,
    }),
    openBody: async ({ topic, offset }, decider) => {
      act('open-body', decider, `${topic}@${offset}`)
      return Buffer.from('{"creditor":"<b>A. Person</b>"}')
    },
    add: (events) => {
      const made = paymentOf(events)
      payments.set(made.state.paymentKey, made)
      board.addState(made.state)
      return made.state
    },
    tell: (change) => {
      const live = { number: recent.length + 1, change }
      recent.push(live)
      for (const listener of listeners) {
        listener(live)
      }
    },
  }
  return world
}

export interface RunningConsole {
  readonly url: string
  readonly port: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A console on a free port of this machine, on a fake world. Without `signIn`, people do not sign in. */
export async function startFakeConsole(
  world: ConsoleWorld,
  signIn: ConstructorParameters<typeof ConsoleAccess>[0]['signIn'] = null,
  options: {
    readonly requestsPerSecondMax?: number
    readonly publicUrl?: string
    readonly host?: string
    readonly port?: number
    readonly requestMsMax?: number
    /** Beside those of the console. */
    readonly routes?: readonly Route[]
  } = {},
): Promise<RunningConsole> {
  const access = new ConsoleAccess({ signIn, localName: 'somebody', now: () => NOW })
  const server = new ConsoleServer({
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    publicUrl: options.publicUrl ?? null,
    environment: 'test',
    routes: [...apiRoutes(world, '1.2.3'), ...pageRoutes(world, access), ...(options.routes ?? [])],
    ...(options.requestMsMax !== undefined && { requestMsMax: options.requestMsMax }),
    access,
    assets: Assets.read(),
    requestsPerSecondMax: options.requestsPerSecondMax ?? 10_000,
    logger: { warn: () => {} },
    clock: () => performance.now(),
  })
  const { host, port } = await server.start()
  const stop = () => server.stop()
  return { url: `http://${host}:${port}`, port, stop, [Symbol.asyncDispose]: stop }
}
