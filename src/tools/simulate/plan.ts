import type { DeadLetterReason } from '../../providers/provider.ts'
import { UsageError } from '../../usage-error.ts'
import { LIFECYCLES, type Lifecycle, paymentsOf, SIMULATED_PROVIDERS, type SimulatedProvider } from './lifecycles.ts'
import { FOREIGN_PRODUCTS, type OddDeadLetter, oddDeadLetter } from './odd-dead-letters.ts'
import { ODD_LIFECYCLES } from './odd-lifecycles.ts'
import { createRandom, type Random } from './random.ts'
import { type ScriptedPayment, type ScriptedStep, scriptPayments, uuidLike } from './script-payment.ts'
import { encodeBody } from './wire.ts'

/** The part of a configured source that the content of its callbacks depends on. */
export interface PlannedSource {
  readonly id: string
  readonly provider: SimulatedProvider
  /** The prefix of the source's payment keys. */
  readonly namespace: string
}

export interface PlanOptions {
  readonly seed: number
  /** The number of payment keys; a refund counts as a payment of its own. */
  readonly payments: number
  readonly sources: readonly PlannedSource[]
  /**
   * Time of the first payment's first status, ms since the epoch. Constant by default, so that a seed always gives the same
   * bytes. Later steps follow within minutes (J.P. Morgan) or up to four days (InstaMed's daily job).
   */
  readonly startTimeMs?: number
  /** Share of callbacks that are sent again, 0 to 1. */
  readonly duplicateShare?: number
  /** Share of payments whose steps are sent in another order. */
  readonly reorderShare?: number
  /** Share of callbacks with something malformed in them or right after them. */
  readonly malformedShare?: number
  /** Share of J.P. Morgan callbacks about 2 to 5 payments. */
  readonly multiPaymentShare?: number
  /** Share of payments with an early step that is sent at the very end of the simulation. */
  readonly lateShare?: number
  /**
   * Share of payments with oddities (an unreadable detail, a time in a rare spelling or without a zone, padded ids, invalid
   * UTF-8, …), and of callbacks followed by something entirely unreadable.
   */
  readonly oddShare?: number
  /** What can happen to a payment; by default the simulator's own lists, with the share above. */
  readonly lifecycles?: Lifecycles
}

type Lifecycles = { readonly [P in SimulatedProvider]: readonly Lifecycle[] }

export const PLAN_DEFAULTS = {
  startTimeMs: Date.UTC(2026, 0, 5, 8),
  duplicateShare: 0.1,
  reorderShare: 0.1,
  malformedShare: 0.02,
  multiPaymentShare: 0.2,
  lateShare: 0.02,
  oddShare: 0.05,
} as const satisfies Partial<PlanOptions>

/** Invalid options, with all problems at once. */
export class SimulationOptionsError extends UsageError {
  readonly code = 'simulation-options'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the simulation cannot be planned: ${problems.join('; ')}`)
    this.name = 'SimulationOptionsError'
    this.problems = problems
  }
}

/** One HTTP request to send. */
export interface PlannedCallback {
  /** Position in the plan, starting at 0. */
  readonly position: number
  readonly sourceId: string
  readonly provider: SimulatedProvider
  /** To append to the source's URL; v1 may call the registered URL with `/status` appended. */
  readonly pathSuffix: string
  readonly contentType: string
  readonly body: Buffer
  /** The expected outcome. */
  readonly expects: 'events' | 'events-and-dead-letter' | 'dead-letter'
  /** Ids of the steps it reports, one per good element. */
  readonly stepIds: readonly string[]
  /** The reasons of the expected dead letters. */
  readonly deadLetters: readonly DeadLetterReason[]
  /** `identical`: the exact body of an earlier callback. `reissued`: known facts in a new envelope or grouping. */
  readonly repeats: 'nothing' | 'identical' | 'reissued'
}

export interface LedgerPayment extends Omit<ScriptedPayment, 'steps'> {
  /** The provider's terms, in the order of the provider's times. */
  readonly steps: readonly string[]
  /** How many callbacks mention it, including repeats. */
  readonly callbacks: number
  /** Whether some step is first sent before an older one. */
  readonly outOfOrder: boolean
}

/** What must hold once every callback of the plan has been accepted exactly once. */
interface Ledger {
  /** By payment key. */
  readonly payments: ReadonlyMap<string, LedgerPayment>
  readonly callbacks: number
  /** Good elements, including repeats: events + duplicates. */
  readonly elements: number
  /** Distinct facts; each must have exactly one record in `payments.status.changes`. */
  readonly events: number
  readonly duplicates: number
  readonly deadLetters: number
  readonly deadLettersByReason: Readonly<Partial<Record<DeadLetterReason, number>>>
  readonly multiPaymentCallbacks: number
  readonly identicalRepeats: number
  readonly reissues: number
  readonly malformedCallbacks: number
  readonly outOfOrderPayments: number
}

export interface Plan {
  readonly callbacks: readonly PlannedCallback[]
  readonly ledger: Ledger
}

/**
 * Plans everything the providers send, in order, and the expected results.
 *
 * Pure: the same options give the same bytes in the same order. A payment's facts carry the provider's times, so its final
 * status depends on what is sent, not on order or repetition. The whole plan is held in memory, about 1 KB per callback.
 *
 * Throws {@link SimulationOptionsError}.
 */
export function planCallbacks(options: PlanOptions): Plan {
  const settings = { ...PLAN_DEFAULTS, ...options }
  const problems = planProblems(options)
  if (problems.length > 0) {
    throw new SimulationOptionsError(problems)
  }
  const stories = writeStories(settings)
  const tellings = scheduleTellings(stories, settings)
  const once = settings.sources.flatMap((source) => groupIntoCallbacks(source, tellings, settings)).sort(byTime)
  const random = createRandom(settings.seed, 'malformed')
  const odd = createRandom(settings.seed, 'odd')
  const withMalformed = once.flatMap((draft) =>
    addMalformed(draft, settings.malformedShare, random).flatMap((either) => addOdd(either, settings.oddShare, odd)),
  )
  const all = [...withMalformed, ...repeatSome(withMalformed, settings)].sort(byTime)
  const callbacks = all.map(({ at: _at, steps, ...callback }, position): PlannedCallback => {
    const good = steps.length > 0
    return {
      ...callback,
      position,
      stepIds: steps.map((step) => step.id),
      expects: callback.deadLetters.length === 0 ? 'events' : good ? 'events-and-dead-letter' : 'dead-letter',
    }
  })
  return { callbacks, ledger: ledgerOf(stories.flat(), callbacks) }
}

type Settings = PlanOptions & Required<Pick<PlanOptions, keyof typeof PLAN_DEFAULTS>>

/** What is wrong with the options, one sentence each; empty if they are valid. */
export function planProblems(options: PlanOptions): string[] {
  const settings: Settings = { ...PLAN_DEFAULTS, ...options }
  const problems: string[] = []
  if (!Number.isSafeInteger(settings.seed)) {
    problems.push('seed must be a whole number')
  }
  if (!Number.isSafeInteger(settings.payments) || settings.payments < 1) {
    problems.push('payments must be a whole number of at least 1')
  }
  if (!Number.isFinite(settings.startTimeMs)) {
    problems.push('startTimeMs must be a time in ms since the epoch')
  }
  const { startTimeMs: _, ...shares } = PLAN_DEFAULTS
  for (const share of Object.keys(shares) as (keyof typeof shares)[]) {
    if (!(settings[share] >= 0 && settings[share] <= 1)) {
      problems.push(`${share} must be between 0 and 1`)
    }
  }
  if (settings.sources.length === 0) {
    problems.push('at least one source is needed')
  }
  if (new Set(settings.sources.map((source) => source.id)).size < settings.sources.length) {
    problems.push('every source needs a unique id')
  }
  for (const source of settings.sources) {
    if (!SIMULATED_PROVIDERS.includes(source.provider)) {
      problems.push(`source ${source.id}: the provider ${source.provider} cannot be simulated`)
    }
  }
  return problems
}

/** A payment with its refunds, returns and chargebacks, or the payments of a batch. */
type Story = readonly ScriptedPayment[]

/** Interval between new payments, in the providers' time. */
const PAYMENT_EVERY_MS = 250

function writeStories(settings: Settings): Story[] {
  const random = createRandom(settings.seed, 'payments')
  const stories: Story[] = []
  let missing = settings.payments
  while (missing > 0) {
    const source = random.pick(settings.sources)
    const usualOrOdd = random.chance(settings.oddShare) ? ODD_LIFECYCLES : LIFECYCLES
    const lifecycles = settings.lifecycles ?? usualOrOdd
    const lifecycle = pickLifecycle(lifecycles[source.provider], missing, random)
    const startMs = settings.startTimeMs + stories.length * PAYMENT_EVERY_MS + random.integer(0, PAYMENT_EVERY_MS)
    const story = scriptPayments(source, lifecycle, startMs, random)
    stories.push(story)
    missing -= story.length
  }
  return stories
}

function pickLifecycle(lifecycles: readonly Lifecycle[], paymentsMax: number, random: Random): Lifecycle {
  const possible = lifecycles.filter((lifecycle) => paymentsOf(lifecycle) <= paymentsMax)
  const total = possible.reduce((sum, { weight = 1 }) => sum + weight, 0)
  let left = random.next() * total
  const found = possible.find(({ weight = 1 }) => {
    left -= weight
    return left < 0
  })
  return found ?? random.pick(possible)
}

/** A step with its place in the sending order. The unit of `at` is the interval between two new payments. */
interface Telling {
  readonly at: number
  readonly sourceId: string
  readonly step: ScriptedStep
  readonly late: boolean
}

/** The maximum distance between two steps of a payment, and so the number of payments in progress at once. */
const STEP_DISTANCE_MAX = 20

function scheduleTellings(stories: readonly Story[], settings: Settings): Telling[] {
  const random = createRandom(settings.seed, 'delivery')
  // A late step is sent after the first sending of every other step.
  const end = stories.length + STEP_DISTANCE_MAX * 10
  return stories
    .flatMap((story, start) => {
      const steps = story.flatMap((payment) => payment.steps)
      const isBatch = steps.some((step) => step.batch !== null)
      let at = start
      const places = steps.map((step, index) => {
        const begins = index === 0 || (isBatch && step.id.endsWith('#0'))
        at = begins ? start : at + 0.5 + random.next() * (STEP_DISTANCE_MAX - 0.5)
        return at
      })
      const reordered = random.chance(settings.reorderShare) && steps.length > 1 ? reorder(places, random) : places
      const lateIndex = random.chance(settings.lateShare) && steps.length > 1 ? random.integer(0, steps.length - 2) : -1
      const tellings = steps.map((step, index): Telling => {
        const late = index === lateIndex
        const place = late ? end + random.next() * STEP_DISTANCE_MAX : (reordered[index] ?? start)
        return { at: place, sourceId: story[0]?.sourceId ?? '', step, late }
      })
      return isBatch ? batchTogether(tellings) : tellings
    })
    .sort(byTime)
}

/** One callback reports the last steps of a batch, when the last of them is due. */
function batchTogether(tellings: readonly Telling[]): Telling[] {
  const batch = tellings.filter(({ step }) => step.batch !== null)
  const at = Math.max(...batch.map((telling) => telling.at))
  const late = batch.some((telling) => telling.late)
  return tellings.map((telling) => (telling.step.batch === null ? telling : { ...telling, at, late }))
}

/** A different order, never the same one. `places` are increasing, at least two. */
function reorder(places: readonly number[], random: Random): number[] {
  const shuffled = random.shuffle(places)
  const same = shuffled.every((place, index) => place === places[index])
  return same ? shuffled.reverse() : shuffled
}

/** A callback without a position. */
interface Draft {
  readonly at: number
  readonly sourceId: string
  readonly provider: SimulatedProvider
  readonly steps: readonly ScriptedStep[]
  readonly pathSuffix: string
  readonly contentType: string
  readonly body: Buffer
  readonly deadLetters: readonly DeadLetterReason[]
  readonly repeats: PlannedCallback['repeats']
}

const PAYMENTS_PER_CALLBACK_MAX = 5

/** How many of the following steps a callback may take its other payments from. */
const GROUPING_WINDOW = 40

/** Groups the steps of one source into callbacks, some with several steps. `all` is in sending order. */
function groupIntoCallbacks(source: PlannedSource, all: readonly Telling[], settings: Settings): Draft[] {
  const tellings = all.filter(({ sourceId }) => sourceId === source.id)
  const random = createRandom(settings.seed, `callbacks of ${source.id}`)
  const drafts: Draft[] = []
  const taken = new Set<Telling>()
  for (const [index, telling] of tellings.entries()) {
    if (taken.has(telling)) {
      continue
    }
    const group = [telling]
    if (telling.step.batch !== null) {
      const others = tellings.filter((other) => other !== telling && other.step.batch === telling.step.batch)
      group.push(...others)
      for (const other of others) {
        taken.add(other)
      }
    } else if (source.provider !== 'instamed' && !telling.late && random.chance(settings.multiPaymentShare)) {
      const size = random.integer(2, PAYMENTS_PER_CALLBACK_MAX)
      // One step per payment and callback, and none may accidentally overtake an older step of its payment. Late steps stay
      // late.
      const passed = new Set([telling.step.paymentKey])
      for (const other of tellings.slice(index + 1, index + 1 + GROUPING_WINDOW)) {
        if (taken.has(other)) {
          continue
        }
        if (
          group.length < size &&
          !other.late &&
          !passed.has(other.step.paymentKey) &&
          canShareCallback(telling.step, other.step)
        ) {
          group.push(other)
          taken.add(other)
        }
        passed.add(other.step.paymentKey)
      }
    }
    const steps = group.map(({ step }) => step)
    drafts.push(draftOf(source, telling.at, steps, random))
  }
  return drafts
}

function canShareCallback(one: ScriptedStep, other: ScriptedStep): boolean {
  return (
    [one, other].every(({ alone, batch }) => !alone && batch === null) &&
    one.envelope?.eventType === other.envelope?.eventType
  )
}

function draftOf(source: PlannedSource, at: number, steps: readonly ScriptedStep[], random: Random): Draft {
  return {
    at,
    sourceId: source.id,
    provider: source.provider,
    steps,
    pathSuffix: source.provider === 'jpm-global-payments-v1' && random.chance(0.5) ? '/status' : '',
    contentType: steps[0]?.contentType ?? USUAL_CONTENT_TYPES[source.provider],
    body: bodyOf(source.provider, steps, [], random),
    deadLetters: [],
    repeats: 'nothing',
  }
}

const USUAL_CONTENT_TYPES: Readonly<Record<SimulatedProvider, string>> = {
  'jpm-global-payments-v1': 'application/json',
  'jpm-global-payments-v2': 'application/json',
  instamed: 'application/json; charset=utf-8',
}

/** The callback that reports `steps`, with `extraElements` (JSON texts) among them. */
function bodyOf(
  provider: SimulatedProvider,
  steps: readonly ScriptedStep[],
  extraElements: readonly string[],
  random: Random,
): Buffer {
  const elements = [...steps.map((step) => step.element), ...extraElements]
  const ordered = extraElements.length > 0 ? random.shuffle(elements) : elements
  return encodeBody(bodyText(provider, steps, ordered, random), steps[0]?.encoding ?? 'utf8')
}

function bodyText(
  provider: SimulatedProvider,
  steps: readonly ScriptedStep[],
  elements: readonly string[],
  random: Random,
): string {
  switch (provider) {
    case 'jpm-global-payments-v1':
      return `{"callbacks":[${elements.join(',')}]}`
    case 'jpm-global-payments-v2':
      return v2Body(steps, elements, random)
    case 'instamed':
      return elements[0] ?? '{}'
  }
}

const DATASCHEMAS = { payments: 'payment-event', returns: 'payment-return-event' } as const

/** The provider's examples show both spellings; each envelope uses one of them. */
function v2Body(steps: readonly ScriptedStep[], elements: readonly string[], random: Random): string {
  const first = steps[0]?.envelope
  const list = first?.list ?? 'payments'
  const status = first?.paymentStatus ?? 'Completed'
  const dataschema = first?.eventType === 'PaymentBatch' ? 'payments-event' : DATASCHEMAS[list]
  const fields = {
    specversion: random.pick(['1.0', '1.0.0']),
    id: uuidLike(random),
    time: first?.occurredAt,
    type: `${first?.eventType ?? 'Payment'}.${status.charAt(0)}${status.slice(1).toLowerCase()}`,
    source: random.chance(0.5)
      ? `/payment/v2/payments/${first?.paymentId ?? ''}`
      : `payment/v2/payments?endToEndId=${first?.endToEndId ?? ''}`,
    dataschema: `urn:com.jpmorgan.payments/${dataschema}`,
    ...first?.fields,
  }
  return `${JSON.stringify(fields).slice(0, -1)},"data":{"${list}":[${elements.join(',')}]}}`
}

/** With the given probability adds a bad element among the good ones, or a malformed callback right after. */
function addMalformed(draft: Draft, share: number, random: Random): Draft[] {
  if (!random.chance(share) || !isUsual(draft)) {
    return [draft]
  }
  const kind = random.pick([
    'not-json',
    'invalid-utf8',
    'wrong-shape',
    'foreign-product',
    'element-without-ids',
    'element-not-an-object',
  ])
  const severalElements = draft.provider !== 'instamed'
  switch (kind) {
    case 'element-without-ids':
      if (severalElements) {
        return [withBadElement(draft, elementWithoutIds(draft), 'missing-payment-id', random)]
      }
      return [draft, malformed(draft, Buffer.from(elementWithoutIds(draft)), 'missing-payment-id')]
    case 'element-not-an-object':
      if (severalElements) {
        return [withBadElement(draft, random.pick(['null', '7', '"text"']), 'element-not-an-object', random)]
      }
      return [draft, malformed(draft, Buffer.from('"text"'), 'unexpected-shape')]
    case 'wrong-shape':
      return [draft, malformed(draft, Buffer.from(WRONG_SHAPES[draft.provider]), 'unexpected-shape')]
    case 'foreign-product':
      return [draft, oddCallback(draft, FOREIGN_PRODUCTS[draft.provider])]
    case 'invalid-utf8':
      return [draft, malformed(draft, withInvalidUtf8(draft.provider, random), 'invalid-utf8')]
    default:
      return [draft, malformed(draft, withoutItsEnd(draft.body, random), 'invalid-json')]
  }
}

const WRONG_SHAPES: Readonly<Record<SimulatedProvider, string>> = {
  'jpm-global-payments-v1': '{"callbacks":{"paymentStatus":"COMPLETED"}}',
  'jpm-global-payments-v2': '{"specversion":"1.0","id":"5eed","type":"Payment.Completed","data":{"payments":"none"}}',
  instamed: '7',
}

function elementWithoutIds(draft: Draft): string {
  switch (draft.provider) {
    case 'jpm-global-payments-v1':
      return '{"paymentStatus":"COMPLETED","createDateTime":"2026-01-05T08:00:00.000Z"}'
    case 'jpm-global-payments-v2':
      return '{"paymentStatus":"COMPLETED","statusUpdatedAt":"2026-01-05T08:00:00Z","paymentIdentifiers":{}}'
    case 'instamed':
      return '{"TransactionAction":"Sale","CurrentTransactionStatusCode":"C","Amount":"1.00"}'
  }
}

function withBadElement(draft: Draft, element: string, reason: DeadLetterReason, random: Random): Draft {
  return { ...draft, body: bodyOf(draft.provider, draft.steps, [element], random), deadLetters: [reason] }
}

/** A callback to send right after `draft`. */
function malformed(draft: Draft, body: Buffer, reason: DeadLetterReason): Draft {
  return { ...draft, steps: [], body, deadLetters: [reason] }
}

/** Truncated, as by a broken connection. Bodies are ASCII, so no character is split. */
function withoutItsEnd(body: Buffer, random: Random): Buffer {
  return body.subarray(0, random.integer(1, body.length - 1))
}

/** With an invalid UTF-8 byte in the id, so that the payment cannot be identified. */
function withInvalidUtf8(provider: SimulatedProvider, random: Random): Buffer {
  const id = `5eed${random.hex(28)}\u00ff`
  const element = {
    'jpm-global-payments-v1': `{"firmRootId":"${id}","paymentStatus":"COMPLETED"}`,
    'jpm-global-payments-v2': `{"paymentId":"${id}","paymentStatus":"COMPLETED"}`,
    instamed: `{"PaymentTransactionID":"${id}","TransactionAction":"Sale","CurrentTransactionStatusCode":"C"}`,
  }[provider]
  return encodeBody(bodyText(provider, [], [element], random), 'latin1')
}

/** UTF-8 with the usual content type: another charset or notation would change the meaning of the altered body. */
function isUsual({ steps }: Draft): boolean {
  return steps.every(({ encoding, contentType }) => encoding === 'utf8' && contentType === null)
}

/** With the given probability adds something with an unreadable deciding field, among the good elements or right after. */
function addOdd(draft: Draft, share: number, random: Random): Draft[] {
  if (!random.chance(share) || !isUsual(draft) || draft.deadLetters.length > 0) {
    return [draft]
  }
  const odd = oddDeadLetter(draft.provider, random)
  if (odd.is === 'body') {
    return [draft, oddCallback(draft, odd)]
  }
  return holdsReturns(draft)
    ? [draft, oddCallback(draft, { ...odd, text: bodyText(draft.provider, [], [odd.text], random) })]
    : [withBadElement(draft, odd.text, odd.reason, random)]
}

/** A payment element among payment returns would be a different mistake. */
function holdsReturns({ steps }: Draft): boolean {
  return steps.some(({ envelope }) => envelope?.list === 'returns')
}

/** As {@link malformed}, with its own content type. */
function oddCallback(draft: Draft, { text, encoding = 'utf8', contentType, reason }: OddDeadLetter): Draft {
  return {
    ...malformed(draft, encodeBody(text, encoding), reason),
    contentType: contentType ?? USUAL_CONTENT_TYPES[draft.provider],
  }
}

/** The maximum distance between a callback and its repeat. */
const REPEAT_DISTANCE_MAX = 60

function repeatSome(drafts: readonly Draft[], settings: Settings): Draft[] {
  const random = createRandom(settings.seed, 'repeats')
  const sources = new Map(settings.sources.map((source) => [source.id, source]))
  return drafts.flatMap((draft): Draft[] => {
    const source = sources.get(draft.sourceId)
    if (source === undefined || draft.steps.length === 0 || !random.chance(settings.duplicateShare)) {
      return []
    }
    const at = draft.at + 0.1 + random.next() * REPEAT_DISTANCE_MAX
    const hasEnvelope = source.provider === 'jpm-global-payments-v2'
    if ((hasEnvelope || draft.steps.length > 1) && random.chance(0.5)) {
      const steps = draft.steps.length > 1 && random.chance(0.5) ? [random.pick(draft.steps)] : draft.steps
      return [{ ...draftOf(source, at, random.shuffle(steps), random), repeats: 'reissued' }]
    }
    return [{ ...draft, at, repeats: 'identical' }]
  })
}

function ledgerOf(payments: readonly ScriptedPayment[], callbacks: readonly PlannedCallback[]): Ledger {
  const firstTold = new Map<string, number>()
  const callbacksOf = new Map<string, number>()
  const deadLettersByReason: Partial<Record<DeadLetterReason, number>> = {}
  let elements = 0
  for (const callback of callbacks) {
    elements += callback.stepIds.length
    for (const id of callback.stepIds) {
      const paymentKey = id.slice(0, id.lastIndexOf('#'))
      callbacksOf.set(paymentKey, (callbacksOf.get(paymentKey) ?? 0) + 1)
      if (!firstTold.has(id)) {
        firstTold.set(id, callback.position)
      }
    }
    for (const reason of callback.deadLetters) {
      deadLettersByReason[reason] = (deadLettersByReason[reason] ?? 0) + 1
    }
  }
  const ledgerPayments = payments.map((payment): LedgerPayment => {
    const told = payment.steps.map((step) => firstTold.get(step.id) ?? Number.POSITIVE_INFINITY)
    return {
      ...payment,
      steps: payment.steps.map((step) => step.says),
      callbacks: callbacksOf.get(payment.paymentKey) ?? 0,
      outOfOrder: told.some((position, index) => position < (told[index - 1] ?? -1)),
    }
  })
  const count = (is: (callback: PlannedCallback) => boolean) => callbacks.filter(is).length
  return {
    payments: new Map(ledgerPayments.map((payment) => [payment.paymentKey, payment])),
    callbacks: callbacks.length,
    elements,
    events: firstTold.size,
    duplicates: elements - firstTold.size,
    deadLetters: callbacks.reduce((sum, callback) => sum + callback.deadLetters.length, 0),
    deadLettersByReason,
    multiPaymentCallbacks: count((callback) => callback.stepIds.length > 1),
    identicalRepeats: count((callback) => callback.repeats === 'identical'),
    reissues: count((callback) => callback.repeats === 'reissued'),
    malformedCallbacks: count((callback) => callback.deadLetters.length > 0),
    outOfOrderPayments: ledgerPayments.filter((payment) => payment.outOfOrder).length,
  }
}

/** Array.prototype.sort is stable, so equal times keep their order. */
function byTime(a: { readonly at: number }, b: { readonly at: number }): number {
  return a.at - b.at
}
