const UNITS: readonly (readonly [sizeMs: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
]

/** A duration in its largest unit, rounded down: `3d`, `12m`, `0s`. */
export function durationText(ms: number): string {
  const [size, name] = UNITS.find(([unit]) => ms >= unit) ?? [1_000, 's']
  return `${Math.floor(Math.max(0, ms) / size)}${name}`
}
