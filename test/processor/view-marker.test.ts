import { describe, expect, test } from 'vitest'
import { totalsFrom } from '../../src/payment/totals.ts'
import {
  fromMarkerText,
  fromMetadataText,
  hasCounter,
  toMarkerText,
  toMetadataText,
  type ViewMarker,
} from '../../src/processor/view-marker.ts'

const BEYOND_FLOATS = 2n ** 60n + 1n
const MARKER: ViewMarker = {
  clusterId: 'cluster',
  token: 'assignment',
  writes: 7,
  next: BEYOND_FLOATS,
  viewNext: BEYOND_FLOATS + 1n,
  committedBy: 'assignment',
  totals: { ...totalsFrom(5n), events: 3, applied: 2, duplicate: 1 },
  dueBy: 'settings',
  completeAt: 1_732_000_000_000,
  replaying: false,
}

describe('the marker', () => {
  test('survives encoding, with offsets beyond the range of a float', () => {
    expect(fromMarkerText(toMarkerText(MARKER))).toEqual(MARKER)
  })

  test('of a release that did not count restated and withdrawn events has counted none', () => {
    const { restated: _, withdrawn: __, ...counted } = MARKER.totals
    const text = JSON.stringify({ ...JSON.parse(toMarkerText(MARKER)), totals: counted })
    expect(fromMarkerText(text)).toEqual(MARKER)
  })

  test('is a different text for every write', () => {
    expect(toMarkerText({ ...MARKER, writes: 8 })).not.toBe(toMarkerText(MARKER))
  })

  test.each([
    ['none', null],
    ['empty', ''],
    ['no JSON', '{'],
    ['not an object', '7'],
    ['another shape', '{"viewNext":"1"}'],
    ['an offset that is no number', toMarkerText(MARKER).replace(String(MARKER.viewNext), 'x')],
    ['a negative offset', toMarkerText(MARKER).replace(`"viewNext":"`, '"viewNext":"-')],
    ['a count that is no number', toMarkerText(MARKER).replace('"events":3', '"events":null')],
  ])('is not trusted when it is %s', (_what, text) => {
    expect(fromMarkerText(text)).toBeNull()
  })
})

describe('the metadata of the committed offset', () => {
  const ENDS = { current: BEYOND_FLOATS, changes: BEYOND_FLOATS + 1n, eventDeadLetters: 0n }

  test('survives encoding, with offsets beyond the range of a float', () => {
    const former = { committedBy: 'before', current: BEYOND_FLOATS }
    const metadata = { ends: ENDS, committedBy: 'assignment', former, totals: MARKER.totals }
    expect(fromMetadataText(toMetadataText(metadata))).toEqual(metadata)
  })

  test('tells which counters the release has that committed it', () => {
    const former = { committedBy: 'before', current: 0n }
    const text = toMetadataText({ ends: ENDS, committedBy: 'assignment', former, totals: MARKER.totals })
    expect(hasCounter(text, 'withdrawn')).toBe(true)
    const older = JSON.parse(text)
    delete older.totals.withdrawn
    expect(hasCounter(JSON.stringify(older), 'withdrawn')).toBe(false)
    expect([null, '', 'moved by an operator', '{}'].map((other) => hasCounter(other, 'withdrawn'))).not.toContain(true)
  })

  test('stays far below the broker limit of 4096 bytes, even with maximal counters', () => {
    const most = Number.MAX_SAFE_INTEGER
    const counts = Object.fromEntries(Object.keys(MARKER.totals).map((name) => [name, most]))
    const last = 2n ** 63n - 1n
    const committedBy = crypto.randomUUID()
    const ends = { current: last, changes: last, eventDeadLetters: last }
    const totals = { ...MARKER.totals, ...counts, since: String(2n ** 63n - 1n) }
    expect(toMetadataText({ ends, committedBy, former: { committedBy, current: last }, totals }).length).toBeLessThan(
      1_024,
    )
  })

  test.each([null, '', 'moved by an operator', '{}'])(
    'is null for the text %j, which somebody else committed',
    (text) => {
      expect(fromMetadataText(text)).toBeNull()
    },
  )
})
