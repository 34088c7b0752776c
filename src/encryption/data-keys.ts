import { randomBytes } from 'node:crypto'
import type { AppendLog } from '../stream/append-log.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { KEY_BYTES } from './cipher.ts'
import { dataKeyId } from './data-key-id.ts'
import type { ForgottenKeys } from './forgotten-keys.ts'
import type { KeyEncryptionKeys } from './key-encryption-keys.ts'

/** A key that bodies are encrypted with. */
export interface DataKey {
  readonly id: string
  readonly key: Buffer
}

interface CachedKey extends DataKey {
  readonly madeAt: number
  uses: number
}

export interface DataKeysOptions {
  readonly keks: Pick<KeyEncryptionKeys, 'wrap'>
  /** `payments.keys`. */
  readonly log: AppendLog
  readonly notes: Pick<ForgottenKeys, 'isFresh' | 'refresh' | 'of'>
  /** ms since the epoch. */
  readonly now: () => number
  readonly newUuid: () => string
  readonly keysMax?: number
}

/** The data keys that a gateway holds (I10); one that was dropped costs its payment one more key. */
const KEYS_MAX = 50_000
/** `payments.keys` keeps a key for this long, and raw and its dead letters, after it was made. */
const USE_MAX_MS = 86_400_000
/** Far below what random nonces allow (2^32). */
const USES_MAX = 2 ** 28
/** The notes are read again when they are so old, beside what goes on. */
const NOTES_AGE_MS = 1_000
/**
 * No key is used without having read the notes within this time: `forget` waits for longer, and then nobody encrypts with
 * a retired key any more.
 */
export const NOTES_AGE_MAX_MS = 4_000

/**
 * Gives the data key of a scope, and makes it durable before it is used: a body whose key is lost would be lost itself (I1).
 *
 * Two gateways make two keys for a payment; nothing has to be agreed on.
 */
export class DataKeys {
  readonly #options: DataKeysOptions
  /** In the order of their last use. */
  readonly #cached = new Map<string, CachedKey>()
  readonly #making = new Map<string, Promise<CachedKey>>()

  constructor(options: DataKeysOptions) {
    this.#options = options
  }

  /** Rejects if the key, or what is forgotten, cannot be written or read now; the caller tries again later. */
  async keyFor(scope: string): Promise<DataKey> {
    const { notes } = this.#options
    if (!notes.isFresh(NOTES_AGE_MAX_MS)) {
      await notes.refresh(NOTES_AGE_MAX_MS)
    } else if (!notes.isFresh(NOTES_AGE_MS)) {
      notes.refresh(NOTES_AGE_MS).catch(() => {
        // Tried again with the next body, and refused once they are too old.
      })
    }
    const cached = this.#cached.get(scope)
    if (cached !== undefined && this.#isUsable(cached)) {
      this.#remember(scope, cached)
      cached.uses += 1
      return cached
    }
    let making = this.#making.get(scope)
    if (making === undefined) {
      making = this.#make(scope).finally(() => this.#making.delete(scope))
      this.#making.set(scope, making)
    }
    const made = await making
    made.uses += 1
    return made
  }

  #isUsable({ id, madeAt, uses }: CachedKey): boolean {
    const { now, notes } = this.#options
    return notes.of(id) === undefined && now() - madeAt < USE_MAX_MS && uses < USES_MAX
  }

  async #make(scope: string): Promise<CachedKey> {
    const { keks, log, now, newUuid } = this.#options
    const made: CachedKey = {
      id: dataKeyId(scope, newUuid()),
      key: randomBytes(KEY_BYTES),
      madeAt: now(),
      uses: 0,
    }
    await log.append(keyPartition(scope, log.partitions), [keks.wrap(made.id, made.key)])
    this.#remember(scope, made)
    return made
  }

  #remember(scope: string, key: CachedKey): void {
    this.#cached.delete(scope)
    this.#cached.set(scope, key)
    if (this.#cached.size > (this.#options.keysMax ?? KEYS_MAX)) {
      const [oldest] = this.#cached.keys()
      this.#cached.delete(oldest as string)
    }
  }
}

/** Where `payments.keys` has the keys of a scope. */
export function keyPartition(scope: string, partitions: number): number {
  return partitionOf(Buffer.from(scope), partitions)
}
