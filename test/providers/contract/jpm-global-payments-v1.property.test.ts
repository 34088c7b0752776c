import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { expectContract, jsonBytes, provider } from './expect-contract.ts'
import { decimal, isoTime, list, optional, optionalObject, text, unread, uuid, zoneLessTime } from './specified.ts'

/** J.P. Morgan Global Payments v1, OAS 1.1.11 to 1.2.3. The meaning of statuses is tested elsewhere. */
const STATUSES = [
  'PENDING',
  'PENDING_POSTING',
  'PEND_POSTING',
  'PENDING_JPM_REVIEW',
  'COMPLETED',
  'COMPLETED_CREDITED',
  'REJECTED',
  'RETURNED',
  'BLOCKED',
  'WAREHOUSED',
] as const

const id = fc.oneof(uuid, fc.constant('xatv-12522a-cqvf-991'), text(128, { prefix: 'F' }))
const reference = text(128, { prefix: 'E' })
const ids = fc.oneof(
  fc.record({ firmRootId: id, endToEndId: optional(reference) }, { noNullPrototype: true }),
  fc.record({ firmRootId: fc.constantFrom(undefined, null, ''), endToEndId: reference }, { noNullPrototype: true }),
)

const exception = fc.record({
  errorCode: optional(fc.oneof(fc.constantFrom('10001', '11000', '13000', 'GCA-095'), text(32))),
  errorDescription: optional(unread(1024)),
  ruleDefinition: optional(text(128)),
  externalCode: optional(fc.oneof(fc.constant('AM04'), text(32))),
  externalDescription: optional(unread(1024)),
})

/** `createDateTime` is a text without a documented format; an unreadable one leaves the event untimed without other effects. */
const createDateTime = fc.oneof({ weight: 6, arbitrary: isoTime }, { weight: 2, arbitrary: zoneLessTime }, text(200))

const element = fc
  .tuple(
    ids,
    fc.record({
      clearingSystemReference: optional(text(128)),
      createDateTime: optional(createDateTime),
      paymentStatus: fc.constantFrom(...STATUSES),
      paymentRedirected: optional(fc.boolean()),
      paymentRedirectedAccountNumber: optional(unread(34)),
      paymentRedirectedBankId: optional(unread(35)),
      exceptions: optionalObject(list(exception, 0, 100)),
      fx: optionalObject(fc.record({ appliedRate: optional(decimal(40)) })),
    }),
  )
  .map(([own, others]) => ({ ...own, ...others }))

const body = fc.record({ callbacks: list(element, 0, 100) })
const V1 = provider('jpm-global-payments-v1')

test('I2 I3 I9 every body that the v1 schema allows gives one event per element', () => {
  fc.assert(
    fc.property(body, ({ callbacks }) => {
      const ownIds = callbacks.filter(({ firmRootId }) => firmRootId)
      const keyIsThatOfTheFirst = ownIds.length === 0 || ownIds[0] === callbacks[0]
      const bytes = jsonBytes({ callbacks })
      const events = expectContract(V1, bytes, 'application/json', callbacks.length, keyIsThatOfTheFirst)
      for (const [index, event] of events.entries()) {
        const sent = callbacks[index]
        expect(event.sourceStatus).toBe(sent?.paymentStatus)
        expect(event.status).not.toBe('UNKNOWN')
        expect(event.paymentKey).toBe(
          sent?.firmRootId ? `acme:${sent.firmRootId.trim()}` : `acme:e2e:${sent?.endToEndId?.trim()}`,
        )
        expect(event.reasons.length + event.reasonsOmitted).toBeLessThanOrEqual(2 * (sent?.exceptions?.length ?? 0))
      }
    }),
    runs(20_000),
  )
}, 300_000)
