import type { Config } from '../../config.ts'
import type { ReachCrashPoint } from '../../crash-point.ts'
import type { AppendLog } from '../../stream/append-log.ts'
import { topicNames } from '../../topics.ts'
import { Comparison, type ComparisonOptions, type ComparisonPorts } from '../verify/comparison.ts'
import { awaitProcessed } from './await-processed.ts'
import { PacedEvents } from './paced-events.ts'
import { type PlannedPayment, planPayment } from './plan-payment.ts'
import { refuseIfUnfit } from './refuse-if-unfit.ts'
import { remediesOf } from './remedies-of.ts'
import { type ReprocessReport, ReprocessTally } from './reprocess-report.ts'
import { isInScope, type ReprocessScope } from './reprocess-scope.ts'
import { surveyCurrent } from './survey-current.ts'

export interface ReprocessPorts extends ComparisonPorts {
  /** Monotonic, ms. */
  readonly clock: () => number
}

export interface ReprocessOptions extends Omit<ComparisonOptions, 'payment' | 'since'> {
  readonly scope: ReprocessScope
  /** Null: a dry run. */
  readonly apply: ApplyOptions | null
  /** Called for every payment that changes, in a dry run and before its events are published. Awaited. */
  readonly onPayment?: (payment: PlannedPayment) => Promise<void> | void
  /** Called with the number of remaining records while the status processor has not processed all of them. */
  readonly onWaiting?: (records: number) => void
}

export interface ApplyOptions {
  /** `payments.events`. */
  readonly log: Pick<AppendLog, 'append' | 'partitions'>
  readonly ratePerSecond: number
  /** Whether to wait until the status processor has processed what was published. */
  readonly wait: boolean
  /** Runs the work and records it in the audit trail. The work adds to `counts`. */
  readonly recorded: (work: (counts: Record<string, number>) => Promise<ReprocessReport>) => Promise<ReprocessReport>
  readonly crashPoint?: ReachCrashPoint | undefined
}

/**
 * One run of `paystatus reprocess`: makes the comparison of `verify` and publishes corrections to `payments.events`, so that
 * only the status processor writes statuses. If a run is killed, run it again: what it already published is then in flight or
 * processed.
 *
 * Rejects with ReprocessRefusedError before anything is corrected. It needs as much memory as the comparison.
 */
export async function runReprocess(
  ports: ReprocessPorts,
  config: Config,
  options: ReprocessOptions,
): Promise<ReprocessReport> {
  const { apply, scope, signal } = options
  if (apply === null) {
    return compare(ports, config, options, new ReprocessTally(), null).then(({ report }) => report)
  }
  const topics = topicNames(config.kafka.topicPrefix)
  const place = { group: config.processor.group, topic: topics.events }
  const { log, ratePerSecond, crashPoint } = apply
  const paced = () =>
    new PacedEvents(
      { log, codec: ports.codecs.event, clock: ports.clock, sleep: ports.sleep, crashPoint },
      ratePerSecond,
    )
  const survey = await surveyCurrent(ports, topics.current, config.kafka.partitions, scope, signal)
  await refuseIfUnfit(ports, survey, paced(), place)
  return apply.recorded(async (counts) => {
    const events = paced()
    const tally = new ReprocessTally()
    try {
      const { finish } = await compare(ports, config, options, tally, events)
      await events.flush()
      if (apply.wait) {
        await awaitProcessed(ports, {
          ...place,
          partitions: events.partitions,
          ...(options.onWaiting !== undefined && { onWaiting: options.onWaiting }),
        })
      }
      crashPoint?.('reprocess:before-end')
      return finish({ published: events.published, processed: apply.wait ? true : null })
    } catch (cause) {
      if (!signal?.aborted) {
        throw cause
      }
      throw new ReprocessInterruptedError(events.published, cause)
    } finally {
      Object.assign(counts, { published: events.published, payments: tally.changed, ...tally.rules })
    }
  })
}

async function compare(
  ports: ReprocessPorts,
  config: Config,
  options: ReprocessOptions,
  tally: ReprocessTally,
  events: PacedEvents | null,
) {
  const { scope, apply: _, onPayment, onWaiting: __, ...comparing } = options
  const comparison = new Comparison(ports, config, {
    ...comparing,
    ...(scope.kind === 'payment' && { payment: scope.payment }),
  })
  const bytesOf = (event: Parameters<typeof ports.codecs.event.encode>[0]) => ports.codecs.event.encode(event).length
  const compared = await comparison.run({
    wants: (evidence) => isInScope(scope, evidence),
    payment: async (evidence, { lost }, circumstances) => {
      const remedies = remediesOf(evidence, lost, circumstances)
      const { payment, left } = planPayment(evidence, remedies, bytesOf, ports.now())
      tally.addLeft(left)
      if (payment !== null) {
        tally.add(payment)
        await onPayment?.(payment)
        await events?.add(payment.steps.map(({ event }) => event))
      }
    },
  })
  const finish = (applied: ReprocessReport['applied']) => tally.report(compared, applied)
  return { finish, report: finish(null) }
}

/** Ended by a signal. What was published is valid; the rest is published by running the command again. */
class ReprocessInterruptedError extends Error {
  readonly code = 'REPROCESS_INTERRUPTED'

  constructor(published: number, cause: unknown) {
    super(`interrupted after ${published} events were published; run the same command again to continue`, { cause })
    this.name = 'ReprocessInterruptedError'
  }
}
