import type { PaymentState } from '../payment/apply-event.ts'
import type { InRecord } from '../stream/record.ts'
import { addOutcome, type BatchOutput, emptyOutput, type OutputContext } from './batch-output.ts'
import { decodeEvent } from './decode-event.ts'
import { type BatchInput, foldBatch } from './fold-batch.ts'

export interface FoldedPortion {
  readonly output: BatchOutput
  /** Records that are dead letters only if the registry confirms it: see `confirmUndecodable`. */
  readonly undecodable: readonly BatchInput<InRecord>[]
}

/**
 * Folds the events of a portion into the states of their payments, and encodes the result.
 *
 * It takes one payment after the other and never waits. A decoded state is several times as large as its bytes. The garbage
 * collector copies what is still in use when it runs, so states that were decoded together, or that lived across a wait,
 * cost more than everything else that is done with them.
 *
 * Events of one payment are applied in order of arrival; payments follow each other in the order of their first event.
 *
 * @param stateOf Decodes the state of a payment before the portion; undefined if it has none.
 * @param at The time of recording, ms since the epoch.
 */
export function foldPortion(
  records: readonly InRecord[],
  stateOf: (paymentKey: string) => PaymentState | undefined,
  assertInPlace: (key: Buffer, offset: bigint) => void,
  context: OutputContext,
  at: number,
): FoldedPortion {
  const output = emptyOutput()
  const undecodable: BatchInput<InRecord>[] = []
  for (const [paymentKey, ofPayment] of Map.groupBy(records, keyOf)) {
    const inputs = ofPayment.map((record) => decodeEvent(record, paymentKey, context, assertInPlace))
    const outcome = foldBatch(inputs, () => stateOf(paymentKey), at, output.totals)
    addOutcome(output, outcome, context, at)
    for (const input of inputs) {
      if ('rejected' in input && input.rejected === 'undecodable') {
        undecodable.push(input)
      }
    }
  }
  return { output, undecodable }
}

/** The payment whose event a record is, if it is one: an event with another payment key is a dead letter. */
export function keyOf({ key }: Pick<InRecord, 'key'>): string {
  return key === null ? '' : key.toString()
}
