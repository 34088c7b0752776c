import type { OpensBodies } from '../../../src/encryption/body-opener.ts'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import { eventIdOf } from '../../../src/payment/event-id.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import type { OutRecord } from '../../../src/stream/record.ts'
import type { PlannedPayment } from '../../../src/tools/reprocess/plan-payment.ts'
import type { ReprocessReport } from '../../../src/tools/reprocess/reprocess-report.ts'
import { type ApplyOptions, type ReprocessOptions, runReprocess } from '../../../src/tools/reprocess/run-reprocess.ts'
import { CODECS } from '../../processor/status-world.ts'
import { MemoryInstallation, PARTITIONS, TOPICS } from '../verify/memory-installation.ts'

/** An installation in memory that is reprocessed. */
export class ReprocessWorld extends MemoryInstallation {
  /** Called before each record that reprocess appends; throws to make it fail there. */
  onAppend: (record: OutRecord, appended: number) => void = () => {}
  appended = 0
  /** Called when reprocess waits; by default the processor works. */
  onSleep: () => Promise<void> = () => this.process()

  async reprocess(
    {
      scope = { kind: 'all' },
      ...options
    }: Partial<Omit<ReprocessOptions, 'apply'>> & { apply?: Partial<ApplyOptions> } = {},
    bodies: OpensBodies = { open: async (records) => records },
  ): Promise<{ report: ReprocessReport; payments: readonly PlannedPayment[] }> {
    const { reader, offsets } = this.kafka
    const ports = {
      reader,
      bodies,
      offsets,
      codecs: CODECS,
      now: () => this.now,
      clock: () => performance.now(),
      sleep: () => this.onSleep(),
    }
    const log = {
      partitions: PARTITIONS,
      append: async (partition: number, records: readonly OutRecord[]) => {
        for (const record of records) {
          this.onAppend(record, this.appended)
          this.kafka.produce(TOPICS.events, partition, record)
          this.appended += 1
        }
      },
    }
    const payments: PlannedPayment[] = []
    const apply =
      options.apply === undefined
        ? null
        : {
            log,
            ratePerSecond: 1_000_000,
            wait: true,
            recorded: (work: Parameters<ApplyOptions['recorded']>[0]) => work({}),
            ...options.apply,
          }
    const report = await runReprocess(ports, this.config, {
      scope,
      ...options,
      apply,
      onPayment: (payment) => {
        payments.push(payment)
      },
    })
    return { report, payments }
  }

  /** Reprocesses with everything applied and processed. */
  apply(options: Parameters<ReprocessWorld['reprocess']>[0] = {}) {
    return this.reprocess({ ...options, apply: {} })
  }

  states(): ReadonlyMap<string, PaymentState> {
    const states = new Map<string, PaymentState>()
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      for (const { key, value } of this.kafka.records(TOPICS.current, partition)) {
        states.set(String(key), CODECS.state.decode(value as Buffer))
      }
    }
    return states
  }

  changes(): readonly StatusChangeRecord[] {
    return Array.from({ length: PARTITIONS }, (_, partition) => this.kafka.records(TOPICS.changes, partition))
      .flat()
      .map(({ value }) => CODECS.change.decode(value as Buffer))
  }
}

/** What consumers of `current` see of the payments that mean something, regardless of how they came about. */
export function meaningsOf(states: ReadonlyMap<string, PaymentState>) {
  const all = [...states.values()].filter(({ events }) => events.some(({ event }) => !event.withdrawn))
  return new Map(
    all
      .toSorted((a, b) => a.paymentKey.localeCompare(b.paymentKey))
      .map(({ paymentKey, status, attention, decidedBy, kind, relatesTo, details, children, events }) => {
        const eventIds = events.flatMap(({ event }) => (event.withdrawn ? [] : [event.eventId])).toSorted()
        return [paymentKey, { status, attention, decidedBy, kind, relatesTo, details, children, eventIds }] as const
      }),
  )
}

/**
 * As an older mapping reads it: it does not know COMPLETED, takes refunds, returns and chargebacks for events of another payment,
 * and does not read PROCESSING at all.
 */
export function readByOlderMapping(event: PaymentEvent): PaymentEvent | null {
  const older = { ...event, mappingVersion: event.mappingVersion - 1 }
  if (event.status === 'PROCESSING') {
    return null
  }
  if (event.kind !== 'PAYMENT') {
    const moved = { ...older, paymentKey: `${event.paymentKey}-moved` }
    return { ...moved, eventId: eventIdOf(moved) }
  }
  return event.status === 'COMPLETED' ? { ...older, status: 'UNKNOWN', unknownBecause: 'STATUS' } : older
}
