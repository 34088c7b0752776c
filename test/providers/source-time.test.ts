import { expect, test } from 'vitest'
import { sourceTimeOf, UNTIMED } from '../../src/providers/source-time.ts'

test.each([
  ['2025-12-12T16:22:16.205+00:00', '2025-12-12T16:22:16.205Z', 'MILLISECOND', false],
  ['2025-11-10T14:42:04Z', '2025-11-10T14:42:04.000Z', 'SECOND', false],
  ['2023-06-13T00:00:12.145', '2023-06-13T00:00:12.145Z', 'MILLISECOND', true],
  ['2023-06-13T00:00:12', '2023-06-13T00:00:12.000Z', 'SECOND', true],
  ['2016-04-27T19:17:05.2770143Z', '2016-04-27T19:17:05.277Z', 'SUBMILLISECOND', false],
  ['2016-04-27T19:17:05.9999999Z', '2016-04-27T19:17:05.999Z', 'SUBMILLISECOND', false],
  ['2016-04-27T19:17:05.5Z', '2016-04-27T19:17:05.500Z', 'MILLISECOND', false],
  ['2025-12-12T01:22:16+05:30', '2025-12-11T19:52:16.000Z', 'SECOND', false],
  ['2025-12-12T23:22:16-0500', '2025-12-13T04:22:16.000Z', 'SECOND', false],
  ['2025-12-12T23:22:16-05', '2025-12-13T04:22:16.000Z', 'SECOND', false],
  ['2025-12-12 23:22:16', '2025-12-12T23:22:16.000Z', 'SECOND', true],
  ['2025-12-12', '2025-12-12T00:00:00.000Z', 'DAY', true],
  ['2024-02-29', '2024-02-29T00:00:00.000Z', 'DAY', true],
  ['12/14/2017 11:58:06 PM', '2017-12-14T23:58:06.000Z', 'SECOND', true],
  ['1/5/2018 3:04:05 AM', '2018-01-05T03:04:05.000Z', 'SECOND', true],
  ['12/14/2017 12:00:00 AM', '2017-12-14T00:00:00.000Z', 'SECOND', true],
  ['12/14/2017 12:00:00 PM', '2017-12-14T12:00:00.000Z', 'SECOND', true],
  ['20171214235806', '2017-12-14T23:58:06.000Z', 'SECOND', true],
  // Other formats of RFC 3339 and ISO 8601.
  ['2026-03-01t09:06:00z', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['2026-03-01T09:06Z', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['2026-03-01T09:06', '2026-03-01T09:06:00.000Z', 'SECOND', true],
  ['2026-03-01T09Z', '2026-03-01T09:00:00.000Z', 'SECOND', false],
  ['2026-03-01T09+01:00', '2026-03-01T08:00:00.000Z', 'SECOND', false],
  ['2026-03-01 09:06:00,5 +0530', '2026-03-01T03:36:00.500Z', 'MILLISECOND', false],
  ['2026-03-01T09:06:00.123456789012345Z', '2026-03-01T09:06:00.123Z', 'SUBMILLISECOND', false],
  ['2026-03-01T09:06:00.5000Z', '2026-03-01T09:06:00.500Z', 'SUBMILLISECOND', false],
  ['20260301T090600Z', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['20260301T090600.25-0330', '2026-03-01T12:36:00.250Z', 'MILLISECOND', false],
  ['20260301t0906+01', '2026-03-01T08:06:00.000Z', 'SECOND', false],
  ['20260301T09', '2026-03-01T09:00:00.000Z', 'SECOND', true],
  ['20260301', '2026-03-01T00:00:00.000Z', 'DAY', true],
  ['2025-12-12T23:59:60Z', '2025-12-13T00:00:00.000Z', 'SECOND', false],
  ['2025-12-31T23:59:60.25Z', '2026-01-01T00:00:00.250Z', 'MILLISECOND', false],
  ['2026-03-01T09:06:60', '2026-03-01T09:07:00.000Z', 'SECOND', true],
  ['2025-12-31T24:00:00Z', '2026-01-01T00:00:00.000Z', 'SECOND', false],
  ['2024-02-28T24:00', '2024-02-29T00:00:00.000Z', 'SECOND', true],
  ['2025-12-12T24:00:00.000Z', '2025-12-13T00:00:00.000Z', 'MILLISECOND', false],
  ['2026-03-01T09:06:00\u221201:00', '2026-03-01T10:06:00.000Z', 'SECOND', false],
  ['2026-03-01T09:06:00-00:00', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['2026-03-01T09:06:00+23:59', '2026-02-28T09:07:00.000Z', 'SECOND', false],
  // The longest text that is read.
  [`2026-03-01T09:06:00.${'1'.repeat(43)}Z`, '2026-03-01T09:06:00.111Z', 'SUBMILLISECOND', false],
  ['2026-03-01 09:06:00 UTC', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['2026-03-01T09:06:00GMT', '2026-03-01T09:06:00.000Z', 'SECOND', false],
  ['1970-01-01T00:00:00+01:00', '1969-12-31T23:00:00.000Z', 'SECOND', false],
  // Other formats of InstaMed's times.
  ['12/14/2017 11:58:06\u202fPM', '2017-12-14T23:58:06.000Z', 'SECOND', true],
  ['12/14/2017 11:58:06\u00a0pm', '2017-12-14T23:58:06.000Z', 'SECOND', true],
  ['12/14/2017\u00a011:58:06am', '2017-12-14T11:58:06.000Z', 'SECOND', true],
  ['12/14/2017 11:58 Pm', '2017-12-14T23:58:00.000Z', 'SECOND', true],
  ['12/14/2017 11:58:06.5 PM', '2017-12-14T23:58:06.500Z', 'MILLISECOND', true],
  ['12/14/2017 11:58:06.2770143 PM', '2017-12-14T23:58:06.277Z', 'SUBMILLISECOND', true],
  ['12/14/2017 23:58:06', '2017-12-14T23:58:06.000Z', 'SECOND', true],
  ['1/5/2018 0:04', '2018-01-05T00:04:00.000Z', 'SECOND', true],
])('%s', (text, iso, occurredAtPrecision, zoneAssumed) => {
  expect(sourceTimeOf(text)).toEqual({
    occurredAt: Date.parse(iso),
    occurredAtText: text,
    occurredAtPrecision,
    zoneAssumed,
    timeUnreadable: false,
  })
})

test.each([
  ['2026-03-01T10:06:00+01:00', '[Europe/Paris]'],
  ['2026-03-01T09:06Z', '[Etc/GMT~x.1]'],
  ['2026-03-01T09:06Z', '[UTC]'],
  ['2026-03-01T09:06:00-03:00', '[America/Port-au-Prince][u-ca=iso8601]'],
  ['2026-03-01T09:06:00Z', '[Some/Name]'],
  ['2026-03-01T09:06:00.5000Z', '[x.0009]'],
  ['0001-01-01T00:00:00Z', '[Some/Name]'],
])('%s is published without the zone name %s, which does not change the time (I3, I9)', (text, zoneName) => {
  const time = sourceTimeOf(text + zoneName)
  expect(time).toEqual(sourceTimeOf(text))
  expect(time).toMatchObject({ occurredAtText: text, timeUnreadable: false })
})

test('invisible characters around a time are ignored', () => {
  expect(sourceTimeOf('\t 2026-03-01T09:06Z\u00a0\u200b\n')).toEqual(sourceTimeOf('2026-03-01T09:06Z'))
})

test.each([
  // No such date, time of day or offset.
  '2025-02-29',
  '2025-02-30T00:00:00Z',
  '2025-13-01',
  '2025-00-10',
  '2025-01-00',
  '2025-01-99',
  '2025-12-12T24:00:01Z',
  '2025-12-12T24:01Z',
  '2025-12-12T24:00:00.001Z',
  '2025-12-12T25:00:00Z',
  '2025-12-12T23:60:00Z',
  '2025-12-12T23:59:61Z',
  '2025-12-12T23:59:59+24:00',
  '2025-12-12T23:59:59+00:60',
  '1969-12-31T23:59:59Z',
  '0000-01-01T00:00:00',
  '14/12/2017 11:58:06 PM',
  '02/30/2017 11:58:06 PM',
  '12/14/2017 13:58:06 PM',
  '12/14/2017 0:58:06 AM',
  '12/14/2017 24:58:06',
  // Unsupported formats, most of them ambiguous.
  '2025-12-12Z',
  '2025-12-12T23:59:59.Z',
  '2025-12-12T23:5:9Z',
  '2025-12-12T235959Z',
  '2025-12-12T23:59:59+1',
  '2025-12-12  23:59:59',
  '12/14/17 11:58:06 PM',
  '12/14/2017',
  '12/14/2017 11:58:06 A.M.',
  '14.12.2017 11:58',
  '2025-12-12t23:59:59\u221201:60',
])('%s is unreadable: untimed and marked, but the text is kept', (text) => {
  expect(sourceTimeOf(text)).toEqual({ ...UNTIMED, occurredAtText: text, timeUnreadable: true })
})

test.each([
  `2026-03-01T09:06:00.${'1'.repeat(44)}Z`,
  'x'.repeat(65),
  '2026-03-01T09:06Z\nx',
  '\ud800',
  '20251212T23:59:59Z',
  '20171314235806',
  '2017121423580',
  '1690443714773',
  'yesterday',
  // Words: the name of a zone, a day or a person.
  '2025-12-12T23:59:59[Europe/Paris]',
  '2025-12-12T23:59:59EST',
  'Thu, 27 Jul 2023 07:41:54 GMT',
  'Some Name 0000000000000000',
  '2025-12-12 Some Name',
  '12/12/2025 PAM',
  '2025-12-12T TAMZAT',
  // Numbers of a card, an account, a phone or a person.
  '0000000000000000',
  '0000 0000 0000 0000',
  '0000-0000-0000-0000',
  '000-00-0000',
  '00-00-0000000',
  '00-00-00 00000000',
  '00/00/0000 0000000000000000',
  '2025-12-12 0000 0000 0000 0000',
  '2025-12-12T25:00:00.0000000000000000',
  '+1 000 000 0000',
  '(000) 000-0000',
  '1.000.000.0000',
  '00.00.00.00.00',
])('%j is unreadable, and its text is not published (I9)', (text) => {
  expect(sourceTimeOf(text)).toEqual({ ...UNTIMED, timeUnreadable: true })
})

test.each(['', '  ', '\u00a0\t'])('%j is not given', (text) => {
  expect(sourceTimeOf(text)).toEqual(UNTIMED)
})

test.each(['0001-01-01T00:00:00', '0001-01-01T00:00:00Z', '1/1/0001 12:00:00 AM', '00010101000000', '0001-01-01'])(
  '%s is .NET’s empty date: not given, but the text is kept',
  (text) => {
    expect(sourceTimeOf(text)).toEqual({ ...UNTIMED, occurredAtText: text })
  },
)
