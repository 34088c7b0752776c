/**
 * The callbacks that every part of the comparison processes: those of payments of all three providers, about three per payment,
 * each about one payment, so that no part needs to split a callback. 10 % are sent twice, 5 % of the neighbouring callbacks of
 * a payment are swapped, and 1,000 payments are in progress at once. The same number gives the same callbacks. Pure.
 */
export interface WorkloadCallback {
  /** The provider's id of the payment. */
  readonly paymentId: string
  readonly provider: Provider
  readonly body: Buffer
  /** The provider's word for the status that the payment ends with. */
  readonly finalStatus: string
  /** Whether exactly these bytes were sent before. */
  readonly isRepeat: boolean
}

type Provider = 'jpm-global-payments-v1' | 'jpm-global-payments-v2' | 'instamed'

/** What a part must have counted in the end. */
export interface WorkloadTotals {
  readonly events: number
  readonly duplicate: number
  /** Known only of a workload that was processed before; without the repeats, each event is one of the two. */
  readonly verdicts: Verdicts | null
}

interface Counted {
  readonly events: number
  readonly duplicate: number
}

interface Verdicts {
  readonly applied: number
  readonly late: number
}

interface Payment {
  readonly id: string
  readonly provider: Provider
  readonly finalStatus: string
  readonly bodies: readonly string[]
}

const SEED = 1
const START_MS = Date.UTC(2026, 10, 1)
const IN_PROGRESS = 1_000
const REPEATED = 0.1
const SWAPPED = 0.05

/** By number of payments. What is late depends on the rules of the processor, so this cannot be counted here. */
const VERDICTS: Readonly<Record<number, Verdicts>> = {
  100000: { applied: 269_600, late: 7_774 },
}

export function* workload(payments: number): Iterable<WorkloadCallback> {
  const random = createRandom(SEED)
  const open: { payment: Payment; bodies: readonly string[]; at: number }[] = []
  let begun = 0
  while (begun < payments || open.length > 0) {
    for (; open.length < IN_PROGRESS && begun < payments; begun += 1) {
      const payment = paymentAt(START_MS + begun * 10, begun, random)
      open.push({ payment, bodies: asSent(payment.bodies, random), at: 0 })
    }
    const index = Math.floor(random.share() * open.length)
    const one = open[index] as (typeof open)[number]
    const body = one.bodies[one.at] as string
    yield {
      paymentId: one.payment.id,
      provider: one.payment.provider,
      body: Buffer.from(body),
      finalStatus: one.payment.finalStatus,
      isRepeat: one.bodies.indexOf(body) < one.at,
    }
    one.at += 1
    if (one.at === one.bodies.length) {
      open[index] = open.at(-1) as (typeof open)[number]
      open.pop()
    }
  }
}

export function totalsOf(payments: number, callbacks: readonly Pick<WorkloadCallback, 'isRepeat'>[]): WorkloadTotals {
  return {
    events: callbacks.length,
    duplicate: callbacks.filter(({ isRepeat }) => isRepeat).length,
    verdicts: VERDICTS[payments] ?? null,
  }
}

/** The totals of a workload that was processed several times, each time for other payments. */
export function timesOf({ events, duplicate, verdicts }: WorkloadTotals, times: number): WorkloadTotals {
  return {
    events: events * times,
    duplicate: duplicate * times,
    verdicts: verdicts === null ? null : { applied: verdicts.applied * times, late: verdicts.late * times },
  }
}

/** What paystatus counted wrong, in words. */
export function differencesOf(expected: WorkloadTotals, counted: Counted & Verdicts): readonly string[] {
  const { applied, late } = counted
  const { verdicts } = expected
  return [
    ...distinctDifferencesOf(expected, { ...counted, distinct: applied + late }),
    ...(verdicts === null ? [] : difference('applied', verdicts.applied, applied)),
    ...(verdicts === null ? [] : difference('late', verdicts.late, late)),
  ]
}

/** The same of a part that knows no late events. */
export function distinctDifferencesOf(
  { events, duplicate }: WorkloadTotals,
  counted: Counted & { readonly distinct: number },
): readonly string[] {
  return [
    ...difference('events', events, counted.events),
    ...difference('duplicate', duplicate, counted.duplicate),
    ...difference('distinct', events - duplicate, counted.distinct),
  ]
}

function difference(what: string, expected: number, counted: number): readonly string[] {
  return expected === counted ? [] : [`${counted} ${what} instead of ${expected}`]
}

function asSent(bodies: readonly string[], random: Random): readonly string[] {
  const sent = bodies.flatMap((body) => (random.share() < REPEATED ? [body, body] : [body]))
  for (let next = 1; next < sent.length; next += 1) {
    if (random.share() < SWAPPED) {
      ;[sent[next - 1], sent[next]] = [sent[next] as string, sent[next - 1] as string]
    }
  }
  return sent
}

function paymentAt(timeMs: number, number: number, random: Random): Payment {
  const kind = random.share()
  if (kind < 0.4) {
    return jpmV1(timeMs, random)
  }
  return kind < 0.8 ? jpmV2(timeMs, random) : instamed(number, random)
}

function jpmV1(timeMs: number, random: Random): Payment {
  const id = random.uuid()
  const endToEndId = `E2E${random.hex(14).toUpperCase()}`
  const statuses = ['PENDING', ...(random.share() < 0.3 ? ['PENDING_POSTING'] : [])]
  const outcome = random.share()
  if (outcome < 0.85) {
    statuses.push('COMPLETED', ...(random.share() < 0.05 ? ['RETURNED'] : []))
  } else {
    statuses.push(outcome < 0.95 ? 'REJECTED' : 'BLOCKED')
  }
  const bodies = statuses.map((paymentStatus, step) =>
    JSON.stringify({
      callbacks: [
        {
          endToEndId,
          createDateTime: new Date(timeMs + step * 1_000).toISOString(),
          paymentStatus,
          firmRootId: id,
          ...(paymentStatus === 'REJECTED' && {
            exceptions: [
              {
                errorCode: '10004',
                errorDescription: 'Error occurred on /requestedExecutionDate',
                ruleDefinition: 'Date validation failure',
              },
            ],
          }),
        },
      ],
    }),
  )
  return { id, provider: 'jpm-global-payments-v1', finalStatus: statuses.at(-1) as string, bodies }
}

function jpmV2(timeMs: number, random: Random): Payment {
  const id = random.uuid()
  const endToEndId = `E2E${random.hex(14).toUpperCase()}`
  const statuses: [string, string][] = [
    ['RECEIVED', 'RECEIVED'],
    ['ACCEPTED', 'ACCEPTED'],
    ['PROCESSING', 'PROCESSING_BY_JPM'],
  ]
  const outcome = random.share()
  statuses.push(outcome < 0.9 ? ['COMPLETED', 'COMPLETED_BY_JPM'] : ['REJECTED', 'REJECTED_BY_JPM'])
  if (outcome < 0.05) {
    statuses.push(['RETURNED', 'RETURNED'])
  }
  const bodies = statuses.map(([paymentStatus, paymentSubStatus], step) => {
    const at = new Date(timeMs + step * 1_000).toISOString()
    return JSON.stringify({
      specversion: '1.0',
      id: random.uuid(),
      time: at,
      type: `Payment.${paymentStatus.slice(0, 1)}${paymentStatus.slice(1).toLowerCase()}`,
      source: `/payment/v2/payments/${id}`,
      dataschema: 'urn:com.jpmorgan.payments/payment-event',
      data: {
        payments: [
          {
            paymentId: id,
            paymentStatus,
            paymentSubStatus,
            statusUpdatedAt: at,
            paymentIdentifiers: { endToEndId },
            paymentType: 'RTP',
            transferType: 'CREDIT',
            requestedExecutionDate: at.slice(0, 10),
            clearingSystem: { reference: random.hex(12) },
            ...(paymentStatus === 'REJECTED' && {
              exceptions: [
                {
                  code: '10001',
                  message: 'Field must be present/paymentPurpose/categoryPurpose/code',
                  location: 'BODY',
                  field: '$.paymentPurpose.categoryPurpose.code',
                  additionalContext: [
                    { type: 'ISO20022', code: 'FF06', message: 'Category Purpose code is missing or invalid' },
                  ],
                },
              ],
            }),
          },
        ],
      },
    })
  })
  return { id, provider: 'jpm-global-payments-v2', finalStatus: statuses.at(-1)?.[0] as string, bodies }
}

function instamed(number: number, random: Random): Payment {
  const id = random.hex(32)
  const codes = random.share() < 0.1 ? ['C', 'V'] : ['C']
  const bodies = codes.map((code, step) =>
    JSON.stringify({
      PaymentTransactionID: id,
      OriginalTransactionID: id,
      TransactionAction: 'Sale',
      TransactionType: 'CreditCard',
      CurrentTransactionStatusCode: code,
      CurrentTransactionStatusDescription: code === 'C' ? 'Approved' : 'Voided',
      ResponseCode: '000',
      ResponseMessage: 'APPROVAL',
      RequestAmount: '50.00',
      Amount: '50.00',
      IsPartiallyApproved: 'false',
      PartialApprovalAmount: null,
      ResponseDateTime: `11/01/2026 ${twoDigits(1 + (number % 12))}:${twoDigits(step)}:06 PM`,
      MerchantID: '99123456',
      StoreID: '0001',
      TerminalID: '0001',
      CardType: 'VISA',
      CardLastFourDigits: '************1111',
      AuthorizationCode: random.hex(6).toUpperCase(),
      WorkflowStatus: 'Complete',
      PatientID: random.hex(8),
    }),
  )
  return { id, provider: 'instamed', finalStatus: codes.at(-1) as string, bodies }
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

interface Random {
  /** At least 0, less than 1. */
  share(): number
  hex(digits: number): string
  uuid(): string
}

/** mulberry32: its sequence is part of the workload, whose totals are known. */
function createRandom(seed: number): Random {
  let state = seed >>> 0
  const share = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const hex = (digits: number) => {
    let text = ''
    while (text.length < digits) {
      text += Math.floor(share() * 2 ** 32)
        .toString(16)
        .padStart(8, '0')
    }
    return text.slice(0, digits)
  }
  const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`
  return { share, hex, uuid }
}
