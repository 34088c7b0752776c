import { CHANGE_HEADERS, StepHeaders, VERSION_HEADERS, versionHeaders } from '../../processor/step-headers.ts'
import { TRACEPARENT } from '../../stream/traceparent.ts'
import { topicNames } from '../../topics.ts'
import { exampleRecords } from './example-records.ts'

/** A header on the records of a topic that other teams read. */
export interface PublishedHeader {
  readonly name: string
  /** False if some records do not have it. */
  readonly required: boolean
  readonly description: string
  readonly example: string
}

const { changes, current } = exampleRecords()
const STEP: Readonly<Record<string, string | Buffer>> = new StepHeaders(topicNames('').changes).of(
  changes.at(-1) as (typeof changes)[number],
)

/** Not required: there are records that releases without these headers wrote. */
const VERSION: readonly PublishedHeader[] = [
  {
    name: VERSION_HEADERS.incarnation,
    required: false,
    description:
      'The incarnation of the payment in decimal digits, as in the value. Compare it and the version before you decode.',
    example: String(versionHeaders(current)[VERSION_HEADERS.incarnation]),
  },
  {
    name: VERSION_HEADERS.statusVersion,
    required: false,
    description: 'The statusVersion of the payment in decimal digits, as in the value.',
    example: String(versionHeaders(current)[VERSION_HEADERS.statusVersion]),
  },
]

const TRACE: PublishedHeader = {
  name: TRACEPARENT,
  required: false,
  description: 'W3C trace context of the callback that caused the record, if it was sampled for tracing.',
  example: '00-5eed0000000000000000000000004711-5eed000000004711-01',
}

/** Every header of the published records; `forgotten` is a tombstone in `current`. All values are UTF-8 text. */
export const PUBLISHED_HEADERS: Readonly<Record<'changes' | 'current' | 'forgotten', readonly PublishedHeader[]>> = {
  changes: [
    cloudEvent('specVersion', 'Version of CloudEvents.'),
    cloudEvent('id', 'Names the step. It stays the same if the step is published again, and no other step has it.'),
    cloudEvent('source', 'Where the steps of this installation come from: /paystatus/ and the topic.'),
    cloudEvent('type', 'The same for every step; the verdict is in the value.'),
    cloudEvent('subject', 'The payment key.'),
    cloudEvent('time', 'recordedAt of the value, RFC 3339, UTC.'),
    cloudEvent('contentType', "Of the value, whose Avro body has Confluent's framing in front."),
    ...VERSION,
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
  current: [...VERSION, TRACE],
  forgotten: VERSION,
}

function cloudEvent(attribute: keyof typeof CHANGE_HEADERS, description: string): PublishedHeader {
  const name = CHANGE_HEADERS[attribute]
  return { name, required: false, description: `CloudEvents 1.0: ${description}`, example: String(STEP[name]) }
}
