import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { junitXml } from '../../../src/tools/conformance/junit-xml.ts'
import { reportLines } from '../../../src/tools/conformance/report-lines.ts'
import type { Judgement } from '../../../src/tools/conformance/rules.ts'

const finding = (paymentKey: string | null, text: string) => ({ paymentKey, row: undefined, text })
const JUDGEMENTS: readonly Judgement[] = [
  { rule: 'tombstones', sentence: 'a sentence', verdict: { outcome: 'holds' } },
  { rule: 'incarnations', sentence: 'another', verdict: { outcome: 'not judged', because: 'it is "not" played' } },
  {
    rule: 'read-committed',
    sentence: 'a <third>',
    verdict: {
      outcome: 'broken',
      findings: [
        finding('a:1', 'is wrong & "more"'),
        finding(null, 'ended\nwith \u0000 and \ud800'),
        ...['b', 'c', 'd', 'e', 'f'].map((key) => finding(key, 'is wrong')),
      ],
    },
  },
]

test('the text has a line per rule, the first findings, and the counts', () => {
  expect(reportLines(JUDGEMENTS)).toEqual([
    'holds       tombstones      a sentence',
    'not judged  incarnations    another (it is "not" played)',
    'broken      read-committed  a <third>',
    '            a:1: is wrong & "more"',
    '            ended\nwith \u0000 and \ud800',
    '            b: is wrong',
    '            c: is wrong',
    '            d: is wrong',
    '            and 2 more',
    'rules: 1 held, 1 broken, 1 not judged',
  ])
})

test('the JUnit XML is well-formed whatever a subscriber printed, and has a case per rule', () => {
  const xml = junitXml(JUDGEMENTS, 1.5)
  expect(XMLValidator.validate(xml)).toBe(true)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 cannot hold them.
  expect(xml).not.toMatch(/[\u0000\ud800]/)
  const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(xml)
  expect(testsuites).toMatchObject({ '@_tests': '3', '@_failures': '1', '@_skipped': '1', '@_time': '1.500' })
  const [holds, skipped, broken] = testsuites.testsuite.testcase
  expect(holds).toEqual({ '@_classname': 'paystatus.conformance', '@_name': 'tombstones' })
  expect(skipped.skipped['@_message']).toBe('it is "not" played')
  expect(broken.failure['@_message']).toBe('a <third>')
  expect(broken.failure['#text']).toContain('a:1: is wrong & "more"')
})
