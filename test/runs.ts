/** How many generated cases a property is tried with: as many as usual, or fewer where RUNS says so (`make mutation`). */
export function runs(usual: number): { numRuns: number } {
  return { numRuns: Math.min(usual, Number(process.env['RUNS'] ?? usual)) }
}
