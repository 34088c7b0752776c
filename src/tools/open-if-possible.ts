import type { OpenedRecord, OpensBodies } from '../encryption/body-opener.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { InRecord } from '../stream/record.ts'

/** `no-key`: the data key, or the key-encryption key that wraps it, is not available. */
export type OpenedIfPossible = OpenedRecord | 'no-key'

/** Decrypts bodies for tools that report a missing key per record instead of stopping. */
export async function openIfPossible(
  bodies: OpensBodies,
  records: readonly InRecord[],
  signal: AbortSignal | undefined,
): Promise<readonly OpenedIfPossible[]> {
  try {
    return await bodies.open(records, signal)
  } catch (error) {
    if (!(error instanceof DefinedStop)) {
      throw error
    }
    if (records.length > 1) {
      // Retry one by one: perhaps only some of them use the missing key.
      return (await Promise.all(records.map((record) => openIfPossible(bodies, [record], signal)))).flat()
    }
    return ['no-key']
  }
}
