import { CHANGE_HEADERS } from '../../payment/change-headers.ts'
import { TRACEPARENT } from '../../stream/traceparent.ts'

/** A header on the records of a topic that other teams read. */
export interface PublishedHeader {
  readonly name: string
  /** False if some records do not have it. */
  readonly required: boolean
  readonly description: string
  readonly example: string
}

const TRACE: PublishedHeader = {
  name: TRACEPARENT,
  required: false,
  description: 'W3C trace context of the callback that caused the record, if it was sampled for tracing.',
  example: '00-5eed0000000000000000000000004711-5eed000000004711-01',
}

/** Every header of the two published topics. All values are UTF-8 text. */
export const PUBLISHED_HEADERS = {
  changes: [
    {
      name: CHANGE_HEADERS.repaired,
      required: false,
      description:
        'When the record was published again because the topic had lost it, ISO 8601. It may follow later versions of ' +
        'its payment: skip it like any other record that is not greater than what you have.',
      example: '2026-03-02T09:00:00.000Z',
    },
    TRACE,
  ],
  current: [TRACE],
} as const satisfies Record<'changes' | 'current', readonly PublishedHeader[]>
