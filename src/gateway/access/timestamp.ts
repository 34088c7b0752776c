/** Whether a Unix time in whole seconds differs from now by at most the tolerance, in either direction. */
export function isTimely(text: string, toleranceSeconds: number, nowMs: number): boolean {
  return /^\d{1,11}$/.test(text) && Math.abs(Number(text) - nowMs / 1_000) <= toleranceSeconds
}
