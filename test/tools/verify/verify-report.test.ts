import { expect, test } from 'vitest'
import type { Difference } from '../../../src/tools/verify/payment-evidence.ts'
import {
  DIFFERENCES_LISTED_MAX,
  Findings,
  inFlightLine,
  type VerifyReport,
  verifyLines,
} from '../../../src/tools/verify/verify-report.ts'

const CLEAN: VerifyReport = {
  callbacks: 30,
  events: 25,
  payments: 10,
  lost: 0,
  duplicated: 0,
  wrongStatus: 0,
  wrongVersion: 0,
  viewDiffers: 0,
  unexplained: 0,
  partial: 0,
  rawReachesBackTo: null,
  unknownSource: 0,
  forgotten: 0,
  undecryptable: 0,
  inFlight: { callbacks: 0, events: 0 },
  seconds: 0.5,
  ok: true,
  differences: [],
}
const LOST: Difference = { kind: 'lost', paymentKey: 'n:1', text: 'event e has no record in changes' }

test('counts all findings and keeps the first', () => {
  const findings = new Findings()
  findings.add(Array.from({ length: DIFFERENCES_LISTED_MAX + 5 }, () => LOST))
  findings.add([{ ...LOST, kind: 'viewDiffers' }])
  expect([findings.count('lost'), findings.count('viewDiffers'), findings.count('wrongStatus')]).toEqual([105, 1, 0])
  expect([findings.total, findings.listed.length]).toEqual([106, DIFFERENCES_LISTED_MAX])
})

test('prints a clean report in two lines', () => {
  expect(verifyLines(CLEAN)).toEqual([
    '10 payments with 25 events, against 30 callbacks in raw, which reaches back to its beginning',
    '0 differences: lost 0, duplicated 0, wrong status 0, wrong version 0, view differs 0, unexplained 0; 0.5 s',
  ])
})

test('prints differences by payment, the number of unlisted ones, and what was not judged', () => {
  const report = {
    ...CLEAN,
    lost: 3,
    partial: 2,
    rawReachesBackTo: 0,
    unknownSource: 4,
    viewDiffers: null,
    ok: false,
    differences: [LOST],
  }
  expect(verifyLines(report)).toEqual([
    '10 payments with 25 events, against 30 callbacks in raw, which reaches back to 1970-01-01T00:00:00.000Z',
    '2 payments are older than that: they were judged starting from current',
    '4 callbacks were left out: neither they nor the configuration name their source',
    'the view in Redis was not compared',
    'lost           n:1  event e has no record in changes',
    'and 2 more',
    '3 differences: lost 3, duplicated 0, wrong status 0, wrong version 0, view differs not compared, unexplained 0; 0.5 s',
  ])
})

test('prints what is in flight', () => {
  expect(inFlightLine({ callbacks: 0, events: 0 })).toBe('both stages have caught up')
  expect(inFlightLine({ callbacks: 2, events: 3 })).toBe(
    '2 callbacks and 3 events are not processed yet and are left out',
  )
})
