import type { Judgement } from './rules.ts'

/** Findings of one rule that are printed; the rest is counted. */
const FINDINGS_SHOWN = 5

/** For people: one line per rule, and what broke it. */
export function reportLines(judgements: readonly Judgement[]): readonly string[] {
  const width = Math.max(...judgements.map(({ rule }) => rule.length))
  return [...judgements.flatMap((judgement) => linesOf(judgement, width)), summaryOf(judgements)]
}

function linesOf({ rule, sentence, verdict }: Judgement, width: number): readonly string[] {
  const line = `${verdict.outcome.padEnd(10)}  ${rule.padEnd(width)}  ${sentence}`
  switch (verdict.outcome) {
    case 'holds':
      return [line]
    case 'not judged':
      return [`${line} (${verdict.because})`]
    case 'broken':
      return [line, ...findingLines(verdict.findings).map((text) => `            ${text}`)]
  }
}

/** What broke a rule, one line each; the text of a finding may itself have several. */
export function findingLines(
  findings: readonly { readonly paymentKey: string | null; readonly text: string }[],
): readonly string[] {
  const shown = findings.slice(0, FINDINGS_SHOWN)
  const more = findings.length - shown.length
  return [
    ...shown.map(({ paymentKey, text }) => (paymentKey === null ? text : `${paymentKey}: ${text}`)),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
}

function summaryOf(judgements: readonly Judgement[]): string {
  const count = (outcome: string) => judgements.filter(({ verdict }) => verdict.outcome === outcome).length
  return `rules: ${count('holds')} held, ${count('broken')} broken, ${count('not judged')} not judged`
}
