import { openSync, writeSync } from 'node:fs'
import type { Change, PaymentStatus } from '@paystatus/client'

/** Writes payments as JSON lines, for `paystatus conformance`; of several lines of a payment the last one counts. */
export class TableFile {
  readonly #file: number
  /** What was acted on since the start: the kit compares it with `changes`. */
  readonly #steps = new Map<string, [incarnation: number, statusVersion: number][]>()

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  put(payment: PaymentStatus): void {
    const { paymentKey, incarnation, statusVersion, status, finality, kind, amount } = payment
    const steps = this.#steps.get(paymentKey) ?? []
    this.#write({ paymentKey, incarnation, statusVersion, status, finality, kind, amount, steps })
  }

  apply(change: Change): void {
    const { paymentKey, version } = change
    if (change.kind === 'step') {
      const steps = this.#steps.get(paymentKey) ?? []
      this.#steps.set(paymentKey, [...steps, [version.incarnation, version.statusVersion]])
    }
    if (change.kind === 'forgotten' || change.payment === undefined) this.#write({ paymentKey, forgotten: true })
    else this.put(change.payment)
  }

  #write(row: object): void {
    writeSync(this.#file, `${JSON.stringify(row)}\n`)
  }
}
