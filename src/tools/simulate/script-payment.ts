import type { AttentionCode } from '../../payment/fold-payment.ts'
import type { PaymentKind } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { Lifecycle, OddStep, SimulatedProvider, Step } from './lifecycles.ts'
import type { Random } from './random.ts'
import { SENSITIVE_TEXT } from './sensitive-text.ts'
import { DAY_MS, instamedTime, SECOND_MS, zoned, zoneLess } from './time-spellings.ts'
import { type BodyEncoding, Verbatim, type Wire, writeWire } from './wire.ts'

/** One payment as its provider reports it, with the expected result of all its steps. */
export interface ScriptedPayment {
  /** `<namespace>:<provider id>`. */
  readonly paymentKey: string
  readonly sourceId: string
  readonly provider: SimulatedProvider
  readonly lifecycle: string
  /** J.P. Morgan only. */
  readonly endToEndId: string | null
  /** Payment key of the original, for a refund, return or chargeback. */
  readonly relatesTo: string | null
  readonly expectedStatus: PaymentStatus
  readonly expectedKind: PaymentKind
  /** Sorted. */
  readonly expectedAttention: readonly AttentionCode[]
  /** The decimal as it was sent; null if none was. */
  readonly expectedAmount: string | null
  /** In the order of the provider's times, which increase wherever the result depends on it. */
  readonly steps: readonly ScriptedStep[]
}

export interface ScriptedStep {
  /** `<payment key>#<position>`. The same id is the same fact, whichever callback carries it. */
  readonly id: string
  readonly paymentKey: string
  /** In the provider's terms, as in the lifecycle. */
  readonly says: string
  readonly occurredAtMs: number
  /** The callback's element (InstaMed: the body), as text: repeats must be exact. */
  readonly element: string
  readonly encoding: BodyEncoding
  /** Null: the provider's usual content type. */
  readonly contentType: string | null
  /** Cannot share a callback with other steps, because its envelope or its bytes are special. */
  readonly alone: boolean
  /** Equal for the steps that one callback reports together; null for all others. */
  readonly batch: string | null
  /** The v2 envelope around it; null for other providers. */
  readonly envelope: StepEnvelope | null
}

interface StepEnvelope {
  /** The list that contains the element. */
  readonly list: 'payments' | 'returns'
  /** First segment of the type. It is part of the fact, so a reissue keeps it. */
  readonly eventType: string
  readonly paymentId: string
  readonly endToEndId: string
  readonly paymentStatus: string
  /** As written. */
  readonly occurredAt: unknown
  /** Fields that replace the usual ones. */
  readonly fields: Readonly<Record<string, unknown>>
}

/**
 * Scripts one payment with its refunds, returns and chargebacks; the original comes first. Ids begin with `5eed` or `SIM`, so
 * they cannot be mistaken for real ones.
 *
 * Successive times are at least one second apart, unless the lifecycle says otherwise. Times are truncated, never rounded, to
 * the provider's precision, so they stay strictly increasing on the wire.
 */
export function scriptPayments(
  source: { readonly id: string; readonly provider: SimulatedProvider; readonly namespace: string },
  lifecycle: Lifecycle,
  startMs: number,
  random: Random,
): ScriptedPayment[] {
  switch (source.provider) {
    case 'jpm-global-payments-v1':
      return [scriptV1(source, lifecycle, startMs, random)]
    case 'jpm-global-payments-v2':
      return scriptV2Story(source, lifecycle, startMs, random)
    case 'instamed':
      return scriptInstamed(source, lifecycle, startMs, random)
  }
}

type Source = Parameters<typeof scriptPayments>[0]

/** The times of a transaction's steps: as given, or `distanceMs()` after the previous step. */
function timesOf(
  steps: readonly Step[],
  startMs: number,
  distanceMs: () => number,
): readonly { readonly step: OddStep; readonly atMs: number }[] {
  let atMs = startMs
  return steps.map((given, position) => {
    const step: OddStep = typeof given === 'string' ? { says: given } : given
    if (step.afterMs !== undefined) {
      atMs = startMs + step.afterMs
    } else if (position > 0) {
      atMs += distanceMs()
    }
    return { step, atMs }
  })
}

function wholeStart(startMs: number, { wholeMs = 1 }: Lifecycle): number {
  return Math.floor(startMs / wholeMs) * wholeMs
}

const minutesApart = (random: Random) => () => random.integer(SECOND_MS, 90 * SECOND_MS)

function scriptV1(source: Source, lifecycle: Lifecycle, startMs: number, random: Random): ScriptedPayment {
  const firmRootId = uuidLike(random)
  const endToEndId = `SIM${random.alphanumeric(13)}`
  const usually = random.chance(0.1) ? zoneLess : zoned
  const clearingSystemReference = random.chance(0.5) ? `SIMCLR${random.alphanumeric(10)}` : undefined
  const appliedRate = random.chance(0.1) ? `1.${random.integer(1000, 9999)}` : undefined
  const redirected = random.chance(0.05)
  const paymentKey = `${source.namespace}:${lifecycle.withoutOwnId ? `e2e:${endToEndId}` : firmRootId}`

  const times = timesOf(lifecycle.steps, wholeStart(startMs, lifecycle), minutesApart(random))
  const steps = times.map(({ step, atMs }, position): ScriptedStep => {
    const { says } = step
    const succeeded = says.startsWith('COMPLETED')
    const wire = wireOf(step, atMs, random, {
      endToEndId,
      createDateTime: (step.time ?? usually)(atMs, random),
      paymentStatus: says,
      firmRootId: lifecycle.withoutOwnId ? undefined : firmRootId,
      clearingSystemReference: succeeded ? clearingSystemReference : undefined,
      fx: succeeded && appliedRate !== undefined ? { appliedRate } : undefined,
      ...(redirected && {
        paymentRedirected: true,
        paymentRedirectedAccount: SENSITIVE_TEXT,
        paymentRedirectedBankId: SENSITIVE_TEXT,
      }),
      exceptions: V1_EXCEPTIONS[says],
    })
    return scriptedStep(paymentKey, position, step, wire, null)
  })
  return { ...commonOf(source, lifecycle), paymentKey, endToEndId, steps }
}

/** Applies the step's oddities. */
function wireOf(step: OddStep, atMs: number, random: Random, fields: Record<string, unknown>): Wire {
  const wire: Wire = { atMs, fields, twice: [], envelope: {}, format: 'json', encoding: 'utf8', contentType: null }
  for (const oddity of step.oddities ?? []) {
    oddity(wire, random)
  }
  return wire
}

const V1_EXCEPTIONS: Readonly<Record<string, readonly object[]>> = {
  REJECTED: [
    {
      errorCode: '10004',
      errorDescription: `Error occurred on /requestedExecutionDate ${SENSITIVE_TEXT}`,
      ruleDefinition: 'Date validation failure',
    },
    {
      errorCode: '11000',
      errorDescription: SENSITIVE_TEXT,
      externalCode: 'AM04',
      externalDescription: SENSITIVE_TEXT,
    },
  ],
  BLOCKED: [{ errorCode: '11000', errorDescription: SENSITIVE_TEXT }],
}

/** The payments of a batch, or one payment followed by its returns. */
function scriptV2Story(source: Source, lifecycle: Lifecycle, startMs: number, random: Random): ScriptedPayment[] {
  const { batchOf, related = [] } = lifecycle
  const batchId = batchOf === undefined ? null : `SIMBATCH${random.alphanumeric(8)}`
  const payments = Array.from({ length: batchOf ?? 1 }, () => scriptV2(source, lifecycle, startMs, batchId, random))
  const original = payments[0]
  let afterMs = original?.steps.at(-1)?.occurredAtMs ?? startMs
  return [
    ...payments,
    ...related.map((transaction) => {
      afterMs = wholeStart(afterMs + random.integer(DAY_MS / 2, DAY_MS), lifecycle)
      const scripted = scriptReturn(source, lifecycle, transaction, original?.paymentKey ?? '', afterMs, random)
      afterMs = scripted.steps.at(-1)?.occurredAtMs ?? afterMs
      return scripted
    }),
  ]
}

/** The provider's examples show both forms. */
function v2Time(timeMs: number, random: Random): string {
  return random.chance(0.5) ? zoned(timeMs).replace('Z', '+00:00') : `${zoned(timeMs).slice(0, 19)}Z`
}

function scriptV2(
  source: Source,
  lifecycle: Lifecycle,
  startMs: number,
  batchId: string | null,
  random: Random,
): ScriptedPayment {
  const paymentId = uuidLike(random)
  const endToEndId = `SIM${random.alphanumeric(13)}`
  const paymentType = batchId === null ? random.pick(['RTP', 'RTP', 'ACH', 'WIRE']) : 'ACH'
  const clearingName = random.pick(V2_CLEARING_SYSTEMS[paymentType] ?? [])
  const clearingReference = `SIM${random.alphanumeric(10)}`
  const otherPaymentReferences =
    paymentType === 'WIRE'
      ? { uetr: uuidLike(random), transactionIdentifier: `SIM${random.alphanumeric(8)}` }
      : undefined
  const achTraceNumber = paymentType === 'ACH' ? String(random.integer(10_000_000, 99_999_999)) : undefined
  const transferType = random.chance(0.9) ? 'CREDIT' : 'DEBIT'
  const scheduled = lifecycle.steps.some((step) => saysOf(step).endsWith('/SCHEDULED'))
  const requestedExecutionDate = zoned(startMs + (scheduled ? 3 * DAY_MS : 0)).slice(0, 10)
  const paymentKey = `${source.namespace}:${paymentId}`

  const times = timesOf(lifecycle.steps, wholeStart(startMs, lifecycle), minutesApart(random))
  const steps = times.map(({ step, atMs }, position): ScriptedStep => {
    const [paymentStatus = '', paymentSubStatus] = step.says.split('/')
    const occurredAt = (step.time ?? v2Time)(atMs, random)
    const cleared = paymentStatus === 'COMPLETED' || paymentStatus === 'RETURNED'
    const inBatch = batchId !== null && position === times.length - 1
    const wire = wireOf(step, atMs, random, {
      paymentId,
      requestedExecutionDate,
      valueDate: cleared && paymentType === 'ACH' ? requestedExecutionDate : undefined,
      paymentStatus,
      paymentSubStatus,
      statusUpdatedAt: occurredAt,
      paymentIdentifiers: {
        endToEndId,
        paymentBatchId: batchId ?? undefined,
        achTraceNumber: cleared ? achTraceNumber : undefined,
        otherPaymentReferences,
      },
      paymentType,
      transferType,
      clearingSystem: cleared ? { name: clearingName, reference: clearingReference } : {},
      paymentRedirection:
        clearingName === 'FPS' && paymentSubStatus === 'DELIVERED_TO_RECIPIENT'
          ? { accountNumber: SENSITIVE_TEXT }
          : undefined,
      exceptions: paymentStatus === 'REJECTED' ? V2_EXCEPTIONS : undefined,
    })
    const eventType = inBatch ? 'PaymentBatch' : (lifecycle.eventType ?? 'Payment')
    const envelope: StepEnvelope = {
      list: 'payments',
      eventType,
      paymentId,
      endToEndId,
      paymentStatus,
      occurredAt,
      fields: wire.envelope,
    }
    return { ...scriptedStep(paymentKey, position, step, wire, envelope), batch: inBatch ? batchId : null }
  })
  return { ...commonOf(source, lifecycle), paymentKey, endToEndId, steps }
}

type Related = NonNullable<Lifecycle['related']>[number]

/**
 * A payment return (`data.returns`): the client returns money that it had received. It has no time of its own, so the
 * envelope's time orders it.
 */
function scriptReturn(
  source: Source,
  lifecycle: Lifecycle,
  transaction: Related,
  originalKey: string,
  startMs: number,
  random: Random,
): ScriptedPayment {
  const returnId = uuidLike(random)
  const endToEndId = `SIM${random.alphanumeric(13)}`
  const paymentKey = `${source.namespace}:${returnId}`
  const amount = decimalOf(random.integer(100, 50_000))
  const currency = random.chance(0.5) ? 'BRL' : undefined
  // Some clients write the amount as a number; its trailing zeros are part of it.
  const value = random.chance(0.2) ? new Verbatim(`{"amount":${amount}}`) : { amount, currency }
  const originalPaymentIdentifiers = originalIdentifiers(transaction.names, originalKey, source, random)

  const times = timesOf(transaction.steps, startMs, minutesApart(random))
  const steps = times.map(({ step, atMs }, position): ScriptedStep => {
    const [returnStatus = '', returnSubStatus] = step.says.split('/')
    const occurredAt = (step.time ?? v2Time)(atMs, random)
    const wire = wireOf(step, atMs, random, {
      returnId,
      returnStatus,
      returnSubStatus,
      paymentType: 'RTP',
      paymentIdentifiers: { endToEndId },
      originalPaymentIdentifiers,
      returnType: random.pick(['FULL', 'PARTIAL']),
      value,
      country: 'BR',
      chargeBearer: 'SHAR',
      additionalInformation: [SENSITIVE_TEXT],
      exceptions: returnStatus === 'REJECTED' ? V2_EXCEPTIONS : undefined,
    })
    const envelope: StepEnvelope = {
      list: 'returns',
      eventType: 'Payment',
      paymentId: returnId,
      endToEndId,
      paymentStatus: returnStatus,
      occurredAt,
      fields: wire.envelope,
    }
    return { ...scriptedStep(paymentKey, position, step, wire, envelope), alone: true }
  })
  return {
    ...commonOf(source, lifecycle),
    ...expectationOf(transaction),
    expectedAmount: amount,
    paymentKey,
    endToEndId,
    relatesTo: transaction.names === 'paymentId' ? originalKey : null,
    steps,
  }
}

function originalIdentifiers(names: Related['names'], originalKey: string, source: Source, random: Random): object {
  const account = { accountNumber: SENSITIVE_TEXT }
  switch (names) {
    case 'paymentId': {
      const id = originalKey.slice(source.namespace.length + 1)
      return { paymentId: random.chance(0.3) ? id.toUpperCase() : id }
    }
    case 'bankReferenceNumber':
      return { bankReferenceNumber: `SIM${random.alphanumeric(10)}`, account }
    case 'clearingSystemReference':
      return { clearingSystemReference: `SIM${random.alphanumeric(10)}`, account }
    default:
      return {}
  }
}

const V2_CLEARING_SYSTEMS: Readonly<Record<string, readonly string[]>> = {
  RTP: ['TCH', 'FEDNOW', 'FPS', 'TIPS', 'SPI'],
  ACH: ['LOCALCLRG'],
  WIRE: ['FEDWIRE', 'CHIPS', 'SWIFT'],
}

const V2_EXCEPTIONS = [
  {
    code: '10001',
    message: `Field must be present ${SENSITIVE_TEXT}`,
    location: 'BODY',
    field: '$.paymentPurpose.categoryPurpose.code',
    additionalContext: [{ type: 'ISO20022', code: 'FF06', message: SENSITIVE_TEXT }],
  },
]

function scriptInstamed(source: Source, lifecycle: Lifecycle, startMs: number, random: Random): ScriptedPayment[] {
  const originalId = `5eed${random.hex(28)}`
  const amountMinor = random.integer(500, 50_000)
  // Other interfaces of the platform write ids in capitals; the payment is the same.
  const inCapitals = random.chance(0.15)
  const original = {
    id: originalId,
    steps: lifecycle.steps,
    amountMinor,
    expectation: expectationOf(lifecycle),
  }
  const related = (lifecycle.related ?? []).map((transaction) => ({
    id: `5eed${random.hex(28)}`,
    steps: transaction.steps,
    expectation: expectationOf(transaction),
    // Partial amounts, so that several fit into the original.
    amountMinor: Math.floor(amountMinor / (lifecycle.related?.length ?? 1)),
  }))

  // Everything but the authorization comes from a daily job.
  const daysApart = () => random.integer(DAY_MS / 2, DAY_MS)
  let occurredAtMs = wholeStart(startMs, lifecycle)
  return [original, ...related].map((transaction): ScriptedPayment => {
    const paymentKey = `${source.namespace}:${transaction.id}`
    const isOriginal = transaction === original
    const amounts = amountsOf(transaction.amountMinor, isOriginal ? lifecycle : {})
    const times = timesOf(transaction.steps, occurredAtMs + (isOriginal ? 0 : daysApart()), daysApart)
    occurredAtMs = times.at(-1)?.atMs ?? occurredAtMs
    const steps = times.map(({ step, atMs }, position): ScriptedStep => {
      const idAsSent = (id: string) => (inCapitals && !(isOriginal && position === 0) ? id.toUpperCase() : id)
      const wire = wireOf(
        step,
        atMs,
        random,
        instamedBody({
          says: step.says,
          id: idAsSent(transaction.id),
          originalId: idAsSent(originalId),
          amounts,
          occurredAt: (step.time ?? instamedTime)(atMs, random),
        }),
      )
      return scriptedStep(paymentKey, position, step, wire, null)
    })
    return {
      ...commonOf(source, lifecycle),
      ...transaction.expectation,
      expectedAmount: isOriginal && lifecycle.amount !== undefined ? lifecycle.amount : amounts.approved,
      paymentKey,
      endToEndId: null,
      relatesTo: isOriginal ? null : `${source.namespace}:${originalId}`,
      steps,
    }
  })
}

/** The amount fields of a transaction. `approved` is the expected amount. */
interface InstamedAmounts {
  readonly approved: string
  readonly fields: Readonly<Record<string, unknown>>
}

function amountsOf(amountMinor: number, { approvedInPart }: Pick<Lifecycle, 'approvedInPart'>): InstamedAmounts {
  const requested = decimalOf(amountMinor)
  const part = decimalOf(Math.floor(amountMinor / 3))
  const whole = {
    RequestAmount: requested,
    Amount: requested,
    IsPartiallyApproved: 'false',
    PartialApprovalAmount: null,
  }
  switch (approvedInPart) {
    case 'IsPartiallyApproved':
      return { approved: part, fields: { ...whole, IsPartiallyApproved: 'true', PartialApprovalAmount: part } }
    case 'ResponseCode':
      return { approved: part, fields: { ...whole, Amount: part, ResponseCode: '010' } }
    default:
      return { approved: requested, fields: whole }
  }
}

const INSTAMED_DESCRIPTIONS: Readonly<Record<string, string>> = {
  A: 'Authorized',
  C: 'Approved',
  CB: 'Chargeback',
  D: 'Declined',
  RI: 'Returned Item',
  S: 'Settled',
  SE: 'Settlement Error',
  V: 'Voided',
}

/** Flat, every value a string or null, no currency and no zone: as the ordinary webhook sends it. */
function instamedBody(transaction: {
  readonly says: string
  readonly id: string
  readonly originalId: string
  readonly amounts: InstamedAmounts
  readonly occurredAt: unknown
}): Record<string, unknown> {
  const lastBlank = transaction.says.lastIndexOf(' ')
  const action = transaction.says.slice(0, lastBlank)
  const code = transaction.says.slice(lastBlank + 1)
  const declined = code === 'D'
  return {
    PaymentTransactionID: transaction.id,
    OriginalTransactionID: transaction.originalId,
    SaveOnFileTransactionID: null,
    PaymentPlanID: null,
    MerchantID: 'SIMULATED',
    StoreID: '0001',
    TerminalID: '0001',
    TransactionAction: action,
    TransactionType: 'CreditCard',
    CurrentTransactionStatusCode: code,
    CurrentTransactionStatusDescription: INSTAMED_DESCRIPTIONS[code] ?? code,
    ResponseCode: declined ? '005' : '000',
    ResponseMessage: declined ? 'DECLINED' : 'APPROVAL',
    ReasonCode: declined ? 'D05' : null,
    WorkflowStatus: 'Complete',
    ...transaction.amounts.fields,
    ResponseDateTime: transaction.occurredAt,
    CardType: 'Visa',
    CardLastFourDigits: '************0000',
    ExpDate: null,
    CardHolderName: SENSITIVE_TEXT,
    PatientID: SENSITIVE_TEXT,
    PatientFirstName: SENSITIVE_TEXT,
    PatientLastName: SENSITIVE_TEXT,
    PatientBirthDate: null,
    GuarantorID: null,
    AccountHolderEmail: null,
    AdditionalInfo1: SENSITIVE_TEXT,
    FreeFormTextResponse: null,
  }
}

function commonOf(source: Source, lifecycle: Lifecycle) {
  return {
    sourceId: source.id,
    provider: source.provider,
    lifecycle: lifecycle.name,
    relatesTo: null,
    expectedAmount: null,
    ...expectationOf(lifecycle),
  }
}

function expectationOf({
  expects,
  kind = 'PAYMENT',
  attention = [],
}: Pick<Lifecycle, 'expects' | 'kind' | 'attention'>): Pick<
  ScriptedPayment,
  'expectedStatus' | 'expectedKind' | 'expectedAttention'
> {
  return { expectedStatus: expects, expectedKind: kind, expectedAttention: attention.toSorted() }
}

function saysOf(step: Step): string {
  return typeof step === 'string' ? step : step.says
}

function scriptedStep(
  paymentKey: string,
  position: number,
  { says }: OddStep,
  wire: Wire,
  envelope: StepEnvelope | null,
): ScriptedStep {
  const usualBytes = wire.encoding === 'utf8' && wire.contentType === null
  return {
    id: `${paymentKey}#${position}`,
    paymentKey,
    says,
    occurredAtMs: wire.atMs,
    element: writeWire(wire),
    encoding: wire.encoding,
    contentType: wire.contentType,
    alone: !usualBytes || Object.keys(wire.envelope).length > 0,
    batch: null,
    envelope,
  }
}

/** A version 4 UUID in lower case. */
export function uuidLike(random: Random): string {
  const digits = `5eed${random.hex(28)}`
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}

function decimalOf(minor: number): string {
  return `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`
}
