"""From accepted callbacks to `events`: nothing is lost, nothing is invented (I1, I2)."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from callbacks import read_callback
from evidence import RemovedRecord, body_hash
from fold import is_withdrawn
from murmur2 import partition_of
from times import exact

# Where an event came from, and the product's own names for it. The other fields are its content, and so its identity.
BROUGHT_BY = {'eventId', 'source', 'provider', 'mappingVersion', 'withdrawn', 'callbackId', 'element', 'receivedAt',
              'authenticity', 'providerEventId', 'naturalKey'}
READ_INTO_IT = {'weakKey', 'kind', 'status', 'unknownBecause', 'holdReason', 'rejectedBy', 'occurredAt', 'occurredAtPrecision',
                'zoneAssumed'}
"""Fields whose values depend on the mapping. The rest of the content is as the provider sent it."""
DEAD_LETTERS_APART_MAX = 16
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
OF_THE_ENVELOPE = {'occurredAt', 'occurredAtText', 'occurredAtPrecision', 'zoneAssumed', 'timeUnreadable'}
"""A return has only the time of its message, which is not part of its content."""

AMOUNTS = ('amount', 'requestAmount')


def identity_of(event):
    """Events with equal content are the same event, whichever callbacks report them."""
    return content_of(event, BROUGHT_BY)


def statement_of(event):
    """What the provider said. Different mappings can give several readings of one statement."""
    return content_of(event, BROUGHT_BY | READ_INTO_IT)


def content_of(event, without):
    apart = without | OF_THE_ENVELOPE if is_return_message(event) else without
    content = {name: value for name, value in event.items() if name not in apart}
    # A currency can come from the configuration, so it is no part of the identity.
    content |= {name: event[name] and event[name]['value'] for name in AMOUNTS}
    return json.dumps(content, sort_keys=True)


def is_return_message(event):
    return (event['provider'], event['kind']) == ('jpm-global-payments-v2', 'RETURN')


def counts_before(event, other):
    """
    Whether `event` takes precedence over `other`, another reading of the same event. The reading by the newer mapping counts. Of
    two readings by one mapping, one that is not a withdrawal counts; of two that differ only in the times of their envelopes,
    the one with the earlier time; then one with a currency, the first by the alphabet.
    """
    return reading_order(event) < reading_order(other)


def reading_order(event):
    gone = is_withdrawn(event)
    return (-event.get('mappingVersion', 0), gone, () if gone else (time_order(event), currency_order(event)))


def time_order(event):
    at = exact(event)
    return (at is None, at or 0, not event['timeUnreadable'], event['zoneAssumed'], event['occurredAtText'] or '')


def currency_order(event):
    currencies = [(event[name] or {}).get('currency') for name in AMOUNTS]
    return [(currency is None, currency or '') for currency in currencies]


def to_ms(text):
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1) if text else 0


class RawCallbacks:
    """An independent reading of every record of raw."""

    def __init__(self, records, sources, findings):
        self.records = records
        self.readings = {}
        """The reading of each record."""
        self.said = {}
        """The expected event by callback, element and payment key."""
        bodies = {}
        for record in records:
            source = sources.get(record.headers.get('ce_source'))
            callback = record.headers.get('ce_id')
            if source is None or callback is None:
                findings.wrong(f'I1: raw {record.place} names no callback of a configured source')
                continue
            body = record.value or b''
            if bodies.setdefault(callback, (body, source['id'])) != (body, source['id']):
                findings.wrong(f'I1: raw {record.place} has the id of another callback, {callback}')
            received = record.headers.get('ce_time', '')
            shown = record.headers.get('paystatus_authentication', '')
            reading = read_callback(source['provider'], source['namespace'], source['currency'],
                                    record.headers.get('content-type', ''), body)
            self.readings[record] = reading
            for event in reading.events:
                self.said[callback, event['element'], event['paymentKey']] = {
                    **event, 'callbackId': callback, 'source': source['id'], 'provider': source['provider'],
                    'authenticity': shown.split(',') if shown else [],
                    'receivedAt': to_ms(received)}

    def distinct(self):
        """The record and reading that count, by identity. Records that are lost for good come last."""
        counting = {}
        is_gone = lambda record: isinstance(record, RemovedRecord) and not record.normalized
        for record, reading in sorted(self.readings.items(), key=lambda item: is_gone(item[0])):
            for event in reading.events:
                known = counting.setdefault(identity_of(event), (record, event))
                if counts_before(event, known[1]) and not is_gone(record):
                    counting[identity_of(event)] = (record, event)
        return counting


def judge_raw(told, raw, partitions, findings):
    """Raw holds every accepted callback, byte for byte, as often as it was accepted, and nothing that nobody sent."""
    found = Counter()
    for record in raw.records:
        sent = (record.headers.get('ce_source'), body_hash(record.value or b''))
        found[sent] += 1
        if sent not in told:
            findings.wrong(f'I1: raw {record.place} is a body that nobody sent')
        if partition_of(record.key, partitions) != record.partition:
            findings.wrong(f'raw {record.place} is not in the partition of its key')
    for sent, entry in told.items():
        if found[sent] < entry.accepted:
            findings.lost(f'I1: callback {entry.callback} was accepted {entry.accepted} times and is in raw '
                          f'{found[sent]} times ({entry.attempts} attempts)')


def judge_events(raw, events, dead_letters, committed, partitions, mappings, findings, redriven=False):
    """
    Every element of every callback is an event, a dead letter or set aside. `events` are pairs of record and decoded
    event, `committed` are the normalizer's offsets by partition. Events read by an older mapping may differ from the expected
    ones. After a redrive, an element that is an event may also have a dead letter.
    """
    published = set()
    identities = {identity_of(event) for _, event in events if not is_withdrawn(event)}
    received = {record.headers.get('ce_id') for record in raw.records}
    for record, event in events:
        name = (event['callbackId'], event['element'], event['paymentKey'])
        published.add(name)
        expected = raw.said.get(name)
        if not mappings.has_run(event):
            findings.wrong(f'I2: event {record.place} is of mapping version {event["mappingVersion"]}, which did not run')
        if is_withdrawn(event) or mappings.is_older(event):
            expected = {}
            if event['callbackId'] not in received:
                findings.wrong(f'I2: event {record.place} ({event["eventId"]}) names no callback in raw')
        if expected is None:
            findings.wrong(f'I2: event {record.place} ({event["eventId"]}) is in no callback')
            continue
        for field in expected.keys() - {'naturalKey'}:
            if expected[field] != event[field]:
                findings.wrong(f'I2: {field} of event {record.place} is not what callback {event["callbackId"]} says')
        if record.key.decode() != event['paymentKey'] or partition_of(record.key, partitions) != record.partition:
            findings.wrong(f'event {record.place} is not under its key, or not in the partition of its key')
    put_aside, explained = defaultdict(list), defaultdict(list)
    for record in dead_letters:
        put_aside[tuple(record.headers.get(f'dlq_{part}') for part in ('partition', 'offset', 'element'))].append(record)
    for record, reading in raw.readings.items():
        missing = missing_of(record, committed, findings)
        for event in reading.events:
            name = (record.headers['ce_id'], event['element'], event['paymentKey'])
            # Reprocessing publishes a missing event once, however many callbacks report it.
            if name not in published and not (mappings.had_older and identity_of(event) in identities):
                missing(f'I2: element {event["element"]} of raw {record.place} is no event of {event["paymentKey"]}')
        dead = reading.dead_elements
        for element in elements_of(reading) if redriven else ():
            explained[str(record.partition), str(record.offset), element].append(record)
        for element in [None] if len(dead) > DEAD_LETTERS_APART_MAX else dead:
            place = (str(record.partition), str(record.offset), None if element is None else str(element))
            explained[place].append(record)
            letter = next((one for one in put_aside[place] if is_copy(one, record)), None)
            if letter is None:
                missing(f'I2: element {element} of raw {record.place} is no dead letter ({dead.get(element)})')
            elif element in dead and letter.headers.get('dlq_reason') != dead[element]:
                findings.wrong(f'I2: element {element} of raw {record.place} is a dead letter for '
                               f'{letter.headers.get("dlq_reason")}, the rules say {dead[element]}')
        if not reading.events and not dead and reading.set_aside == 0:
            findings.wrong(f'I2: raw {record.place} has no content at all')
    for place, letters in put_aside.items():
        if letters and not explained[place]:
            findings.wrong(f'I2: there is a dead letter for element {place[2]} of raw {place[0]}/{place[1]}, which is not wrong')
        elif not all(any(is_copy(letter, record) for record in explained[place]) for letter in letters):
            findings.wrong(f'I2: the dead letter of raw {place[0]}/{place[1]} is not the record as it was')


def elements_of(reading):
    """The elements as dead letters name them. Many dead letters of one callback are combined into one without an element."""
    elements = {str(event['element']) for event in reading.events}
    return elements | {None} if len(elements) + len(reading.dead_elements) > DEAD_LETTERS_APART_MAX else elements


def missing_of(record, committed, findings):
    """The kind of finding if a result of a raw record is missing."""
    if isinstance(record, RemovedRecord):
        return findings.lost if record.normalized else findings.gone
    # A record beyond the committed offset is not lost: it has only not been processed in time.
    return findings.lost if record.offset < committed.get(record.partition, 0) else findings.late


def is_copy(letter, record):
    return (letter.value or b'', letter.key) == (record.value or b'', record.key)


def judge_ids(events, findings):
    """
    Ids and statements are in bijection: equal ids mean that the provider said the same, and vice versa. Within one mapping version,
    equal ids also mean equal content.
    """
    statement_of_id, id_of_statement, content_of_id = {}, {}, {}
    for record, event in events:
        event_id, statement = event['eventId'], statement_of(event)
        is_another = statement_of_id.setdefault(event_id, statement) != statement
        if not is_withdrawn(event):
            identity = identity_of(event)
            is_another |= content_of_id.setdefault((event_id, event['mappingVersion']), identity) != identity
        if is_another:
            findings.wrong(f'I3: event {record.place} has the id of another event, {event_id}')
        known = id_of_statement.setdefault(statement, event_id)
        if known != event_id:
            findings.wrong(f'I3: event {record.place} has two ids, {known} and {event_id}')
