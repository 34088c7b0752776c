import { expect, test } from 'vitest'
import { sourceTimeOf } from '../../src/providers/source-time.ts'

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
  '2025-02-29',
  '2025-02-30T00:00:00Z',
  '2025-13-01',
  '2025-00-10',
  '2025-01-00',
  '2025-12-12T24:00:00Z',
  '2025-12-12T23:60:00Z',
  '2025-12-12T23:59:60Z',
  '2025-12-12T23:59Z',
  '2025-12-12T23:59:59+24:00',
  '2025-12-12T23:59:59+00:60',
  '2025-12-12Z',
  '0001-01-01T00:00:00',
  '1969-12-31T23:59:59Z',
  '14/12/2017 11:58:06 PM',
  '02/30/2017 11:58:06 PM',
  '12/14/2017 13:58:06 PM',
  '12/14/2017 0:58:06 AM',
  '12/14/2017 23:58:06',
  '20171314235806',
  '2017121423580',
  '1690443714773',
  'Thu, 27 Jul 2023 07:41:54 GMT',
  'yesterday',
])('%s is not guessed: untimed, the text is kept', (text) => {
  expect(sourceTimeOf(text)).toEqual({
    occurredAt: null,
    occurredAtText: text,
    occurredAtPrecision: 'NONE',
    zoneAssumed: false,
    timeUnreadable: false,
  })
})

test.each(['', '  ', 'x'.repeat(65), 'a\nb', '\ud800'])('%j is untimed and its text is not published', (text) => {
  expect(sourceTimeOf(text)).toMatchObject({ occurredAt: null, occurredAtText: null, occurredAtPrecision: 'NONE' })
})
