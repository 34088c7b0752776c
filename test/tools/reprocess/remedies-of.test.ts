import { describe, expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { isReadByNewer, ownMappingVersion, remediesOf } from '../../../src/tools/reprocess/remedies-of.ts'
import type { Circumstances } from '../../../src/tools/verify/payment-evidence.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { AT_REST, evidenceOf, NOW, told } from '../verify/evidence.ts'

const OURS = ownMappingVersion(sampleEvent().provider) ?? 0
const known = told('RECEIVED', NOW - 5_000, { mappingVersion: OURS - 1 })
const said = { ...known, status: 'COMPLETED', mappingVersion: OURS } as const

/** A payment that was recorded as `recorded`, of whose events raw now has `raw`. */
function remedies(
  recorded: PaymentEvent,
  raw: readonly { event: PaymentEvent; dueAt: number | null }[],
  circumstances: Partial<Circumstances> = {},
) {
  const { current } = evidenceOf([recorded])
  const evidence = { current, raw: raw.map((one) => ({ ...one, position: 'raw[0]@1' })) }
  const { remedies: found, left } = remediesOf(evidence, [], { ...AT_REST, ...circumstances })
  return { remedies: found, left: left.map(({ reason }) => reason) }
}
const nothing = { remedies: [], left: [] }

describe('an event that raw still reports', () => {
  const due = (event: PaymentEvent) => [{ event, dueAt: NOW }]

  test('is restated if a greater version reads it otherwise', () => {
    expect(remedies(known, due(said))).toEqual({ remedies: [{ rule: 'restated', event: said, known }], left: [] })
  })

  test('stays if it says the same, whatever the version', () => {
    expect(remedies(known, due({ ...known, mappingVersion: OURS }))).toEqual(nothing)
  })

  test('is restated if it was withdrawn and is read again, even by the same version', () => {
    const withdrawn = { ...said, withdrawn: true }
    expect(remedies(withdrawn, due(said)).remedies).toMatchObject([{ rule: 'restated', event: said }])
  })

  test.each([
    ['newer-mapping', { ...said, mappingVersion: OURS + 1, status: 'REJECTED' }],
    ['newer-mapping', { ...said, mappingVersion: OURS + 1 }],
    ['same-mapping', { ...said, status: 'REJECTED' }],
  ] as const)('stays and is counted as %s', (reason, recorded) => {
    expect(remedies(recorded, due(said))).toEqual({ remedies: [], left: [reason] })
  })

  test('waits while a stage has yet to process it', () => {
    const inFlight = { remedies: [], left: ['in-flight'] }
    expect(remedies(known, [{ event: said, dueAt: null }])).toEqual(inFlight)
    expect(remedies(known, due(said), { isPending: () => true })).toEqual(inFlight)
  })
})

describe('an event that raw no longer reports', () => {
  test('is withdrawn if its callback was read, with the fields of the known reading', () => {
    const event = { ...known, withdrawn: true, mappingVersion: OURS }
    expect(remedies(known, [])).toEqual({ remedies: [{ rule: 'withdrawn', event, known }], left: [] })
  })

  test('stays withdrawn', () => {
    expect(remedies({ ...known, withdrawn: true }, [])).toEqual(nothing)
  })

  test('stays if this version read it, and is counted if the callback was read', () => {
    const recorded = { ...known, mappingVersion: OURS }
    expect(remedies(recorded, [])).toEqual({ remedies: [], left: ['same-mapping'] })
    expect(remedies(recorded, [], { isCallbackRead: () => false })).toEqual(nothing)
  })

  test.each<[string, Partial<Circumstances>]>([
    ['forgotten', { unreadableCallbacks: new Map([[known.callbackId, 'forgotten']]) }],
    ['undecryptable', { unreadableCallbacks: new Map([[known.callbackId, 'undecryptable']]) }],
    ['retention', { rawReachesBackTo: known.receivedAt + 1 }],
    ['in-flight', { startedAt: known.receivedAt }],
    ['unknown-source', { sourceIds: new Set() }],
    ['no-callback', {}],
  ])('stays if its callback was not read: %s', (reason, circumstances) => {
    const unread = { isCallbackRead: () => false, ...circumstances }
    expect(remedies(known, [], unread)).toEqual({ remedies: [], left: [reason] })
  })

  test('waits while the processor has yet to process a reading of it', () => {
    expect(remedies(known, [], { isPending: () => true })).toEqual({ remedies: [], left: ['in-flight'] })
  })

  test('stays if a newer mapping or an unknown provider read it', () => {
    expect(remedies({ ...known, mappingVersion: OURS + 1 }, []).left).toEqual(['newer-mapping'])
    expect(isReadByNewer({ ...known, provider: 'someone' })).toBe(true)
  })
})

test('lost events come first, withdrawals last, so that a payment keeps a reading in between', () => {
  const other = told('REJECTED', NOW, { mappingVersion: OURS })
  const { current } = evidenceOf([known])
  const { remedies: found } = remediesOf({ current, raw: [] }, [other], AT_REST)
  expect(found.map(({ rule }) => rule)).toEqual(['lost', 'withdrawn'])
})
