import { findingLines } from './report-lines.ts'
import type { Judgement } from './rules.ts'

/** A report as JUnit writes it: one test case per rule. */
export function junitXml(judgements: readonly Judgement[], seconds: number): string {
  const count = (outcome: string) => judgements.filter(({ verdict }) => verdict.outcome === outcome).length
  const totals = `tests="${judgements.length}" failures="${count('broken')}" errors="0" skipped="${count('not judged')}" time="${seconds.toFixed(3)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `  <testsuite name="paystatus conformance" ${totals}>`,
    ...judgements.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase({ rule, sentence, verdict }: Judgement): string {
  const open = `    <testcase classname="paystatus.conformance" name="${rule}"`
  switch (verdict.outcome) {
    case 'holds':
      return `${open}/>`
    case 'not judged':
      return `${open}><skipped message="${escaped(verdict.because)}"/></testcase>`
    case 'broken':
      return `${open}><failure message="${escaped(sentence)}">${escaped(findingLines(verdict.findings).join('\n'))}</failure></testcase>`
  }
}

/** Also replaces control characters, which XML 1.0 cannot hold. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
