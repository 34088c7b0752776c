"""
The judge of the fault laboratory. It compares what the providers know (the ledger) with the topics, the committed offsets and
Redis, using its own Kafka client, Avro reader and fold, and reports every discrepancy.

Usage: oracle.py INSTALLATION.json [--view-only]

Prints one JSON document. Exit codes: 0 no findings, 1 something is lost, duplicated, wrong or late, 2 could not judge.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass

import redis
from redis.exceptions import RedisClusterException

from evidence import (Avro, CannotJudge, Kafka, LOOK_EVERY_S, Record, next_due, not_in, read_deleted, read_ledger,
                      read_removed_raw, read_view)
from findings import Findings
from judge_callbacks import RawCallbacks, identity_of, judge_events, judge_ids, judge_raw
from judge_progress import judge_commits, view_differences
from mappings import Mappings
from judge_status import (REPAIRED, in_order_of_steps, judge_changes, judge_current, judge_dead_letters, judge_last, judge_once,
                          judge_outcomes)
from sealed import Opener

OUTPUTS = ['changes', 'current', 'eventDeadLetters']
DECODED = ['events', 'changes', 'current', 'eventDeadLetters']
QUIET_MS = 10_000
"""No payment may become due while the oracle judges."""


@dataclass(frozen=True, eq=False)
class Decoded(Record):
    decoded: dict | None


class Oracle:
    def __init__(self, installation):
        self.installation = installation
        self.topics = installation['topics']
        self.partitions = installation['partitions']
        self.kafka = Kafka(','.join(installation['brokers']))
        self.avro = Avro(installation['registryUrl'])
        self.findings = Findings()
        self.of = {name: self.kafka.partitions(topic) for name, topic in self.topics.items()}
        for name, partitions in self.of.items():
            if len(partitions) != self.partitions:
                raise CannotJudge(f'{self.topics[name]} has {len(partitions)} partitions, not {self.partitions}')

    def judge(self):
        at_rest = self.wait_until_at_rest()
        normalized = self.committed('normalizerGroup', 'raw')
        processed = self.committed('processorGroup', 'events')
        starts = self.by_id(self.kafka.starts, self.of)
        kept = ['events'] if self.installation['deletedEvents'] is None else []
        for name in ('raw', 'changes', 'current', *kept):
            if any(starts[name, partition] > 0 for partition in range(self.partitions)):
                raise CannotJudge(f'{self.topics[name]} has lost its beginning, so its history cannot be judged')
        stable = self.by_id(self.kafka.stable_offsets, self.of)
        topics = self.read(self.of)
        told_events = self.with_deleted(topics['events'])
        topics['raw'] += read_removed_raw(self.installation['removedRaw'])
        opener = Opener(self.installation['keyEncryptionKeys'], self.topics['raw'], topics['keys'])
        for name in ('raw', 'rawDeadLetters'):
            topics[name] = opener.open(topics[name], name, self.findings)
        told = read_ledger(self.installation['ledger'])
        sources = {source['id']: source for source in self.installation['sources']}

        raw = RawCallbacks(topics['raw'], sources, self.findings)
        events, changes, currents, dead_events = (
            [(record, record.decoded) for record in records]
            for records in (told_events, topics['changes'], topics['current'], topics['eventDeadLetters']))
        next_raw = {partition: commit.offset for partition, commit in normalized.items()}
        next_events = {partition: commit.offset for partition, commit in processed.items()}
        judge_raw(told, raw, self.partitions, self.findings)
        mappings = Mappings(self.installation['mappingVersions'], self.installation['olderMappings'])
        judge_events(raw, events, topics['rawDeadLetters'], next_raw, self.partitions, mappings, self.findings,
                     self.installation['redriven'])
        judge_ids([*events, *((record, change['event']) for record, change in changes if change['event'])], self.findings)
        distinct = judge_once(raw, events, changes, dead_events, next_raw, self.partitions, self.findings)
        judge_outcomes(events, changes, dead_events, next_events, self.findings)
        judge_dead_letters(events, changes, dead_events, self.findings)
        forgotten = {record.key.decode() for record in topics['current'] if record.value is None}
        ordered = in_order_of_steps(changes, self.installation['repaired'], self.findings)
        steps = judge_changes(ordered, forgotten, lambda event: self.natural_key(raw, event), self.findings)
        judge_last(raw, distinct, steps, self.findings)
        judge_current(currents, steps, self.installation['payments'], time.time() * 1000, self.findings)
        judge_commits(topics, processed, stable, self.installation['offsetsMoved'], self.findings)
        if at_rest:
            # A view that still changes cannot be compared with offsets that were read earlier.
            self.judge_view(topics['current'], stable, processed)
        verdicts = [change['verdict'] for _, change in changes]
        return {
            'callbacks': len(told),
            'accepted': sum(entry.accepted for entry in told.values()),
            'attempts': sum(entry.attempts for entry in told.values()),
            'raw': len(topics['raw']),
            'rawDeadLetters': len(topics['rawDeadLetters']),
            'goneForGood': self.findings.gone_for_good,
            'repaired': sum(REPAIRED in record.headers for record, _ in changes),
            'setAside': sum(reading.set_aside for reading in raw.readings.values()),
            'events': len(events),
            'distinctEvents': len(distinct),
            'eventDeadLetters': len(dead_events),
            'changes': len(changes),
            'verdicts': {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
            'current': len(currents),
            'forgotten': len(forgotten),
            'payments': len({change['paymentKey'] for _, change in changes}),
        }

    def judge_view_only(self):
        of = {'current': self.of['current']}
        current = self.read(of)['current']
        self.judge_view(current, self.by_id(self.kafka.stable_offsets, of), self.committed('processorGroup', 'events'))
        return {'current': len(current)}

    def judge_view(self, current, stable, committed):
        """Retries for a while, because the view is written after the commit."""
        cluster_id = self.kafka.cluster_id()
        give_up_at = time.monotonic() + self.installation['viewMaxMs'] / 1000
        while True:
            views = read_view(*self.view_place())
            differences = list(view_differences(current, views, cluster_id, stable, committed, self.installation['payments']))
            if not differences or time.monotonic() > give_up_at:
                break
            time.sleep(LOOK_EVERY_S)
        for difference in differences:
            self.findings.wrong(difference)

    def wait_until_at_rest(self):
        """Waits until nothing is left to process and no transaction is open in the outputs; False if that takes too long."""
        give_up_at = time.monotonic() + self.installation['caughtUpMaxMs'] / 1000
        while True:
            restless = list(self.restless())
            if not restless:
                return True
            if time.monotonic() > give_up_at:
                for kind, text in restless:
                    kind(text)
                return False
            time.sleep(LOOK_EVERY_S)

    def restless(self):
        for group, topic in (('normalizerGroup', 'raw'), ('processorGroup', 'events')):
            ends = self.kafka.high_watermarks(self.of[topic])
            committed = self.committed(group, topic)
            for at in self.of[topic]:
                end = ends[at.topic, at.partition]
                done = committed[at.partition].offset if at.partition in committed else 0
                if done < end:
                    yield self.findings.late, f'{end - done} records of {topic} {at.partition} are still to be processed'
                elif done > end:
                    yield self.findings.wrong, f'the committed offset of {topic} {at.partition} is {done}, beyond its end {end}'
        yield from self.due_soon()
        transactional = [at for name in OUTPUTS for at in self.of[name]]
        transactional.append(self.kafka.offsets_partition_of(self.installation['processorGroup']))
        ends, stable = self.kafka.high_watermarks(transactional), self.kafka.stable_offsets(transactional)
        for at, end in ends.items():
            if stable[at] < end:
                yield self.findings.late, f'a transaction hangs in {at[0]} {at[1]}: it is decided up to {stable[at]} of {end}'

    def due_soon(self):
        """A due payment changes the topics without any input."""
        try:
            first = next_due(*self.view_place())
        except (redis.RedisError, RedisClusterException) as error:
            yield self.findings.late, f'the due payments cannot be read from Redis: {error}'
            return
        if first is not None and first < time.time() * 1000 + QUIET_MS:
            yield self.findings.late, f'a payment due at {first:.0f} has not been processed'

    def view_place(self):
        installation = self.installation
        return installation['redis'], installation['environment'], installation['processorGroup'], self.partitions

    def committed(self, group, topic):
        return self.kafka.committed(self.installation[group], self.of[topic])

    def by_id(self, ask, of):
        """Asks once for all topics; returns the answer by topic id and partition."""
        answer = ask([at for partitions in of.values() for at in partitions])
        return {(name, at.partition): answer[at.topic, at.partition] for name, partitions in of.items() for at in partitions}

    def read(self, of):
        records = self.kafka.read([at for partitions in of.values() for at in partitions])
        read = {name: records[self.topics[name]] for name in of}
        for name in DECODED:
            if name in read:
                read[name] = [Decoded(**vars(record), decoded=self.decode(name, record)) for record in read[name]]
                if name != 'eventDeadLetters':
                    read[name] = [record for record in read[name] if record.decoded is not None or record.value is None]
        return read

    def with_deleted(self, events):
        """The events, and those that were deleted from their topic."""
        deleted = [Decoded(**vars(record), decoded=self.decode('events', record))
                   for record in not_in(events, read_deleted(self.installation['deletedEvents']))]
        return sorted([*events, *deleted], key=lambda record: (record.partition, record.offset))

    def decode(self, name, record):
        if record.value is None:
            return None
        try:
            return self.avro.decode(record.value)
        except (ValueError, EOFError, IndexError) as error:
            # Undecodable events belong into events.dlq.
            if name != 'eventDeadLetters':
                self.findings.wrong(f'{name} {record.place} cannot be decoded: {error}')
            return None

    @staticmethod
    def natural_key(raw, event):
        said = raw.said.get((event['callbackId'], event['element'], event['paymentKey']))
        return event['naturalKey'] if said is None or identity_of(said) != identity_of(event) else said['naturalKey']


def main(arguments):
    with open(arguments[0], encoding='utf-8') as file:
        installation = json.load(file)
    began_at = time.monotonic()
    try:
        oracle = Oracle(installation)
        counts = oracle.judge_view_only() if '--view-only' in arguments else oracle.judge()
    except Exception as error:
        reason = str(error) if isinstance(error, CannotJudge) else traceback.format_exc()
        print(json.dumps({'ok': False, 'judged': False, 'reason': reason, 'findings': [], 'counts': {}}))
        return 2
    findings = oracle.findings
    took_ms = round((time.monotonic() - began_at) * 1000)
    print(json.dumps({'ok': not findings.found, 'judged': True, **findings.counts(), 'findings': findings.found,
                      'counts': counts, 'tookMs': took_ms}))
    return 1 if findings.found else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
