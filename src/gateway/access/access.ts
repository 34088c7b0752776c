import type { IncomingMessage } from 'node:http'
import type { GatewayAccess } from '../../config/gateway-access.ts'
import { LiveFiles } from '../../config/live-files.ts'
import type { SourceConfig } from '../../config.ts'
import type { Logger } from '../../observability/log.ts'
import { NO_SOURCE } from '../../observability/metric-table.ts'
import type { GatewayMetrics } from '../../observability/metrics.ts'
import type { Certificate } from '../../pki/certificate.ts'
import { Callers } from './caller.ts'
import { type Expiry, ExpiryWatch } from './expiry-watch.ts'
import { RefusalWatch } from './refusal-watch.ts'
import { ServerTls } from './server-tls.ts'
import { type Admission, SourceGuard } from './source-guard.ts'

export interface AccessOptions extends GatewayAccess {
  readonly sources: readonly SourceConfig[]
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly metrics: GatewayMetrics
  /** ms since the epoch. */
  readonly now: () => number
}

/**
 * Who may call: the port's TLS, a guard per source, and the files behind both, which are reloaded when they change. Throws
 * if a file cannot be used; the configuration has already checked them.
 */
export class Access {
  /** Null: plain HTTP. */
  readonly tls: ServerTls | null
  readonly files: LiveFiles
  readonly #guards: ReadonlyMap<string, SourceGuard>
  readonly #callers: Callers
  readonly #refusals: RefusalWatch
  readonly #expiries: ExpiryWatch
  readonly #metrics: GatewayMetrics

  constructor({ sources, tls, trustedProxies, filesCheckIntervalMs, logger, metrics, now }: AccessOptions) {
    this.files = new LiveFiles(logger, filesCheckIntervalMs)
    this.#metrics = metrics
    const onTrustChanged = () => {
      this.tls?.renew()
      this.#expiries.check()
    }
    this.#guards = new Map(
      sources.map((source) => [source.id, new SourceGuard(source, { files: this.files, now, onTrustChanged })]),
    )
    this.#callers = new Callers(trustedProxies, this.files)
    this.#refusals = new RefusalWatch(logger, () => performance.now())
    this.tls = tls === null ? null : new ServerTls(tls, this.files, () => this.#clientCas())
    this.#expiries = new ExpiryWatch(() => this.#readExpiries(), logger, now)
    metrics.watchExpiries(() =>
      this.#readExpiries().map((expiry) => ({ ...expiry, days: this.#expiries.daysLeft(expiry) })),
    )
    metrics.watchStaleFiles(() => this.files.staleCount)
  }

  guardOf(source: string): SourceGuard {
    const guard = this.#guards.get(source)
    if (guard === undefined) {
      throw new TypeError(`unknown source ${source}`)
    }
    return guard
  }

  /** Everything that can be decided before the body is read. Refusals are counted, and logged at intervals. */
  checkHead(guard: SourceGuard, request: IncomingMessage, pathToken: string | null): Admission {
    const admission = guard.checkHead(this.#callers.callerOf(request, pathToken))
    if (!admission.admitted) {
      this.refused(guard.source, admission.type, admission.reason)
    }
    return admission
  }

  /** A caller was refused. */
  refused(source: string, type: string, reason: string): void {
    this.#metrics.refused(source, type)
    this.#refusals.refused(source, type, reason)
  }

  start(): void {
    this.files.start()
    this.#expiries.start()
  }

  stop(): void {
    this.files.stop()
    this.#expiries.stop()
  }

  #clientCas(): string[] {
    return [...this.#guards.values()].flatMap(({ mutualTls }) =>
      mutualTls === null ? [] : [mutualTls.trust.current.bundlePem],
    )
  }

  #readExpiries(): Expiry[] {
    const server = (this.tls?.identity.current.chain ?? []).map((one) => expiryOf('server', NO_SOURCE, one))
    const ofSources = [...this.#guards.values()].flatMap(({ source, mutualTls }) => {
      const trust = mutualTls?.trust.current
      const cas = (trust?.certificates ?? []).map((one) => expiryOf('ca', source, one))
      const crls = (trust?.revocationLists ?? []).map(
        ({ nextUpdate }, index): Expiry => ({ use: 'crl', source, id: String(index + 1), expiresAt: nextUpdate }),
      )
      return [...cas, ...crls]
    })
    return [...server, ...ofSources]
  }
}

function expiryOf(use: 'server' | 'ca', source: string, { fingerprint, notAfter }: Certificate): Expiry {
  return { use, source, id: fingerprint.slice(0, 16), expiresAt: notAfter }
}
