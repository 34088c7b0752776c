import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { Lifecycle, SimulatedProvider } from './lifecycles.ts'
import type { Random } from './random.ts'

/**
 * Stands where real callbacks carry personal or account data and free text. If it is ever found in a key, a header, a
 * log or a canonical topic, a field got through that is not on the allow-list.
 */
export const SENSITIVE_TEXT = 'SIMULATED-SENSITIVE-TEXT'

/** One payment as its provider tells it, with the status that all of it together must give. */
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
  /** In the order of their own times, which strictly increase. */
  readonly steps: readonly ScriptedStep[]
}

export interface ScriptedStep {
  /** `<payment key>#<position>`: equal id = the same fact, whatever callback carries it. */
  readonly id: string
  readonly paymentKey: string
  /** The provider's words, as in the lifecycle. */
  readonly says: string
  readonly occurredAtMs: number
  /** The element of a callback that says it, as JSON text: repeats must repeat it to the letter. */
  readonly element: string
  /** What a v2 envelope around it mentions; null for the other providers. */
  readonly envelope: StepEnvelope | null
}

interface StepEnvelope {
  readonly paymentId: string
  readonly endToEndId: string
  readonly paymentStatus: string
  readonly occurredAt: string
}

const SECOND_MS = 1000
const DAY_MS = 86_400_000

/**
 * Writes the story of one payment, and of the refunds, returns and chargebacks that belong to it; the original comes
 * first. Ids begin with `5eed` or `SIM`, so that nobody takes them for real ones.
 *
 * Successive times are at least one second apart and times are cut, never rounded, to the provider's precision, so they
 * stay strictly increasing on the wire.
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
      return [scriptV2(source, lifecycle, startMs, random)]
    case 'instamed':
      return scriptInstamed(source, lifecycle, startMs, random)
  }
}

type Source = Parameters<typeof scriptPayments>[0]

function scriptV1(source: Source, lifecycle: Lifecycle, startMs: number, random: Random): ScriptedPayment {
  const firmRootId = uuidLike(random)
  const endToEndId = `SIM${random.alphanumeric(13)}`
  const withoutZone = random.chance(0.1)
  const clearingSystemReference = random.chance(0.5) ? `SIMCLR${random.alphanumeric(10)}` : undefined
  const appliedRate = random.chance(0.1) ? `1.${random.integer(1000, 9999)}` : undefined
  const paymentKey = `${source.namespace}:${lifecycle.withoutOwnId ? `e2e:${endToEndId}` : firmRootId}`

  let occurredAtMs = startMs
  const steps = lifecycle.steps.map((says, position): ScriptedStep => {
    const occurredAt = new Date(occurredAtMs).toISOString().replace('Z', withoutZone ? '' : 'Z')
    const succeeded = says.startsWith('COMPLETED')
    const element = {
      endToEndId,
      createDateTime: occurredAt,
      paymentStatus: says,
      firmRootId: lifecycle.withoutOwnId ? undefined : firmRootId,
      clearingSystemReference: succeeded ? clearingSystemReference : undefined,
      fx: succeeded && appliedRate !== undefined ? { appliedRate } : undefined,
      exceptions: V1_EXCEPTIONS[says],
    }
    const step = scriptedStep(paymentKey, position, says, occurredAtMs, element, null)
    occurredAtMs += random.integer(SECOND_MS, 90 * SECOND_MS)
    return step
  })
  return { ...commonOf(source, lifecycle), paymentKey, endToEndId, steps }
}

const V1_EXCEPTIONS: Readonly<Record<string, readonly object[]>> = {
  REJECTED: [
    {
      errorCode: '10004',
      errorDescription: `Error occurred on /requestedExecutionDate ${SENSITIVE_TEXT}`,
      ruleDefinition: 'Date validation failure',
    },
    { errorCode: '11000', errorDescription: SENSITIVE_TEXT, externalCode: 'AM04' },
  ],
  BLOCKED: [{ errorCode: '11000', errorDescription: SENSITIVE_TEXT }],
}

function scriptV2(source: Source, lifecycle: Lifecycle, startMs: number, random: Random): ScriptedPayment {
  const paymentId = uuidLike(random)
  const endToEndId = `SIM${random.alphanumeric(13)}`
  const paymentType = random.pick(['RTP', 'RTP', 'ACH', 'WIRE'])
  const clearingName = random.pick(V2_CLEARING_SYSTEMS[paymentType] ?? [])
  const clearingReference = `SIM${random.alphanumeric(10)}`
  const uetr = paymentType === 'WIRE' ? uuidLike(random) : undefined
  const transferType = random.chance(0.9) ? 'CREDIT' : 'DEBIT'
  const scheduled = lifecycle.steps.some((says) => says.endsWith('/SCHEDULED'))
  const requestedExecutionDate = new Date(startMs + (scheduled ? 3 * DAY_MS : 0)).toISOString().slice(0, 10)
  const paymentKey = `${source.namespace}:${paymentId}`

  let occurredAtMs = startMs
  const steps = lifecycle.steps.map((says, position): ScriptedStep => {
    const [paymentStatus = '', paymentSubStatus] = says.split('/')
    // The provider's own examples show both forms.
    const occurredAt = random.chance(0.5)
      ? new Date(occurredAtMs).toISOString().replace('Z', '+00:00')
      : `${new Date(occurredAtMs).toISOString().slice(0, 19)}Z`
    const cleared = paymentStatus === 'COMPLETED' || paymentStatus === 'RETURNED'
    const element = {
      paymentId,
      requestedExecutionDate,
      paymentStatus,
      paymentSubStatus,
      statusUpdatedAt: occurredAt,
      paymentIdentifiers: { endToEndId, otherPaymentReferences: uetr === undefined ? undefined : { uetr } },
      paymentType,
      transferType,
      clearingSystem: cleared ? { name: clearingName, reference: clearingReference } : {},
      paymentRedirection:
        clearingName === 'FPS' && paymentSubStatus === 'DELIVERED_TO_RECIPIENT'
          ? { accountNumber: SENSITIVE_TEXT }
          : undefined,
      exceptions: paymentStatus === 'REJECTED' ? V2_EXCEPTIONS : undefined,
    }
    const envelope = { paymentId, endToEndId, paymentStatus, occurredAt }
    const step = scriptedStep(paymentKey, position, says, occurredAtMs, element, envelope)
    occurredAtMs += random.integer(SECOND_MS, 90 * SECOND_MS)
    return step
  })
  return { ...commonOf(source, lifecycle), paymentKey, endToEndId, steps }
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
  // Other interfaces of the platform write the same ids in capitals; it is the same payment.
  const inCapitals = random.chance(0.15)
  const original = { id: originalId, steps: lifecycle.steps, expects: lifecycle.expects, amountMinor }
  const related = (lifecycle.related ?? []).map((transaction) => ({
    id: `5eed${random.hex(28)}`,
    steps: transaction.steps,
    expects: transaction.expects,
    // Partial, so that several fit into the original.
    amountMinor: Math.floor(amountMinor / (lifecycle.related?.length ?? 1)),
  }))

  let occurredAtMs = startMs
  return [original, ...related].map((transaction): ScriptedPayment => {
    const paymentKey = `${source.namespace}:${transaction.id}`
    const steps = transaction.steps.map((says, position): ScriptedStep => {
      const first = transaction === original && position === 0
      if (!first) {
        // Everything but the authorization comes from a daily job.
        occurredAtMs += random.integer(DAY_MS / 2, DAY_MS)
      }
      const idAsSent = (id: string) => (inCapitals && !first ? id.toUpperCase() : id)
      const element = instamedBody({
        says,
        id: idAsSent(transaction.id),
        originalId: idAsSent(originalId),
        amount: decimalOf(transaction.amountMinor),
        occurredAt: toInstamedTime(occurredAtMs),
      })
      return scriptedStep(paymentKey, position, says, occurredAtMs, element, null)
    })
    return {
      ...commonOf(source, lifecycle),
      paymentKey,
      endToEndId: null,
      relatesTo: transaction === original ? null : `${source.namespace}:${originalId}`,
      expectedStatus: transaction.expects,
      steps,
    }
  })
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
  readonly amount: string
  readonly occurredAt: string
}): object {
  const [action = '', code = ''] = transaction.says.split(' ')
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
    RequestAmount: transaction.amount,
    Amount: transaction.amount,
    IsPartiallyApproved: 'false',
    PartialApprovalAmount: null,
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
    expectedStatus: lifecycle.expects,
  }
}

function scriptedStep(
  paymentKey: string,
  position: number,
  says: string,
  occurredAtMs: number,
  element: object,
  envelope: StepEnvelope | null,
): ScriptedStep {
  return { id: `${paymentKey}#${position}`, paymentKey, says, occurredAtMs, element: JSON.stringify(element), envelope }
}

/** 8-4-4-4-12 lower-case hex digits with the marks of a version 4 UUID. */
export function uuidLike(random: Random): string {
  const digits = `5eed${random.hex(28)}`
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}

/** `12/14/2017 11:58:06 PM`: US order, twelve hours, whole seconds, no zone (read as UTC). */
function toInstamedTime(timeMs: number): string {
  const time = new Date(timeMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const hour = time.getUTCHours()
  const date = `${two(time.getUTCMonth() + 1)}/${two(time.getUTCDate())}/${time.getUTCFullYear()}`
  const clock = `${two(hour % 12 === 0 ? 12 : hour % 12)}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
  return `${date} ${clock} ${hour < 12 ? 'AM' : 'PM'}`
}

function decimalOf(minor: number): string {
  return `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`
}
