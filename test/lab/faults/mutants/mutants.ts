import type { Mutant } from './mutant.ts'

/**
 * The planted bugs. Each names the correct place in the product's source by the shortest unique text: a refactoring that moves
 * the place fails a unit test, and is followed here.
 */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'answer-before-ack',
    what: 'the gateway answers success once it has read the callback, not once the brokers have it',
    patches: [
      {
        file: 'src/gateway/gateway.ts',
        find: "crashPoint?.('gateway:before-append')",
        replace: "exchange.answer(source.successCode)\n    crashPoint?.('gateway:before-append')",
      },
    ],
    scenario: 'isolate-gateway',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'acks-1',
    what: 'the gateway and the normalizer only wait for the acknowledgement of the leader',
    patches: [
      { file: 'src/kafka/client/requests.ts', find: 'acks: always(int16, -1),', replace: 'acks: int16,' },
      {
        file: 'src/kafka/produce-request.ts',
        find: 'transactionalId: identity?.transactionalId ?? null,',
        replace: 'transactionalId: identity?.transactionalId ?? null, acks: identity === null ? 1 : -1,',
      },
    ],
    scenario: 'leader-dies-alone',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'mark-before-publish',
    what: 'every event is marked as seen in Redis before it is published, and marked events are dropped',
    patches: [
      {
        file: 'src/processor/redis-state-store.ts',
        find: 'async due(partition: number',
        replace: `async markSeen(partition: number, ids: readonly (string | null)[]): Promise<readonly boolean[]> {
    const [view] = this.#keys(partition)
    const mark = async (id: string | null) =>
      id !== null && (await this.#redis.run((redis) => redis.set(\`\${view}:\${id}\`, '1', 'NX'))) === null
    return Promise.all(ids.map(mark))
  }

  async due(partition: number`,
      },
      {
        file: 'src/processor/status-task.ts',
        find: 'const portion = records.slice(from, until)',
        replace: `const all = records.slice(from, until)
      const marks = this.#options.store as unknown as {
        markSeen(partition: number, ids: readonly (string | null)[]): Promise<readonly boolean[]>
      }
      const ids = all.map(({ value }) => value && this.#options.codecs.event.decode(value).eventId)
      const seen = await marks.markSeen(this.#options.partition, ids)
      const portion = all.filter((_, index) => !seen[index])`,
      },
      {
        file: 'src/processor/status-task.ts',
        find: "this.#options.crashPoint?.('processor:after-fold')",
        replace: `output.totals.events += all.length - portion.length
      output.totals.duplicate += all.length - portion.length
      this.#options.crashPoint?.('processor:after-fold')`,
      },
    ],
    scenario: 'die-processor:after-append',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'commit-before-publish',
    what: 'the normalizer commits the offset of raw before it has published the events',
    patches: [
      {
        file: 'src/normalizer/normalizer-task.ts',
        find: 'const appends = ',
        replace: `await this.#options.commit(partition, next, '')
    const appends = `,
      },
    ],
    scenario: 'die-normalizer:before-append',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'dedupe-by-id-alone',
    what: 'equal transaction ids of the provider make a duplicate, whatever the callbacks say about the transaction',
    patches: [
      {
        file: 'src/payment/apply-event.ts',
        find: 'seen.event.eventId === event.eventId)',
        replace: "seen.event.eventId === event.eventId || event.provider === 'instamed')",
      },
    ],
    scenario: 'none',
    seed: 1,
    expects: ['lost', 'wrong'],
  },
  {
    name: 'restate-by-arrival',
    what: 'of several readings of one event the last to arrive counts, not the one of the newest mapping or the earliest time',
    patches: [
      {
        file: 'src/payment/reading.ts',
        find: 'if (compareReadings(arrival, known) <= 0)',
        replace: 'if (compareReadings(arrival, known) === 0)',
      },
    ],
    // Events that were processed are read again, the old readings among them.
    scenario: 'reprocess+forget-processor-offsets',
    seed: 1,
    expects: ['duplicated'],
  },
  {
    name: 'withdrawal-deletes-payment',
    what: 'a payment whose only events are withdrawn is deleted from `current`',
    patches: [
      {
        file: 'src/processor/batch-output.ts',
        find: 'if (state !== null) {',
        replace: `if (state?.events.every(({ event }) => event.withdrawn)) {
    output.writes.push(forgettingWrite(state.paymentKey))
    output.current.push({ key: state.paymentKey, value: null })
  } else if (state !== null) {`,
      },
    ],
    scenario: 'reprocess',
    seed: 1,
    expects: ['wrong'],
  },
  {
    name: 'redis-error-is-seen',
    what: 'a Redis that does not answer counts as "seen before"',
    patches: [
      {
        file: 'src/processor/status-task.ts',
        find: 'const items = records.map(',
        replace: `try {
      await this.#options.store.read(this.#options.partition, [])
    } catch {
      const totals = { ...emptyOutput().totals, events: records.length, duplicate: records.length }
      await this.#commit({ ...emptyOutput(), totals }, next)
      return
    }
    const items = records.map(`,
      },
    ],
    scenario: 'cut-redis',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'autocommit',
    what: 'the consumer auto-commits records when it hands them over, processed or not',
    patches: [
      {
        file: 'src/kafka/kafka-group-consumer.ts',
        find: 'return await this.#fetcher.fetch(place, signal)',
        replace: `const fetched = await this.#fetcher.fetch(place, signal)
      if (fetched.kind === 'records' && fetched.next !== offset) {
        void this.commit(partition, fetched.next, '').catch(() => {})
      }
      return fetched`,
      },
    ],
    scenario: 'die-with-full-queues',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'from-latest',
    what: 'a group without committed offsets starts at the end of the topic',
    patches: [
      {
        file: 'src/stream/start-offset.ts',
        find: 'return range.start',
        replace: 'return range.end',
      },
    ],
    scenario: 'forget-processor-offsets',
    seed: 1,
    expects: ['lost'],
    healedMaxMs: 20_000,
  },
  {
    name: 'fold-by-arrival',
    what: 'the last arrival decides the status',
    patches: [
      {
        file: 'src/payment/apply-event.ts',
        find: 'foldPayment(kept.map(',
        replace: 'foldPayment(kept.slice(-1).map(',
      },
    ],
    scenario: 'none',
    seed: 1,
    expects: ['wrong'],
  },
  {
    name: 'no-key',
    what: 'events are published round-robin, as without a key, and nothing objects',
    patches: [
      {
        file: 'src/normalizer/normalizer-task.ts',
        find: 'addTo(eventsOut, partitionOf(key, events.partitions), { key, value, ...trace })',
        replace: 'addTo(eventsOut, (Number(record.offset) + counts.events) % events.partitions, { key, value })',
      },
      {
        // The second line of defence.
        file: 'src/processor/decode-event.ts',
        find: 'assertInPlace(key, offset)',
        replace: '',
      },
    ],
    scenario: 'none',
    seed: 1,
    expects: ['wrong', 'duplicated'],
  },
  {
    name: 'body-reserialised',
    what: 'the gateway parses JSON and stores its own serialization of it',
    patches: [
      {
        file: 'src/raw/to-raw-record.ts',
        find: 'value: callback.body,',
        replace: 'value: reserialised(callback.body),',
      },
      {
        file: 'src/raw/to-raw-record.ts',
        find: '/** A key counts towards',
        replace: `function reserialised(body: Buffer): Buffer {
  try {
    return Buffer.from(JSON.stringify(JSON.parse(body.toString())))
  } catch {
    return body
  }
}

/** A key counts towards`,
      },
    ],
    scenario: 'odd-spelling',
    seed: 1,
    expects: ['lost', 'wrong'],
  },
  {
    name: 'decode-error-swallowed',
    what: 'the normalizer skips what it cannot read instead of making it a dead letter',
    patches: [
      {
        file: 'src/normalizer/normalizer-task.ts',
        find: 'const deadLettersOfRecord = [...translation.deadLetters]',
        replace: 'const deadLettersOfRecord: DeadLetter[] = []',
      },
    ],
    scenario: 'none',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'zombie-not-fenced',
    what: 'every process has its own transactional id, so that a new owner fences nobody',
    patches: [
      {
        file: 'src/stages/start-processor.ts',
        find: '...producer,',
        replace: '...producer, transactionalId: producer.transactionalId + uuidv7(),',
      },
    ],
    scenario: 'isolate-processor',
    seed: 1,
    expects: ['duplicated', 'wrong'],
  },
  {
    name: 'version-reset-on-restart',
    what: 'status versions are counted in the memory of the process',
    patches: [
      {
        file: 'src/payment/apply-event.ts',
        find: 'const statusVersion = (state?.statusVersion ?? 0) + 1',
        replace: `const statusVersion = (VERSIONS.get(event.paymentKey) ?? 0) + 1
  VERSIONS.set(event.paymentKey, statusVersion)`,
      },
      {
        file: 'src/payment/apply-event.ts',
        find: 'function ruleFor(',
        replace: 'const VERSIONS = new Map<string, number>()\n\nfunction ruleFor(',
      },
    ],
    scenario: 'die-processor:after-append',
    seed: 1,
    expects: ['wrong'],
  },
  {
    name: 'retry-same-producer',
    what: 'a commit without a response is considered failed: the same task begins the producer anew and repeats the transaction',
    patches: [
      {
        file: 'src/kafka/kafka-transactions.ts',
        find: 'await this.#commit()',
        replace: `await this.#commit().catch(async () => {
        this.#cluster.forgetCoordinator('transaction', this.#options.transactionalId)
        await this.fenceFormerOwners()
        await this.run(work)
      })`,
      },
      {
        // The second line of defence: no transaction begins after a lost connection.
        file: 'src/kafka/kafka-transactions.ts',
        find: 'if (!this.#producer.connected ||',
        replace: 'if (this.#closed && !this.#producer.connected &&',
      },
    ],
    scenario: 'lose-processor-endTxn',
    seed: 1,
    expects: ['duplicated', 'wrong'],
  },
  {
    name: 'marker-not-checked',
    what: 'states from Redis are trusted, whoever wrote them and whatever Redis has lost',
    patches: [
      {
        file: 'src/processor/owned-view.ts',
        find: 'if (marker !== this.#text) {',
        replace: "if (this.#text === '') {",
      },
      {
        // The second line of defence: with it alone, only one batch of a partition goes wrong.
        file: 'src/processor/redis-state-store.ts',
        find: 'if marker ~= ARGV[1] then return 0 end',
        replace: '',
      },
    ],
    scenario: 'flush-redis',
    seed: 1,
    expects: ['wrong', 'duplicated'],
  },
  {
    name: 'several-partitions-in-one-send',
    what: 'a produce request for several partitions counts as acknowledged if one of them is',
    patches: [
      {
        file: 'src/kafka/leader-producer.ts',
        find: 'if (answer?.error === null && answer.baseOffset >= 0n) {',
        replace: 'if (answers.some(({ error }) => error === null)) {',
      },
      {
        file: 'src/kafka/leader-producer.ts',
        find: 'entry.resolve(answer.baseOffset)',
        replace: 'entry.resolve(answer?.baseOffset ?? 0n)',
      },
    ],
    scenario: 'shuffle-leaders',
    seed: 1,
    expects: ['lost'],
  },
  {
    name: 'reinit-at-once',
    what: 'a fenced lane reopens at once, without asking the group whether it still owns the partition',
    patches: [
      {
        file: 'src/stream/lane.ts',
        find: 'await this.#control.confirmed(signal)',
        replace: 'await Promise.resolve()',
      },
    ],
    scenario: 'deaf-to-group',
    seed: 1,
    expects: ['wrong'],
    // It disturbs the new owner but breaks no guarantee of the data.
    seenBy: 'laboratory',
  },
  {
    name: 'offsets-taken-for-gaps',
    what: 'a gap between the offsets of two records is taken for missing records',
    patches: [
      {
        file: 'src/stream/lane.ts',
        find: '!isAsRead(fetched, expect, isVerified ? null : read)) {',
        replace:
          '!isAsRead(fetched, expect, isVerified ? null : read) || fetched.records.some(({ offset: of }, at) => of > expect + BigInt(at))) {',
      },
    ],
    scenario: 'holes-in-events',
    seed: 1,
    expects: ['late'],
    healedMaxMs: 20_000,
  },
  {
    name: 'view-before-commit',
    what: 'the view in Redis is written before the transaction is committed',
    patches: [
      {
        file: 'src/processor/status-task.ts',
        find: 'this.#promised = await publishOutput(',
        replace: `await view.advance({ next, totals, completeAt }, output.writes)
    this.#promised = await publishOutput(`,
      },
      {
        file: 'src/processor/status-task.ts',
        find: 'viewNext, committedBy }, output.writes)',
        replace: 'viewNext, committedBy }, [])',
      },
    ],
    scenario: 'die-processor:after-append',
    seed: 1,
    expects: ['lost', 'wrong'],
  },
  {
    name: 'state-keeps-too-much',
    what: 'a payment keeps events of twice the bytes that it may keep',
    patches: [
      {
        file: 'src/payment/keep-within-bound.ts',
        find: 'HISTORY_EVENTS_MAX * WEIGHT_MIN',
        replace: 'HISTORY_EVENTS_MAX * WEIGHT_MIN * 2',
      },
    ],
    scenario: 'grow-payment',
    seed: 1,
    expects: ['wrong'],
  },
  {
    name: 'due-nine-times-too-late',
    what: 'payments are reported overdue, and forgotten, after nine times the configured time',
    patches: [
      {
        file: 'src/processor/due.ts',
        find: 'const forgetAt = state.touchedAt + policy.retentionMs',
        replace: 'const forgetAt = state.touchedAt + 9 * policy.retentionMs',
      },
      {
        file: 'src/processor/due.ts',
        find: 'Math.max(state.statusChangedAt, waitsUntil) + within',
        replace: 'Math.max(state.statusChangedAt, waitsUntil) + 9 * within',
      },
    ],
    scenario: 'none',
    seed: 1,
    expects: ['wrong'],
  },
  {
    name: 'leader-epoch-not-asked',
    what: 'only the offset, and not the leader epoch, decides whether an input is still the log that was read',
    patches: [
      {
        file: 'src/stream/input-log.ts',
        find: 'const [range, end] = await Promise.all([',
        replace: 'read = null as LogPlace | null\n  const [range, end] = await Promise.all([',
      },
    ],
    scenario: 'elect-uncleanly',
    // With this one, the normalizers are frozen until the log has outgrown what they read.
    seed: 4,
    expects: ['wrong'],
    // The stop names an offset beyond the cut; the fault does not follow it.
    seenBy: 'laboratory',
  },
  {
    name: 'lost-changes-unnoticed',
    what: 'the ends promised by a commit are not compared with the outputs',
    patches: [
      {
        file: 'src/processor/settle-outputs.ts',
        find: 'if (promised !== null && (highWatermark < promised || isGone)) {',
        replace: 'if (promised !== null && isGone && highWatermark < 0n) {',
      },
      {
        file: 'src/processor/publish-output.ts',
        find: 'first < before.ends[name]',
        replace: 'first < 0n',
      },
    ],
    scenario: 'cut-changes',
    seed: 1,
    expects: ['lost', 'wrong'],
  },
  {
    name: 'topic-id-not-compared',
    what: 'a recreated topic is taken for the old one of the same name',
    patches: [
      {
        file: 'src/stream/origin.ts',
        find: 'if (now !== undefined && now.id !== before.id) {',
        replace: "if (now !== undefined && now.id === '') {",
      },
      {
        file: 'src/stream/watchdog.ts',
        find: 'facts?.id !== before.id || facts.partitions',
        replace: 'facts?.partitions',
      },
    ],
    scenario: 'recreate-events',
    seed: 1,
    expects: ['wrong'],
    // After the operator's reset no data is missing: the only symptom is the missing defined stop.
    seenBy: 'laboratory',
  },
  {
    name: 'foreign-topics-asked-for',
    what: 'clients ask for the metadata of all topics, and fail for any partition without a leader',
    patches: [
      {
        file: 'src/kafka/client/requests.ts',
        find: 'topics: array(struct({ id: uuid, name: nullableString })),',
        replace: 'topics: nullableArray(struct({ id: uuid, name: nullableString })),',
      },
      {
        file: 'src/kafka/client/cluster.ts',
        find: 'return { topics: topics.map((name) => ({ id: NO_UUID, name })) }',
        replace: 'return { topics: topics.length < 0 ? [{ id: NO_UUID, name: null }] : null }',
      },
      {
        file: 'src/kafka/client/cluster.ts',
        find: 'for (const topic of answer.topics) {',
        replace: `for (const topic of answer.topics) {
      for (const { errorCode } of topic.partitions) assertNoError(errorCode)`,
      },
    ],
    scenario: 'leaderless-foreign-topic',
    seed: 1,
    expects: ['wrong', 'late'],
    // Processes do not become ready, but no data is lost.
    seenBy: 'laboratory',
  },
  {
    name: 'repair-publishes-all',
    what: '`paystatus repair` republishes all changes of a payment if one is missing',
    patches: [
      {
        file: 'src/tools/repair/repair-payment.ts',
        find: 'const step = present.get(version)',
        replace: 'const step = undefined as StatusChangeRecord | undefined',
      },
    ],
    scenario: 'cut-changes',
    seed: 1,
    expects: ['duplicated'],
  },
  {
    name: 'redrive-without-decision',
    what: '`paystatus dlq redrive` does not record what it redrove, and so redrives it again every time',
    patches: [
      {
        file: 'src/tools/dlq/redrive-letters.ts',
        find: 'await decide(ports, plans, decider)',
        replace: 'await decide(ports, [], decider)',
      },
    ],
    scenario: 'redrive',
    seed: 1,
    expects: ['wrong'],
    // The events are duplicates: the only symptom is that the list never becomes empty.
    seenBy: 'laboratory',
  },
]
