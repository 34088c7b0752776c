import { CODE_LENGTH_MAX, REASONS_MAX } from '../../../src/payment/payment-event.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { uuidLike } from '../../../src/tools/simulate/script-payment.ts'

/** More than are reported as separate dead letters. */
const MANY_BAD = 20
const GROWTH_CALLBACKS = 80

/** Mutually exclusive final statuses of one payment, some repeated; and one good element among many bad ones. */
export function contradictions(random: Random): readonly object[] {
  const payment = { endToEndId: `E2E-${random.hex(12)}`, firmRootId: uuidLike(random) }
  const other = { endToEndId: `E2E-${random.hex(12)}`, firmRootId: uuidLike(random) }
  const createDateTime = (minute: number) => new Date(Date.now() - 3_600_000 + minute * 60_000).toISOString()
  const says = (paymentStatus: string, minute: number) => ({
    ...payment,
    paymentStatus,
    createDateTime: createDateTime(minute),
  })
  const completed = says('COMPLETED', 2)
  const rejected = says('REJECTED', 4)
  return [
    { callbacks: [says('PENDING', 0)] },
    { callbacks: [rejected] },
    { callbacks: [completed, rejected] },
    { callbacks: [says('RETURNED', 6), says('COMPLETED', 8)] },
    {
      callbacks: [
        ...Array.from({ length: MANY_BAD }, (_, index) => index),
        { ...other, paymentStatus: 'COMPLETED', createDateTime: createDateTime(0) },
      ],
    },
  ]
}

/** One payment's callbacks, out of order. Each gives an event of about 2 KiB, so a state of 128 KiB does not keep all of them. */
export function growth(random: Random): readonly object[] {
  const payment = { endToEndId: `E2E-${random.hex(12)}`, firmRootId: uuidLike(random) }
  const long = (name: string) => `${name}_`.padEnd(CODE_LENGTH_MAX, random.hex(1).toUpperCase())
  const exceptions = Array.from({ length: REASONS_MAX / 2 }, (_, index) => ({
    errorCode: long(`CODE${index}`),
    externalCode: long(`EXTERNAL${index}`),
    ruleDefinition: long(`RULE${index}`),
  }))
  const first = Date.now() - 3_600_000
  const statuses = [...Array.from({ length: GROWTH_CALLBACKS - 2 }, () => 'PENDING'), 'COMPLETED', 'RETURNED']
  const callbacks = statuses.map((paymentStatus, minute) => ({
    callbacks: [
      { ...payment, paymentStatus, createDateTime: new Date(first + minute * 30_000).toISOString(), exceptions },
    ],
  }))
  return random.shuffle(callbacks)
}
