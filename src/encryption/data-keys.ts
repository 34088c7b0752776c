import { randomBytes } from 'node:crypto'
import type { AppendLog } from '../stream/append-log.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { KEY_BYTES } from './cipher.ts'
import { dataKeyId } from './data-key-id.ts'
import type { ForgottenKeys } from './forgotten-keys.ts'
import type { KeyEncryptionKeys } from './key-encryption-keys.ts'

/** A key that encrypts bodies. */
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

/** The most data keys a gateway caches (I10). If one is evicted, the next body of its scope needs a new key. */
const KEYS_MAX = 50_000
/** How long a key may encrypt. `payments.keys` keeps it for this time plus the retention of raw and its dead letters. */
const USE_MAX_MS = 86_400_000
/** Far below the limit for random nonces (2^32). */
const USES_MAX = 2 ** 28
/** When the notes are older than this, they are read again in the background. */
const NOTES_AGE_MS = 1_000
/**
 * No key is used unless the notes were read within this time. `forget` waits longer than this; after that no gateway encrypts
 * with a retired key.
 */
export const NOTES_AGE_MAX_MS = 4_000

/**
 * Returns the data key of a scope, and makes it durable before it is used: losing a key would lose its bodies (I1).
 *
 * Each gateway makes its own key for a payment, so gateways need no coordination.
 */
export class DataKeys {
  readonly #options: DataKeysOptions
  /** Least recently used first. */
  readonly #cached = new Map<string, CachedKey>()
  readonly #making = new Map<string, Promise<CachedKey>>()

  constructor(options: DataKeysOptions) {
    this.#options = options
  }

  /** Rejects if the key cannot be written or the notes cannot be read now; the caller tries again later. */
  async keyFor(scope: string): Promise<DataKey> {
    const { notes } = this.#options
    if (!notes.isFresh(NOTES_AGE_MAX_MS)) {
      await notes.refresh(NOTES_AGE_MAX_MS)
    } else if (!notes.isFresh(NOTES_AGE_MS)) {
      notes.refresh(NOTES_AGE_MS).catch(() => {
        // The next body tries again; once the notes are too old, bodies are refused.
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

/** The partition of `payments.keys` that holds the keys of a scope. */
export function keyPartition(scope: string, partitions: number): number {
  return partitionOf(Buffer.from(scope), partitions)
}
