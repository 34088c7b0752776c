import type { Logger } from '../../observability/log.ts'

/** Something that expires, and whose it is. */
export interface Expiry {
  readonly use: 'server' | 'ca' | 'crl'
  /** The source's id; `none` for the server's own. */
  readonly source: string
  /** The first characters of its SHA-256; for a CRL, its position. */
  readonly id: string
  /** ms since the epoch. */
  readonly expiresAt: number
}

const DAY_MS = 86_400_000
const CHECK_INTERVAL_MS = 3_600_000
const WARN_DAYS = [7, 14, 30] as const

/** Warns once when a certificate comes within 30, 14 and 7 days of its expiry, and once when it has expired. CRLs: only the last. */
export class ExpiryWatch {
  readonly #read: () => readonly Expiry[]
  readonly #logger: Pick<Logger, 'warn' | 'error'>
  readonly #now: () => number
  /** The threshold last reported for each, so that nothing is repeated. */
  #said = new Map<string, number>()
  #timer: NodeJS.Timeout | null = null

  constructor(read: () => readonly Expiry[], logger: Pick<Logger, 'warn' | 'error'>, now: () => number) {
    this.#read = read
    this.#logger = logger
    this.#now = now
  }

  start(): void {
    this.check()
    this.#timer ??= setInterval(() => this.check(), CHECK_INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer ?? undefined)
    this.#timer = null
  }

  check(): void {
    const said = new Map<string, number>()
    for (const expiry of this.#read()) {
      const { use, source, id } = expiry
      const key = [use, source, id].join()
      const days = this.daysLeft(expiry)
      const threshold = days <= 0 ? 0 : use === 'crl' ? undefined : WARN_DAYS.find((limit) => days <= limit)
      if (threshold === undefined) {
        continue
      }
      said.set(key, threshold)
      if (this.#said.get(key) === threshold) {
        continue
      }
      const fields = { use, source, id, expiresAt: new Date(expiry.expiresAt).toISOString() }
      if (threshold === 0) {
        this.#logger.error(fields, `a ${NAMES[use]} has expired`)
      } else {
        this.#logger.warn(fields, `a ${NAMES[use]} expires in less than ${threshold} days`)
      }
    }
    this.#said = said
  }

  daysLeft({ expiresAt }: Expiry): number {
    return (expiresAt - this.#now()) / DAY_MS
  }
}

const NAMES = { server: 'server certificate', ca: 'CA certificate', crl: 'revocation list' } as const
