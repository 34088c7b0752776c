import { createHash } from 'node:crypto'
import { createReadStream, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createBodyOpener } from '../../../src/encryption/open-bodies.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { totalsDifference } from '../../../src/payment/totals.ts'
import { CHANGE_HEADERS } from '../../../src/processor/step-headers.ts'
import { fromRawRecord } from '../../../src/raw/from-raw-record.ts'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { headerText } from '../../../src/stream/header-text.ts'
import { findMismatches, mismatchText } from '../../../src/tools/simulate/await-statuses.ts'
import { inOrderOfSteps } from '../../../src/tools/verify/in-order-of-steps.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer, type ReadRecord } from '../harness/observer.ts'
import { type Contents, readContents, totalsViolations, viewViolations, violationsOf } from '../harness/violations.ts'
import type { Finding, Found } from './finding.ts'
import { identityOf } from './keep-events.ts'
import { type Lab, type LoadReport, slotsOf } from './lab.ts'
import type { LedgerEntry } from './ledger.ts'
import { askOracle, type Installation, type OracleCounts } from './oracle.ts'

export interface Judgement {
  readonly counts: OracleCounts
  readonly findings: readonly Finding[]
}

const VIEW_MAX_MS = 15_000
/** After Redis was emptied: processes start and rebuild the view. */
const REBUILT_MAX_MS = 60_000

/**
 * Compares what the providers know with the contents of the topics and the view, once everything is healed.
 *
 * The oracle decides, because it shares nothing with the product. The opinion of our own code comes second: it counts
 * only if the oracle found nothing, because then one of the two is blind.
 */
export async function judge(lab: Lab, report: LoadReport, caughtUpMaxMs: number): Promise<Judgement> {
  await keepDeletedRecords(lab)
  const installation = installationOf(lab, caughtUpMaxMs, VIEW_MAX_MS)
  const { judged, reason, findings, counts } = await askOracle(installation, fileOf(lab), 'all')
  if (!judged) {
    throw new Error(`the oracle could not judge: ${reason}`)
  }
  // Only now: the oracle waits until the installation is at rest.
  const second = await secondOpinion(lab, report, caughtUpMaxMs)
  const unseen = findings.length === 0 ? second : []
  await writeFile(join(lab.directory, 'second-opinion.json'), `${JSON.stringify(second, null, 2)}\n`)
  return {
    counts: counts as OracleCounts,
    findings: [
      ...findings.map(byOracle),
      ...unseen.map(
        ({ kind, text }): Finding => ({ kind, by: 'second opinion', text: `${text} (the oracle did not see it)` }),
      ),
    ],
  }
}

/** I6: Redis is emptied, the processors restart, and the view must become what it was. */
export async function judgeRebuiltView(lab: Lab): Promise<readonly Finding[]> {
  const slots = slotsOf('processor')
  const ends = await Promise.all(slots.map((slot) => lab.stop(slot)))
  await lab.redis.empty()
  await Promise.all(slots.map((slot) => lab.start(slot)))
  const installation = installationOf(lab, 0, REBUILT_MAX_MS)
  const { judged, reason, findings } = await askOracle(installation, fileOf(lab), 'view')
  if (!judged) {
    throw new Error(`the oracle could not judge: ${reason}`)
  }
  return [
    ...findings.map(({ kind, text }) => byOracle({ kind, text: `${text} (after Redis was emptied)` })),
    ...ends
      .filter((end) => end !== 0)
      .map((end): Finding => ({ kind: 'wrong', by: 'laboratory', text: `a processor exited with ${end} on SIGTERM` })),
  ]
}

function byOracle(found: Found): Finding {
  return { ...found, by: 'oracle' }
}

function installationOf(lab: Lab, caughtUpMaxMs: number, viewMaxMs: number): Installation {
  const { config, topics } = lab.deployment
  const { offsetsMoved, repaired, redriven, hadOlderMappings } = lab
  return {
    config,
    topics,
    ledger: lab.ledger.file,
    offsetsMoved,
    deletedEvents: join(lab.directory, DELETED_EVENTS),
    removedRaw: join(lab.directory, REMOVED_RAW),
    repaired,
    olderMappings: hadOlderMappings,
    redriven,
    caughtUpMaxMs,
    viewMaxMs,
  }
}

function fileOf(lab: Lab): string {
  return join(lab.directory, 'oracle.json')
}

const DELETED_EVENTS = 'deleted-events.jsonl'
const REMOVED_RAW = 'removed-raw.jsonl'

/** Tells the oracle the records that are no longer in their topics. */
async function keepDeletedRecords(lab: Lab): Promise<void> {
  const write = (file: string, lines: readonly object[]) =>
    writeFile(join(lab.directory, file), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  await write(DELETED_EVENTS, lab.deletedEvents.map(toLine))
  await write(
    REMOVED_RAW,
    lab.removedRaw.map((record) => ({ ...toLine(record), normalized: record.normalized })),
  )
}

function toLine({ partition, offset, key, value, headers }: ReadRecord): object {
  return {
    partition,
    offset: Number(offset),
    keyBase64: key?.toString('base64') ?? null,
    valueBase64: value?.toString('base64') ?? null,
    headers: textsOf(headers),
  }
}

function textsOf(headers: ReadRecord['headers']): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]))
}

/** The same, judged with our own client, translation and fold, and by the expectations of the simulation. */
async function secondOpinion(lab: Lab, report: LoadReport, caughtUpMaxMs: number): Promise<readonly Found[]> {
  const observer = await Observer.create(lab.deployment)
  try {
    const late = await observer.caughtUp(caughtUpMaxMs).then(
      () => [],
      (error: Error): Found[] => [{ kind: 'late', text: `not caught up: ${error.message.split('\n', 1)[0]}` }],
    )
    const sealed = withRemovedRaw(withDeleted(await readContents(observer), lab.deletedEvents, observer), lab)
    const contents = await withOpenBodies(inOrder(sealed), lab, observer)
    const gone = goneIn(contents, lab)
    keepTopics(lab.directory, contents)
    const ledger = await readLedger(lab.ledger.file)
    const totals = await observer.totals()
    const counted = lab.offsetsMoved
      ? totalsDifference(totals) === 0
        ? []
        : [`I8: ${totalsDifference(totals)} events are unaccounted for`]
      : totalsViolations(totals, contents)
    const view = await eventually(
      async () => {
        const violations = await viewViolations(observer)
        if (violations.length > 0) {
          throw new Error(violations.join('\n'))
        }
        return []
      },
      { timeoutMs: VIEW_MAX_MS, everyMs: 500 },
    ).catch((error: Error) => error.message.split('\n'))
    const found = [
      ...late,
      ...ledgerFindings(ledger, contents),
      ...violationsOf(contents, lab.deployment.config).map(toFinding),
      ...counted.map((text): Found => ({ kind: 'wrong', text })),
      ...view.map((text): Found => ({ kind: 'wrong', text })),
      ...statusFindings(report, contents),
    ]
    // A forgotten payment may have begun another life, which neither the simulation nor this judge knows of.
    const forgotten = contents.currentRecords.filter(({ state }) => state === null).map(({ key }) => key)
    const unjudged = [...forgotten, ...gone]
    // The oracle alone judges the dead letters of good callbacks, and events that reprocessing publishes once for several callbacks.
    const isReadAgain = (text: string) =>
      (lab.redriven && /^I2: dead letter .* is unexpected$/.test(text)) ||
      (lab.hadOlderMappings && /^I2: event .* is missing$/.test(text))
    return found.filter(({ text }) => !isReadAgain(text) && !unjudged.some((name) => text.includes(name)))
  } finally {
    await observer.close()
  }
}

/** The contents as if no event had ever been deleted from its topic. */
function withDeleted(contents: Contents, deleted: readonly ReadRecord[], { codecs }: Observer): Contents {
  const there = new Set(contents.eventRecords.map(identityOf))
  const gone = deleted.filter((record) => !there.has(identityOf(record)))
  const events = gone.map(({ value }) => codecs.event.decode(value as Buffer))
  return { ...contents, events: [...events, ...contents.events] }
}

/** The contents as if no raw record had been removed; the removed ones come first. */
function withRemovedRaw(contents: Contents, { removedRaw }: Lab): Contents {
  return { ...contents, raw: [...removedRaw, ...contents.raw] }
}

/** The contents, with repaired changes at the positions that they had before they were lost. */
function inOrder(contents: Contents): Contents {
  const { changes, changeRecords } = contents
  const steps = changeRecords.map((record, at) => ({
    record,
    offset: record.offset,
    change: changes[at] as StatusChangeRecord,
    isRepaired: CHANGE_HEADERS.repaired in record.headers,
  }))
  if (!steps.some(({ isRepaired }) => isRepaired)) {
    return contents
  }
  const ofPayments = Map.groupBy(steps, ({ change }) => change.paymentKey).values()
  const ordered = [...ofPayments].flatMap((written) => inOrderOfSteps(written) as typeof steps)
  return {
    ...contents,
    changes: ordered.map(({ change }) => change),
    changeRecords: ordered.map(({ record }) => record),
  }
}

/**
 * Texts by which to recognize the findings that removed raw records explain: the callbacks and payments of records that were
 * lost for good. Another record may have the offset of a removed one, so the oracle alone judges the dead letters of these offsets.
 */
function goneIn({ raw }: Contents, { removedRaw, deployment }: Lab): readonly string[] {
  const names = removedRaw.map(({ partition, offset }) => `dead letter ${partition}/${offset}#`)
  for (const record of raw.slice(0, removedRaw.length).filter((_, at) => removedRaw[at]?.normalized === false)) {
    const raw = fromRawRecord(record, sourcesById(deployment.config.sources))
    if (typeof raw !== 'string') {
      const { events } = raw.provider.translate(raw.callback)
      names.push(`${headerText(record, 'ce_id')}#`, ...withChildReports(events).map(({ paymentKey }) => paymentKey))
    }
  }
  return names
}

/** The contents as if no body had been encrypted. */
async function withOpenBodies(contents: Contents, lab: Lab, observer: Observer): Promise<Contents> {
  const { config, topics } = lab.deployment
  const opener = createBodyOpener(config, topics, createPartitionReader(observer.kafka))
  const open = async (records: readonly ReadRecord[]): Promise<readonly ReadRecord[]> => {
    const opened = await opener.open(records)
    return records.map((record, at) => {
      const body = opened[at]
      return typeof body === 'object' ? { ...record, ...body } : record
    })
  }
  const [raw, rawDeadLetters] = await Promise.all([open(contents.raw), open(contents.rawDeadLetters)])
  return { ...contents, raw, rawDeadLetters }
}

interface Told {
  readonly callback: string
  ok: number
  attempts: number
}

/** Delivery attempts by the hash of the body. */
async function readLedger(file: string): Promise<ReadonlyMap<string, Told>> {
  const told = new Map<string, Told>()
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const entry: LedgerEntry = JSON.parse(line)
    const known = told.get(entry.bodySha256) ?? { callback: entry.callback, ok: 0, attempts: 0 }
    known.attempts += 1
    known.ok += entry.outcome === 'ok' ? 1 : 0
    told.set(entry.bodySha256, known)
  }
  return told
}

/** I1: raw holds every attempt that was answered with success, byte for byte, and nothing that nobody sent. */
function* ledgerFindings(ledger: ReadonlyMap<string, Told>, { raw }: Contents): Iterable<Found> {
  const inRaw = new Map<string, number>()
  for (const { value, partition, offset } of raw) {
    const hash = createHash('sha256')
      .update(value ?? '')
      .digest('hex')
    inRaw.set(hash, (inRaw.get(hash) ?? 0) + 1)
    if (!ledger.has(hash)) {
      yield { kind: 'wrong', text: `I1: raw ${partition}/${offset} is a body that nobody sent` }
    }
  }
  for (const [hash, { callback, ok, attempts }] of ledger) {
    const found = inRaw.get(hash) ?? 0
    if (found < ok) {
      const text = `I1: callback ${callback} was accepted ${ok} times and is in raw ${found} times (${attempts} attempts)`
      yield { kind: 'lost', text }
    }
  }
}

/** The simulation states the final state of every payment without our fold. */
function statusFindings(report: LoadReport, { current }: Contents): readonly Found[] {
  return findMismatches(report, current).map((mismatch) => ({ kind: 'wrong', text: `I5: ${mismatchText(mismatch)}` }))
}

function toFinding(text: string): Found {
  if (text.includes('is missing')) {
    return { kind: 'lost', text }
  }
  return { kind: text.includes('twice') ? 'duplicated' : 'wrong', text }
}

/** Evidence for the investigation of a finding. */
function keepTopics(directory: string, { changeRecords, changes, events, rawDeadLetters, raw }: Contents): void {
  const lines = (values: readonly unknown[]) =>
    values.map((value) => `${JSON.stringify(value, bigintAsText)}\n`).join('')
  const places = changeRecords.map(({ partition, offset, timestamp }) => ({ partition, offset, timestamp }))
  writeFileSync(join(directory, 'changes.jsonl'), lines(changes.map((change, at) => ({ ...places[at], ...change }))))
  writeFileSync(join(directory, 'events.jsonl'), lines(events))
  for (const [name, records] of Object.entries({ raw, rawDeadLetters })) {
    const rows = records.map(({ partition, offset, timestamp, key, headers }) => ({
      partition,
      offset,
      timestamp,
      key: String(key),
      headers: textsOf(headers),
    }))
    writeFileSync(join(directory, `${name}.jsonl`), lines(rows))
  }
}

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
