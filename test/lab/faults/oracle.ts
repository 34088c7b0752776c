import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../../../src/config.ts'
import type { TopicNames } from '../../../src/topics.ts'
import { ensureOracle, ORACLE } from '../stack/oracle-python.ts'
import { runCommand } from '../stack/run-command.ts'
import type { Found } from './finding.ts'

const ORACLE_MAX_MS = 300_000

/** What the oracle needs to find what it has to judge. */
export interface Installation {
  readonly config: Pick<
    Config,
    'environment' | 'kafka' | 'redis' | 'registry' | 'normalizer' | 'processor' | 'payments' | 'encryption' | 'sources'
  >
  readonly topics: TopicNames
  /** Path of the ledger: what the providers know. */
  readonly ledger: string
  /** Whether somebody moved committed offsets: then events are counted again. */
  readonly offsetsMoved: boolean
  /** Path of the events that somebody deleted from their topic, if any: records in base64, a line of JSON each. */
  readonly deletedEvents?: string
  /**
   * Path of the raw records that were removed from their topic, if any: like `deletedEvents`, with `normalized`: whether the
   * normalizers had committed past it. Of the others nothing has to come.
   */
  readonly removedRaw?: string
  /** Whether lost changes were published again; then some carry the header paystatus_repaired. */
  readonly repaired?: boolean
  /** How long it may take until nothing is left to process. */
  readonly caughtUpMaxMs: number
  readonly viewMaxMs: number
}

/** What the oracle counted; `view-only` counts less. */
export interface OracleCounts {
  readonly callbacks: number
  readonly accepted: number
  readonly attempts: number
  readonly raw: number
  readonly rawDeadLetters: number
  /** Elements of removed raw records of which nothing came: lost for good, as the fault says. */
  readonly goneForGood: number
  /** Changes that were published again. */
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
  /** False if something that it needs was not there. */
  readonly judged: boolean
  readonly reason?: string
  readonly findings: readonly Found[]
  readonly counts: Partial<OracleCounts>
  readonly tookMs?: number
}

/**
 * Lets the oracle judge an installation: a program in another language, with a Kafka client, an Avro reader and a fold
 * of its own. `what` chooses between everything and the view alone, for after it was emptied. `file` is where it is told
 * what to look at, and stays, so that a person can ask it again.
 */
export async function askOracle(installation: Installation, file: string, what: 'all' | 'view'): Promise<OracleReport> {
  const { config, topics, ledger, offsetsMoved, caughtUpMaxMs, viewMaxMs } = installation
  const told = {
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    redisUrl: config.redis.url,
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
    // Only a test's: nobody else's are ever given away.
    keyEncryptionKeys: Object.fromEntries(
      [...(config.encryption?.keys ?? [])].map(([id, key]) => [id, key.toString('base64')]),
    ),
    ledger,
    offsetsMoved,
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
  // Its Kafka client is native code, which has been seen to die when a coordinator had just moved.
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
