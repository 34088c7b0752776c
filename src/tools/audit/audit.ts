import type { Config } from '../../config.ts'
import type { Logger } from '../../observability/log.ts'
import { textTable } from '../text-table.ts'
import { withClients } from '../with-clients.ts'
import { type AuditOptions, type AuditReport, listActs } from './list-acts.ts'

/** Reads `payments.audit`. Rejects if Kafka does not answer. */
export function audit(config: Config, logger: Logger, options: AuditOptions): Promise<AuditReport> {
  return withClients({ config, logger, tool: 'audit' }, [], ({ topics, reader }) =>
    listActs(reader, topics.audit, options),
  )
}

/** The report as lines for people. */
export function auditLines({ acts, leftOut, unreadable }: AuditReport): readonly string[] {
  const rows = acts.map(({ at, act, by, outcome, scope, counts, reason, id }) => [
    new Date(at).toISOString(),
    act,
    by,
    outcome,
    pairs(scope),
    pairs(counts),
    reason ?? '',
    id,
  ])
  return [
    ...(acts.length === 0
      ? ['no acts']
      : textTable(['began', 'act', 'by', 'outcome', 'scope', 'counts', 'reason', 'id'], rows)),
    ...(leftOut > 0 ? [`${leftOut} earlier acts are not listed: use --since or --act`] : []),
    ...(unreadable > 0 ? [`${unreadable} records in the topic are not audit records`] : []),
  ]
}

function pairs(of: Readonly<Record<string, string | number>>): string {
  return Object.entries(of)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')
}
