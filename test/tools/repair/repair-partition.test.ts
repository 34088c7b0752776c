import { beforeEach, describe, expect, test } from 'vitest'
import { fromMetadataText } from '../../../src/processor/view-marker.ts'
import { isLeft, type RepairReport, repairLines } from '../../../src/tools/repair/repair.ts'
import { repairPartition } from '../../../src/tools/repair/repair-partition.ts'
import { CODECS } from '../../processor/status-world.ts'
import { MemoryInstallation, PARTITIONS, TOPICS } from '../verify/memory-installation.ts'

let installation: MemoryInstallation

beforeEach(async () => {
  installation = new MemoryInstallation()
  installation.send({ seed: 7, payments: 25 })
  await installation.work()
  expect((await installation.verify()).ok).toBe(true)
})

/** Repairs all partitions, as `paystatus repair` does. */
async function repair(apply: boolean) {
  const { kafka, config } = installation
  const { group } = config.processor
  const reports = []
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const transactions = apply ? await kafka.openTransactions(`t.p${partition}`, group, TOPICS.events, partition) : null
    reports.push(
      await repairPartition({
        partition,
        topics: TOPICS,
        group,
        codecs: CODECS,
        reader: kafka.reader,
        offsets: kafka.offsets,
        logs: kafka.logs,
        forgetAfterMs: config.payments.retentionMs,
        now: () => installation.now,
        transactions,
        token: `repair-${partition}`,
      }),
    )
    await transactions?.close()
  }
  return reports
}

function endsOf(topic: string) {
  return Array.from({ length: PARTITIONS }, (_, partition) => installation.kafka.range(topic, partition).end)
}

/** Removes the given number of offsets, and what an unclean election loses besides, from the end of every partition. */
function cut(topic: string, offsets: bigint): void {
  for (const [partition, end] of endsOf(topic).entries()) {
    installation.kafka.truncate(topic, partition, end - offsets > 0n ? end - offsets : 0n)
  }
}

function bytesOf(topic: string) {
  return Array.from({ length: PARTITIONS }, (_, partition) =>
    installation.kafka.records(topic, partition).map(({ key, value }) => `${key} ${value?.toString('base64')}`),
  )
}

test('changes nothing if nothing was lost', async () => {
  const before = [endsOf(TOPICS.changes), endsOf(TOPICS.current)]
  for (const report of await repair(true)) {
    expect(report).toMatchObject({ changes: 0, current: 0, inexact: [], unrepairable: [] })
  }
  expect([endsOf(TOPICS.changes), endsOf(TOPICS.current)]).toEqual(before)
})

describe.each([
  ['changes', TOPICS.changes, TOPICS.current],
  ['current', TOPICS.current, TOPICS.changes],
] as const)('I3, I4: %s after losing its end', (name, lost, whole) => {
  test.each([2n, 12n, 1_000n])('by %s offsets is restored byte for byte, and so is the view', async (offsets) => {
    const [before, ofWhole] = [bytesOf(lost), bytesOf(whole)]
    cut(lost, offsets)
    const dry = await repair(false)
    expect(dry.some((report) => report[name] > 0)).toBe(true)
    expect(bytesOf(whole)).toEqual(ofWhole)
    expect((await installation.verify()).ok).toBe(false)

    const reports = await repair(true)
    expect(reports.map((report) => report[name])).toEqual(dry.map((report) => report[name]))
    expect(reports.flatMap(({ inexact, unrepairable }) => [...inexact, ...unrepairable])).toEqual([])
    expect(bytesOf(whole)).toEqual(ofWhole)
    if (name === 'changes') {
      expect(bytesOf(lost).map((records) => records.toSorted())).toEqual(before.map((records) => records.toSorted()))
    }
    expect((await repair(false)).map((report) => report[name])).toEqual([0, 0, 0])
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const { metadata } = installation.kafka.committed(installation.config.processor.group, TOPICS.events, partition)
      const ends = fromMetadataText(metadata)?.ends
      expect(ends?.[name]).toBeLessThanOrEqual(installation.kafka.range(lost, partition).end)
    }

    await installation.process()
    expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
    installation.send({ seed: 8, payments: 10 })
    await installation.work()
    expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
  })
})

test('refills changes after it was recreated, and the processor continues with it', async () => {
  const before = bytesOf(TOPICS.changes)
  installation.kafka.recreate(TOPICS.changes)
  installation.send({ seed: 9, payments: 2 })
  await installation.normalize()
  await expect(installation.process()).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  const reports = await repair(true)
  expect(reports.every(({ changes }) => changes > 0)).toBe(true)
  expect(bytesOf(TOPICS.changes).map((records) => records.toSorted())).toEqual(
    before.map((records) => records.toSorted()),
  )
  await installation.process()
  expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
})

test('reports an empty output that was recreated, which --apply commits, so that the processor continues', async () => {
  installation.kafka.recreate(TOPICS.eventDeadLetters)
  installation.send({ seed: 9, payments: 2 })
  await installation.normalize()
  await expect(installation.process()).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  const dry: RepairReport = { applied: false, partitions: await repair(false) }
  expect(dry.partitions.map(({ recreated }) => recreated)).toEqual([0, 1, 2].map(() => [TOPICS.eventDeadLetters]))
  expect(isLeft(dry)).toBe(true)
  expect(repairLines(dry)).toEqual([
    ...[0, 1, 2].map(
      (partition) =>
        `partition ${partition}: payments.events.dlq was deleted and created again; its present id would be committed`,
    ),
    'nothing was changed; run with --apply to repair',
  ])
  const applied = { applied: true, partitions: await repair(true) }
  expect(isLeft(applied)).toBe(false)
  await installation.process()
  expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
  const after = { applied: false, partitions: await repair(false) }
  expect([isLeft(after), repairLines(after)]).toEqual([false, ['changes and current agree: nothing to repair']])
})

test('I4: restores lost records even if newer ones follow them', async () => {
  const before = endsOf(TOPICS.changes)
  cut(TOPICS.changes, 8n)
  // The state before the processor noticed the loss.
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const { group } = installation.config.processor
    const { offset } = installation.kafka.committed(group, TOPICS.events, partition)
    installation.kafka.moveGroup(group, TOPICS.events, partition, offset)
  }
  installation.send({ seed: 7, payments: 25, lateShare: 1 })
  await installation.work()
  expect(endsOf(TOPICS.changes)).not.toEqual(before)
  const reports = await repair(true)
  expect(reports.some(({ changes }) => changes > 0)).toBe(true)
  await installation.process()
  expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
})

test('names what both topics lost; resetting the offset makes the processor read the events again', async () => {
  cut(TOPICS.changes, 6n)
  cut(TOPICS.current, 6n)
  await repair(true)
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    installation.kafka.moveGroup(installation.config.processor.group, TOPICS.events, partition, 0n)
  }
  await installation.process()
  expect(await installation.verify()).toMatchObject({ ok: true, differences: [] })
})
