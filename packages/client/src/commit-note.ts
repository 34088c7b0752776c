/** What a commit says besides its offset in `changes`; kept in the metadata of the commit. */
export interface CommitNote {
  /** How far `current` had been handed over: tombstones before it are done. */
  readonly current: bigint
  /** When it was committed, ms since the epoch. */
  readonly at: number
}

export function toCommitText({ current, at }: CommitNote): string {
  return JSON.stringify({ paystatusClient: 1, current: String(current), at })
}

/** Null if the commit is another program's. */
export function fromCommitText(text: string | null): CommitNote | null {
  try {
    const { paystatusClient, current, at } = JSON.parse(text ?? '') as Readonly<Record<string, unknown>>
    return paystatusClient === 1 && typeof at === 'number' && /^\d+$/.test(String(current))
      ? { current: BigInt(String(current)), at }
      : null
  } catch {
    return null
  }
}
