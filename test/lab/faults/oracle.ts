import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../../src/config.ts'
import { PROVIDER_IDS, providerById } from '../../../src/providers/registry.ts'
import type { TopicNames } from '../../../src/topics.ts'
import { ensureOracle, ORACLE } from '../stack/oracle-python.ts'
import { runCommand } from '../stack/run-command.ts'
import type { Found } from './finding.ts'

const ORACLE_MAX_MS = 300_000

/** What the oracle needs to find the data to judge. */
export interface Installation {
  readonly config: Pick<
    Config,
    'environment' | 'kafka' | 'redis' | 'registry' | 'normalizer' | 'processor' | 'payments' | 'encryption' | 'sources'
  >
  readonly topics: TopicNames
  /** Path of the ledger: what the providers know. */
  readonly ledger: string
  /** Whether committed offsets were moved: then events are counted again. */
  readonly offsetsMoved: boolean
  /** Path of the events that were deleted from their topic, if any: records in base64, one line of JSON each. */
  readonly deletedEvents?: string
  /**
   * Path of the raw records that were removed from their topic, if any: like `deletedEvents`, plus `normalized`: whether the
   * normalizers had committed past it. The results of the others may be missing.
   */
  readonly removedRaw?: string
  /** Whether lost changes were republished; then some carry the header paystatus_repaired. */
  readonly repaired?: boolean
  /** Whether a release with older mappings read callbacks; false if not given. */
  readonly olderMappings?: boolean
  /** Whether a release made dead letters of good callbacks, whose events were published later; false if not given. */
  readonly redriven?: boolean
  /** How long processing may take to catch up. */
  readonly caughtUpMaxMs: number
  readonly viewMaxMs: number
}

/** The oracle's counts; `view-only` counts less. */
export interface OracleCounts {
  readonly callbacks: number
  readonly accepted: number
  readonly attempts: number
  readonly raw: number
  readonly rawDeadLetters: number
  /** Elements of removed raw records without a result: lost for good, as named by the fault. */
  readonly goneForGood: number
  /** Changes that were republished. */
  readonly repaired: number
  readonly setAside: number
  readonly events: number
  readonly distinctEvents: number
  readonly eventDeadLetters: number
  readonly changes: number
  readonly verdicts: Readonly<Record<string, number>>
  readonly current: number
  /** Payments with a tombstone in `current`. */
  readonly forgotten: number
  readonly payments: number
}

export interface OracleReport {
  readonly ok: boolean
  /** False if data that it needs was missing. */
  readonly judged: boolean
  readonly reason?: string
  readonly findings: readonly Found[]
  readonly counts: Partial<OracleCounts>
  readonly tookMs?: number
}

/**
 * Lets the oracle judge an installation: a program in another language with its own Kafka client, Avro reader and fold.
 * `what` chooses between everything and the view alone, after Redis was emptied. `file` tells it what to look at; it is kept,
 * so that a person can run the oracle again.
 */
export async function askOracle(installation: Installation, file: string, what: 'all' | 'view'): Promise<OracleReport> {
  const { config, topics, ledger, offsetsMoved, caughtUpMaxMs, viewMaxMs } = installation
  const told = {
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    redis: {
      url: config.redis.url ?? null,
      sentinel: config.redis.sentinel && { name: config.redis.sentinel.name, nodes: config.redis.sentinel.nodes },
      cluster: config.redis.cluster?.nodes ?? null,
    },
    environment: config.environment,
    partitions: config.kafka.partitions,
    topics,
    normalizerGroup: config.normalizer.group,
    processorGroup: config.processor.group,
    sources: config.sources.map(({ id, provider, namespace, currency }) => ({
      id,
      provider,
      namespace,
      currency: currency ?? null,
    })),
    payments: config.payments,
    // Test keys only: real keys are never handed out.
    keyEncryptionKeys: Object.fromEntries(
      [...(config.encryption?.keys ?? [])].map(([id, key]) => [id, key.toString('base64')]),
    ),
    ledger,
    offsetsMoved,
    mappingVersions: Object.fromEntries(PROVIDER_IDS.map((id) => [id, providerById(id)?.mappingVersion])),
    olderMappings: installation.olderMappings ?? false,
    redriven: installation.redriven ?? false,
    deletedEvents: installation.deletedEvents ?? null,
    removedRaw: installation.removedRaw ?? null,
    repaired: installation.repaired ?? false,
    caughtUpMaxMs,
    viewMaxMs,
  }
  await writeFile(file, `${JSON.stringify(told, null, 2)}\n`)
  const python = await ensureOracle(() => {})
  const command = [python, '-B', join(ORACLE, 'oracle.py'), file, ...(what === 'view' ? ['--view-only'] : [])] as const
  const timeoutMs = Math.ceil(ORACLE_MAX_MS + caughtUpMaxMs + viewMaxMs)
  // Its native Kafka client has been seen to crash right after a coordinator moved.
  return reportOf(command, timeoutMs).catch(() => reportOf(command, timeoutMs))
}

async function reportOf(command: readonly [string, ...string[]], timeoutMs: number): Promise<OracleReport> {
  const { output } = await runCommand(command, { timeoutMs })
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as OracleReport
  } catch {
    throw new Error(`the oracle broke: ${output.slice(-2_000)}`)
  }
}
