/** Answers of gateways by source and code, since their start. */
export type AnswerCounts = ReadonlyMap<string, Readonly<Record<string, number>>>

const SERIES = /^paystatus_gateway_requests_total\{source="([^"]*)",code="(\w+)"\} (\d+)$/gm

/** @param texts What the gateways' `/metrics` answered. */
export function answerCountsIn(texts: readonly string[]): AnswerCounts {
  const counts = new Map<string, Record<string, number>>()
  for (const [, source = '', code = '', count] of texts.flatMap((text) => [...text.matchAll(SERIES)])) {
    const ofSource = counts.get(source) ?? {}
    counts.set(source, ofSource)
    if (Number(count) > 0) {
      ofSource[code] = (ofSource[code] ?? 0) + Number(count)
    }
  }
  return counts
}
