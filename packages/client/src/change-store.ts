import type { Version } from './version.ts'

/**
 * The subscriber's own database. What the handler writes and which version it has handled are committed together, so the
 * handler takes effect exactly once for every change, whatever crashes and however often Kafka repeats.
 */
export interface ChangeStore<Tx> {
  /**
   * Runs `work` in one transaction; commits if it resolves, rolls back and rejects with its reason otherwise. Two instances of
   * a service may be told a change of one payment at the same time for a moment: the transaction, or `versionOf` in it, must
   * lock what it reads.
   */
  transaction(work: (tx: Tx) => Promise<void>): Promise<void>
  /** The last version of a payment that was handled, also after it was forgotten; undefined if none. */
  versionOf(tx: Tx, paymentKey: string): Promise<Version | undefined> | Version | undefined
  setVersion(tx: Tx, paymentKey: string, version: Version): Promise<void> | void
}
