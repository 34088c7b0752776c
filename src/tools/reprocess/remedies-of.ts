import type { PaymentEvent } from '../../payment/payment-event.ts'
import { restatementBy, saysTheSame } from '../../payment/reading.ts'
import { providerById } from '../../providers/registry.ts'
import type { Circumstances, PaymentEvidence } from '../verify/payment-evidence.ts'

/**
 * What publishing an event corrects. `lost`: the callback's event was never recorded. `restated`: this release reads the callback
 * differently. `withdrawn`: this release no longer reads the event from its callback, under this payment.
 */
export const REMEDY_RULES = ['lost', 'restated', 'withdrawn'] as const
export type RemedyRule = (typeof REMEDY_RULES)[number]

export interface Remedy {
  readonly rule: RemedyRule
  /** What to publish. */
  readonly event: PaymentEvent
  /** The reading that counts now; null for a lost event. */
  readonly known: PaymentEvent | null
}

/** Why an event that `reprocess` might have to correct is left unchanged. */
export const LEFT_REASONS = {
  retention: 'its callback is no longer in raw',
  forgotten: 'the body of its callback was forgotten',
  undecryptable: 'the body of its callback cannot be decrypted',
  'unknown-source': 'this release or configuration cannot read its source',
  'no-callback': 'raw should have its callback, but does not (run verify)',
  'newer-mapping': 'a newer mapping than that of this release read it',
  'same-mapping': 'it is read differently now, but by the same version of the mapping (run verify)',
  'in-flight': 'the stages have yet to process it, or a reading of it: run this again',
  'history-full': 'the history of its payment is full',
  'too-large': 'it is too large for an event',
} as const
export type LeftReason = keyof typeof LEFT_REASONS

export interface LeftEvent {
  readonly reason: LeftReason
  readonly event: PaymentEvent
}

export interface Remedies {
  /** Withdrawals come last, so that a payment loses a reading only after it has the new ones. */
  readonly remedies: readonly Remedy[]
  readonly left: readonly LeftEvent[]
}

/** Version of this release's mapping; null if it does not know the provider. */
export function ownMappingVersion(provider: string): number | null {
  return providerById(provider)?.mappingVersion ?? null
}

/** Whether a newer release, with a newer mapping, read the event. This release must not read it again. */
export function isReadByNewer({ provider, mappingVersion }: PaymentEvent): boolean {
  return mappingVersion > (ownMappingVersion(provider) ?? -1)
}

/**
 * The events to publish so that the payment matches what this release reads from its callbacks. Pure.
 *
 * @param lost the events that the judgement found to be lost.
 */
export function remediesOf(
  { current, raw }: Pick<PaymentEvidence, 'current' | 'raw'>,
  lost: readonly PaymentEvent[],
  circumstances: Circumstances,
): Remedies {
  const readings: Remedy[] = lost.map((event) => ({ rule: 'lost', event, known: null }))
  const withdrawals: Remedy[] = []
  const left: LeftEvent[] = []
  const said = new Map(raw.map((one) => [one.event.eventId, one]))
  for (const { event: known } of current.kind === 'state' ? current.state.events : []) {
    const found = said.get(known.eventId)
    const { isPending } = circumstances
    const outcome =
      found === undefined ? withdrawalOf(known, circumstances) : restatementOf(known, found.event, found.dueAt !== null)
    if (outcome === null) {
      continue
    }
    const reason = typeof outcome === 'string' ? outcome : isPending(known.eventId) ? 'in-flight' : null
    if (reason !== null) {
      left.push({ reason, event: known })
    } else if (typeof outcome !== 'string') {
      const list = outcome.rule === 'withdrawn' ? withdrawals : readings
      list.push(outcome)
    }
  }
  return { remedies: [...readings, ...withdrawals], left }
}

function restatementOf(known: PaymentEvent, said: PaymentEvent, isDue: boolean): Remedy | LeftReason | null {
  if (saysTheSame(said, known)) {
    return isReadByNewer(known) ? 'newer-mapping' : null
  }
  if (restatementBy(said, known) !== null) {
    return isDue ? { rule: 'restated', event: said, known } : 'in-flight'
  }
  return isReadByNewer(known) ? 'newer-mapping' : 'same-mapping'
}

/** For an event that no callback in raw gives for its payment. */
function withdrawalOf(
  known: PaymentEvent,
  { isCallbackRead, unreadableCallbacks, rawReachesBackTo, sourceIds, startedAt }: Circumstances,
): Remedy | LeftReason | null {
  if (isReadByNewer(known)) {
    return 'newer-mapping'
  }
  const mappingVersion = ownMappingVersion(known.provider)
  if (known.withdrawn || mappingVersion === null) {
    return null
  }
  const isOwn = known.mappingVersion === mappingVersion
  if (isCallbackRead(known.callbackId)) {
    return isOwn ? 'same-mapping' : { rule: 'withdrawn', event: { ...known, withdrawn: true, mappingVersion }, known }
  }
  if (isOwn) {
    return null // Reading its callback again would change nothing.
  }
  const unreadable = unreadableCallbacks.get(known.callbackId)
  if (unreadable !== undefined) {
    return unreadable
  }
  if (known.receivedAt < rawReachesBackTo) {
    return 'retention'
  }
  if (known.receivedAt >= startedAt) {
    return 'in-flight'
  }
  return sourceIds.has(known.source) ? 'no-callback' : 'unknown-source'
}
