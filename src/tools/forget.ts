import type { Config } from '../config.ts'
import { partsOfDataKeyId, paymentScope } from '../encryption/data-key-id.ts'
import { keyPartition, NOTES_AGE_MAX_MS } from '../encryption/data-keys.ts'
import { type KeyNote, NOTES_PARTITION } from '../encryption/forgotten-keys.ts'
import { createGroupOffsets } from '../kafka/group-offsets.ts'
import type { Logger } from '../observability/log.ts'
import { sleep } from '../sleep.ts'
import type { GroupOffsets } from '../stream/group-offsets.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import { topicNames } from '../topics.ts'
import { UsageError } from '../usage-error.ts'
import { openAudit } from './audit/open-audit.ts'
import { type Intent, recordAct } from './audit/record-act.ts'
import { type DataKeyPorts, isForgotten, knownDataKeys } from './known-data-keys.ts'
import { openToolLog } from './open-tool-log.ts'
import { explainPayments } from './why/why.ts'
import { withClients } from './with-clients.ts'

export interface ForgetOptions {
  /** Who forgets and why, for the audit trail. */
  readonly by: string
  readonly reason: string | null
  /** Also forget the data keys of other payments' callbacks that mention this one. */
  readonly withShared?: boolean
  /** Do not wait for callbacks to be normalized; what they report is lost. Also forget named data keys that are unknown. */
  readonly force?: boolean
  readonly signal?: AbortSignal
  /** How long the normalizer may take to process what raw holds now, ms. */
  readonly catchUpMaxMs?: number
  /** Called with a description of each wait. */
  readonly onWaiting?: (what: string) => void
}

/** The result; also printed as JSON. */
export interface ForgetReport {
  /** Null if data keys were named. */
  readonly paymentKey: string | null
  /** Ids of the forgotten data keys. */
  readonly forgotten: readonly string[]
  /** Data keys that were kept because they encrypt callbacks of other payments; the listed callbacks also mention this one. */
  readonly shared: readonly { readonly dataKeyId: string; readonly callbacks: readonly string[] }[]
  /** Unencrypted callbacks in raw; only retention removes them. */
  readonly notEncrypted: readonly string[]
}

/** The request was refused. No body was made unreadable. */
class ForgetError extends Error {
  readonly code = 'FORGET_REFUSED'
}

class DataKeyIdError extends UsageError {
  readonly code = 'NOT_A_DATA_KEY_ID'
}

/** A gateway may have read the notes this long ago, and then take a body for a second answer deadline. */
const GATEWAYS_MARGIN_MS = 1_500
const CATCH_UP_MAX_MS = 60_000
const LOOK_MS = 250

/**
 * Makes the bodies of a payment's callbacks unreadable everywhere, by deleting their data keys; its statuses stay. The steps
 * and why they have this order: docs/encryption.md. Can be repeated, also after it was interrupted.
 *
 * @param payment payment key, provider's id or endToEndId of one payment
 */
export async function forgetPayment(
  config: Config,
  logger: Logger,
  payment: string,
  options: ForgetOptions,
): Promise<ForgetReport> {
  const { payments } = await explainPayments(config, logger, payment, {
    fromTopic: true,
    ...(options.signal !== undefined && { signal: options.signal }),
  })
  if (payments.length > 1) {
    const keys = payments.map(({ paymentKey }) => paymentKey).join(', ')
    throw new ForgetError(`${payment} matches ${payments.length} payments: ${keys}. Name one by its payment key.`)
  }
  const [found] = payments
  if (found === undefined && !payment.includes(':')) {
    throw new ForgetError(
      `no payment with the id ${payment}; use the payment key for a payment that paystatus no longer knows`,
    )
  }
  const paymentKey = found?.paymentKey ?? payment
  const scope = paymentScope(paymentKey)
  const shared = new Map<string, string[]>()
  const notEncrypted: string[] = []
  for (const { callbackId, raw } of found?.callbacks ?? []) {
    if (raw === null || raw.body === 'forgotten') {
      continue
    }
    if (raw.dataKeyId === null) {
      notEncrypted.push(callbackId)
    } else if (partsOfDataKeyId(raw.dataKeyId)?.scope !== scope) {
      shared.set(raw.dataKeyId, [...(shared.get(raw.dataKeyId) ?? []), callbackId])
    }
  }
  const find = async (ports: DataKeyPorts) => {
    const known = await knownDataKeys(ports, new Set([scope]), options.signal)
    if (found === undefined && known.size === 0) {
      throw new ForgetError(`no payment ${paymentKey}, and no data key of it`)
    }
    const own = [...known].filter(([, key]) => !isForgotten(key)).map(([id]) => id)
    return [...own, ...(options.withShared === true ? shared.keys() : [])]
  }
  const forgotten = await forget(config, logger, find, options, {
    payment: paymentKey,
    ...(options.withShared === true && { withShared: 'yes' }),
  })
  return {
    paymentKey,
    forgotten,
    shared:
      options.withShared === true
        ? []
        : [...shared].map(([dataKeyId, callbacks]) => ({ dataKeyId, callbacks: [...new Set(callbacks)] })),
    notEncrypted: [...new Set(notEncrypted)],
  }
}

/** Forgets data keys by id, whatever they encrypt. Rejects with a UsageError if one is not an id. */
export async function forgetDataKeys(
  config: Config,
  logger: Logger,
  ids: readonly string[],
  options: ForgetOptions,
): Promise<ForgetReport> {
  const wrong = ids.filter((id) => partsOfDataKeyId(id) === null)
  if (wrong.length > 0) {
    throw new DataKeyIdError(`not a data key id: ${wrong.join(', ')}`)
  }
  const find = (ports: DataKeyPorts) => namedDataKeys(ports, ids, options)
  const forgotten = await forget(config, logger, find, options, { dataKeys: ids.join(', ') })
  return { paymentKey: null, forgotten, shared: [], notEncrypted: [] }
}

/** Those of the named data keys that are not forgotten yet. Rejects if one is unknown, unless forced. */
export async function namedDataKeys(
  ports: DataKeyPorts,
  ids: readonly string[],
  { force, signal }: Pick<ForgetOptions, 'force' | 'signal'>,
): Promise<readonly string[]> {
  const scopes = new Set(ids.flatMap((id) => partsOfDataKeyId(id)?.scope ?? []))
  const known = await knownDataKeys(ports, scopes, signal)
  const unknown = ids.filter((id) => !known.has(id))
  if (unknown.length > 0 && force !== true) {
    throw new ForgetError(
      `${ports.topics.keys} has no data key ${unknown.join(', ')}. Nothing was forgotten. If it was lost, give up what it encrypted with --force.`,
    )
  }
  return ids.filter((id) => {
    const key = known.get(id)
    return key === undefined || !isForgotten(key)
  })
}

async function forget(
  config: Config,
  logger: Logger,
  find: (ports: DataKeyPorts) => Promise<readonly string[]>,
  options: ForgetOptions,
  auditScope: Intent['scope'],
): Promise<readonly string[]> {
  return withClients({ config, logger, tool: 'forget' }, ['brokers'], async ({ topics, kafka, reader }) => {
    const { partitions } = config.kafka
    const notes = openToolLog(kafka, topics.forgottenKeys, partitions)
    const keys = openToolLog(kafka, topics.keys, partitions)
    const audit = openAudit(kafka, topics.audit, partitions)
    try {
      const ids = new Set(await find({ reader, topics, partitions }))
      if (ids.size === 0) {
        return []
      }
      const { by, reason, signal } = options
      const intent: Intent = { act: 'forget', by, reason, scope: auditScope }
      return await recordAct(audit.ports, intent, signal, async (counts) => {
        const note = (value: KeyNote) =>
          notes.log.append(
            NOTES_PARTITION,
            [...ids].map((key) => ({ key, value: Buffer.from(value) })),
          )
        await note('retired')
        counts['retired'] = ids.size
        options.onWaiting?.('until no gateway uses these data keys any more')
        await sleep(NOTES_AGE_MAX_MS + config.gateway.answerDeadlineMs + GATEWAYS_MARGIN_MS, options.signal)
        if (options.force !== true) {
          await normalizerIsPast(config, createGroupOffsets(kafka), reader, options)
        }
        await note('forgotten')
        counts['forgotten'] = ids.size
        for (const id of ids) {
          const partition = keyPartition(partsOfDataKeyId(id)?.scope ?? '', partitions)
          await keys.log.append(partition, [{ key: id, value: null }])
        }
        return [...ids].sort()
      })
    } finally {
      await Promise.all([notes.close(), keys.close(), audit.close()])
    }
  })
}

/** Resolves once the normalizer has processed what raw holds now; nothing later uses these keys. */
async function normalizerIsPast(
  config: Config,
  offsets: Pick<GroupOffsets, 'committed'>,
  reader: Pick<PartitionReader, 'range'>,
  options: ForgetOptions,
): Promise<void> {
  const { raw } = topicNames(config.kafka.topicPrefix)
  const { group } = config.normalizer
  const deadline = performance.now() + (options.catchUpMaxMs ?? CATCH_UP_MAX_MS)
  for (let partition = 0; partition < config.kafka.partitions; partition += 1) {
    const { start, highWatermark } = await reader.range(raw, partition)
    for (;;) {
      const { offset } = await offsets.committed(group, raw, partition)
      if (offset >= highWatermark || start === highWatermark) {
        break
      }
      if (performance.now() > deadline) {
        throw new ForgetError(
          `the normalizer (group ${group}) has not reached offset ${highWatermark} of ${raw}[${partition}]: what these callbacks report would be lost. The data keys are retired but not forgotten. Start the normalizer and run this again, or give up the callbacks with --force.`,
        )
      }
      options.onWaiting?.(`until the normalizer is past offset ${highWatermark} of ${raw}[${partition}]`)
      await sleep(LOOK_MS, options.signal)
    }
  }
}

/** The report as lines for people. */
export function forgetLines({ paymentKey, forgotten, shared, notEncrypted }: ForgetReport): readonly string[] {
  return [
    ...forgotten.map((id) => `forgotten  ${id}`),
    ...shared.map(
      ({ dataKeyId, callbacks }) =>
        `left       ${dataKeyId}: it also encrypts callbacks of other payments; ${callbacks.join(', ')} ${callbacks.length === 1 ? 'mentions' : 'mention'} this payment too`,
    ),
    ...(shared.length > 0
      ? ['run with --with-shared to forget these too; everything they encrypt becomes unreadable']
      : []),
    ...(notEncrypted.length > 0
      ? [`${notEncrypted.length} callbacks are in raw without encryption: only retention removes them`]
      : []),
    forgotten.length === 0
      ? `no data key ${paymentKey === null ? 'to forget' : `of ${paymentKey}`}: nothing was encrypted, or it is already forgotten`
      : `${forgotten.length} data keys are forgotten; no paystatus process can read bodies encrypted with them. Compaction removes the keys from the brokers' disks within about a day; delete copies elsewhere (backups, mirrors) yourself.`,
  ]
}
