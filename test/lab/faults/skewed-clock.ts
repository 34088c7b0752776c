/** Loaded before a role's own code (`--import`): skews its wall clock by CLOCK_SKEW_MS. */
const skewMs = Number(process.env['CLOCK_SKEW_MS'] ?? 0)
const RightDate = Date

globalThis.Date = class extends RightDate {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [RightDate.now() + skewMs] : args) as [number]))
  }

  static override now(): number {
    return RightDate.now() + skewMs
  }
} as DateConstructor
