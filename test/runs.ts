/** The number of generated cases per property: the given one, or RUNS if that is lower (`make mutation`). */
export function runs(usual: number): { numRuns: number } {
  return { numRuns: Math.min(usual, Number(process.env['RUNS'] ?? usual)) }
}
