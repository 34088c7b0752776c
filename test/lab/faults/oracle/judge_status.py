"""From `events` to `changes` and `current`: each distinct event once, in gapless versions, as folded (I3, I4, I5)."""

from collections import defaultdict
from datetime import datetime

from due import overdue_at
from fold import FINALITY, fold, is_withdrawn, verdict_of
from judge_callbacks import counts_before, identity_of, missing_of, time_order
from murmur2 import partition_of
from weight import fills_history

EVENT_BYTES_MAX = 7_000
STATE_BYTES_MAX = 128 * 1024
DETAILS = ['kind', 'relatesTo', 'endToEndId', 'references', 'rail', 'direction', 'clearingSystem', 'requestedExecutionDate',
           'valueDate', 'amount', 'requestAmount', 'fxAppliedRate', 'gpiStatus', 'reasons', 'holdReason', 'rejectedBy',
           'children', 'decidedBy']


def judge_once(raw, events, changes, dead_letters, committed, partitions, findings):
    """
    Each distinct event either has exactly one record in `changes`, not counting the records of replaced readings, or is a dead
    letter. There are no other records.
    """
    distinct = raw.distinct()
    published = distinct.keys() | {identity_of(event) for _, event in events}
    places, last = {}, {}
    for record, change in changes:
        if change['event'] is not None:
            # A forgotten payment may receive all its events again.
            name = (change['paymentKey'], change['incarnation'], change['event']['eventId'])
            if name in places and change['verdict'] not in ('RESTATED', 'WITHDRAWN'):
                findings.duplicated(f'I3: event {change["event"]["eventId"]} of {change["paymentKey"]} is in changes '
                                    f'twice, {places[name]} and {record.place}')
            places.setdefault(name, record.place)
            last[name] = (record, change['event'])
            if identity_of(change['event']) not in published:
                findings.wrong(f'I3: change {record.place} tells of a reading that nobody published')
        if record.key.decode() != change['paymentKey'] or partition_of(record.key, partitions) != record.partition:
            findings.wrong(f'change {record.place} is not under its key, or not in the partition of its key')
    seen = {identity_of(event) for _, event in last.values() if not is_withdrawn(event)}
    for record, event in last.values():
        if not is_withdrawn(event) and identity_of(event) not in distinct:
            findings.wrong(f'I3: the event of change {record.place} is in no callback')
    put_aside = {identity_of(event) for _, event in dead_letters if event is not None}
    for identity, (record, event) in distinct.items():
        if identity not in seen and identity not in put_aside:
            missing = missing_of(record, committed, findings)
            missing(f'I3: element {event["element"]} of raw {record.place}, an event of {event["paymentKey"]}, '
                    'has no record in changes and no dead letter')
        if identity in seen and identity in put_aside:
            findings.wrong(f'I3: an event of {event["paymentKey"]} is in changes and is a dead letter')
    return distinct


def judge_outcomes(events, changes, dead_letters, committed, findings):
    """No offset is committed before its outcome: every event below it is in `changes` or is a dead letter."""
    decided = {change['event']['eventId'] for _, change in changes if change['event'] is not None}
    places = {(record.headers.get('dlq_partition'), record.headers.get('dlq_offset')) for record, _ in dead_letters}
    for record, event in events:
        if record.offset < committed.get(record.partition, 0) and event['eventId'] not in decided:
            if (str(record.partition), str(record.offset)) not in places:
                findings.lost(f'I3: event {record.place} is below the committed offset and has no outcome')


def judge_dead_letters(events, changes, dead_letters, findings):
    """An event may only become a dead letter for a reason that it shows, and unchanged; otherwise it is lost."""
    at = {(str(record.partition), str(record.offset)): record for record, _ in events}
    told = defaultdict(dict)
    for _, change in changes:
        if change['event'] is not None:
            told[change['paymentKey']][change['event']['eventId']] = change['event']
    for record, event in dead_letters:
        reason = record.headers.get('dlq_reason')
        reasons = {
            'undecodable': event is None,
            'key-mismatch': event is not None and record.key.decode(errors='replace') != event['paymentKey'],
            'too-large': len(record.value or b'') > EVENT_BYTES_MAX,
            'history-full': event is not None and fills_history([*told[event['paymentKey']].values(), event]),
        }
        if not reasons.get(reason, False):
            findings.lost(f'I3: event dead letter {record.place} is a dead letter for {reason}, which it does not show')
        of = at.get((record.headers.get('dlq_partition'), record.headers.get('dlq_offset')))
        if of is not None and (of.key, of.value) != (record.key, record.value):
            findings.wrong(f'I3: event dead letter {record.place} is not event {of.place} byte for byte')
        if of is None and event is not None:
            findings.wrong(f'I3: event dead letter {record.place} belongs to no existing event')


REPAIRED = 'paystatus_repaired'
"""Header of a change that was republished because the topic had lost it: the time, ISO 8601 with a zone."""


def in_order_of_steps(changes, repair_was_run, findings):
    """
    The changes in the order of the log, except that each republished one comes before the first later version of its payment:
    its position before it was lost.
    """
    repaired = {}
    for record, change in changes:
        if REPAIRED in record.headers:
            if not repair_was_run:
                findings.wrong(f'change {record.place} has the header {REPAIRED}, but no repair was run')
            if not is_time(record.headers[REPAIRED]):
                findings.wrong(f'change {record.place} has {record.headers[REPAIRED]!r} in {REPAIRED}, which is not a time with a zone')
            repaired.setdefault(change['paymentKey'], []).append((record, change))
    for lost in repaired.values():
        lost.sort(key=lambda item: step_of(item[1]), reverse=True)
    ordered = []
    for record, change in changes:
        if REPAIRED not in record.headers:
            lost = repaired.get(change['paymentKey'], [])
            while lost and step_of(lost[-1][1]) < step_of(change):
                ordered.append(lost.pop())
            ordered.append((record, change))
    return ordered + [item for lost in repaired.values() for item in reversed(lost)]


def step_of(change):
    return change['incarnation'], change['statusVersion']


def is_time(text):
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


class Payment:
    """One life of a payment, according to its changes so far."""

    def __init__(self):
        self.versions = 0
        self.events = []
        self.folded = None
        self.history = []
        self.was_full = False


def judge_changes(changes, forgotten, natural_key_of, findings):
    """
    Compares every record with the fold of the distinct events up to it. Returns the expected state of every (payment key,
    incarnation, version). `forgotten`: payments with a tombstone; only these may begin another life.
    """
    lives, newest, steps = {}, {}, {}
    for record, change in changes:
        key, incarnation = change['paymentKey'], change['incarnation']
        where = f'{key} v{change["statusVersion"]} (change {record.place})'
        if newest.setdefault(key, incarnation) > incarnation:
            findings.wrong(f'I4: {where} belongs to a former life of the payment')
        elif newest[key] < incarnation and key not in forgotten:
            findings.wrong(f'I4: {where} starts another incarnation of a payment that was never forgotten')
        newest[key] = max(newest[key], incarnation)
        life = lives.setdefault((key, incarnation), Payment())
        before = life.folded
        life.versions += 1
        if change['statusVersion'] != life.versions:
            findings.wrong(f'I4: {where} appears where version {life.versions} was expected')
            life.versions = change['statusVersion']
        event = change['event']
        if event is None:
            if (change['verdict'], change['rule']) != ('OVERDUE', 'overdue') or change['overdueSince'] is None:
                findings.wrong(f'I5: {where} has no event and is not overdue')
            if before is None:
                findings.wrong(f'I5: {where} is overdue before its first event')
                continue
        else:
            known = next((known for known in life.events if known['eventId'] == event['eventId']), None)
            event = {**event, 'naturalKey': natural_key_of(event)}
            if known is None:
                verdict = verdict_of(before, event, life.events)
            elif counts_before(event, known):
                # A duplicate by a newer mapping increases the version of the known reading without a record.
                version_before = change['mappingVersionBefore']
                if version_before is None or not known['mappingVersion'] <= version_before <= event['mappingVersion']:
                    findings.wrong(f'I5: {where} replaces mapping version {version_before}, it was {known["mappingVersion"]}')
                    version_before = known['mappingVersion']
                verdict = verdict_on_reading({**known, 'mappingVersion': version_before}, event)
                life.events.remove(known)
                life.history = [entry for entry in life.history if entry[0] != known['eventId']]
            else:
                if change['verdict'] in ('RESTATED', 'WITHDRAWN'):
                    findings.duplicated(f'I3: {where} replaces a reading that counts before it')
                # The duplicate was already reported; the fold includes the event once.
                continue
            if (change['verdict'], change['rule']) != verdict:
                findings.wrong(f'I5: {where} says {change["verdict"]} by {change["rule"]}, the rules {" by ".join(verdict)}')
            life.events.append(event)
            life.folded = fold(life.events)
            life.was_full = life.was_full or fills_history(life.events)
            life.history.append((event['eventId'], change['verdict'], change['rule'], change['statusVersion'],
                                 change['statusAfter']))
        judge_step(where, change, before, life, findings)
        steps[key, incarnation, change['statusVersion']] = (change, life.folded, list(life.history), REPAIRED in record.headers,
                                                            life.was_full)
    return steps


def verdict_on_reading(known, event):
    """The verdict on a reading that replaces another one, with its rule."""
    if is_withdrawn(event):
        return 'WITHDRAWN', 'no-longer-read'
    if is_withdrawn(known):
        return 'RESTATED', 'read-again'
    if event['mappingVersion'] > known['mappingVersion']:
        return 'RESTATED', 'newer-mapping'
    is_earlier = event['occurredAt'] is not None and time_order(event) != time_order(known)
    return 'RESTATED', 'earlier-time' if is_earlier else 'other-content'


def judge_step(where, change, before, life, findings):
    folded = life.folded
    if change['statusAfter'] != folded['status']:
        findings.wrong(f'I5: {where} says {change["statusAfter"]}, the fold of its events {folded["status"]}')
    status_before = None if before is None else before['status']
    if change['statusBefore'] != status_before:
        findings.wrong(f'I5: {where} has statusBefore {change["statusBefore"]}, the fold before it is {status_before}')
    if change['statusChanged'] != (change['statusBefore'] != change['statusAfter']):
        findings.wrong(f'I5: {where} has the wrong statusChanged, {change["statusChanged"]}')
    if change['finality'] != FINALITY.get(change['statusAfter'], 'OPEN'):
        findings.wrong(f'I5: {where} says {change["finality"]} of {change["statusAfter"]}')
    if sorted(change['attention']) != folded['attention']:
        findings.wrong(f'I5: {where} asks attention for {change["attention"]}, the fold for {folded["attention"]}')
    # Beyond the bound, details of dropped events may be missing.
    if not life.was_full:
        for field in ('kind', 'relatesTo', 'endToEndId'):
            if change[field] != folded[field]:
                findings.wrong(f'I5: {field} of {where} is {change[field]}, by the fold {folded[field]}')


def judge_last(raw, distinct, steps, findings):
    """The last status of a payment is the fold of all its distinct events in another order, read from the callbacks."""
    last, incarnations, of_payment = {}, {}, {}
    for (key, incarnation, version), (change, *_) in steps.items():
        incarnations.setdefault(key, set()).add(incarnation)
        if (incarnation, version) >= last.get(key, (0, 0)):
            last[key] = (incarnation, version)
        event = change['event']
        if event is not None:
            said = raw.said.get((event['callbackId'], event['element'], event['paymentKey']))
            # Skip readings that were replaced or withdrawn; the reading that counts has a step of its own.
            if said is not None and identity_of(said) == identity_of(event) and not is_withdrawn(event):
                counting = distinct[identity_of(said)][1] if identity_of(said) in distinct else said
                of_payment.setdefault(key, {})[event['eventId']] = {**counting, 'eventId': event['eventId']}
    for key, events in of_payment.items():
        if len(incarnations[key]) > 1:
            continue
        folded = fold([*events.values()][::-1])
        change = steps[key, *last[key]][0]
        mine = (folded['status'], folded['attention'])
        theirs = (change['statusAfter'], sorted(change['attention']))
        if mine != theirs:
            findings.wrong(f'I5: {key} ends as {theirs}, the fold of all that the callbacks say is {mine}')


def moves_along(before, after):
    """
    Whether only mapping versions or the number of events left out increased: a newer mapping read known events with the same
    result, or the full history refused an event. Neither is a step.
    """
    def versions(state):
        return [recorded['event']['mappingVersion'] for recorded in state['events']]

    def rest(state):
        events = [{**recorded, 'event': {**recorded['event'], 'mappingVersion': 0}} for recorded in state['events']]
        return {**state, 'events': events, 'eventsLeftOut': 0}

    counted = after['eventsLeftOut'] - before['eventsLeftOut']
    return (rest(before) == rest(after) and (versions(before) != versions(after) or counted > 0) and counted >= 0
            and all(was <= now for was, now in zip(versions(before), versions(after))))


CLOCK_SKEW_MS = 48 * 3_600_000
"""How far the clock of a processor may be ahead."""


def judge_current(currents, steps, policy, now, findings):
    """
    Every record of `current` is the state of the payment at its version, and the last one at the last version: the two
    topics are written atomically. `currents` are pairs of record and decoded state (None: forgotten).
    """
    last_change = {}
    for key, incarnation, version in steps:
        last_change[key] = max(last_change.get(key, (0, 0)), (incarnation, version))
    newest, states, last = {}, {}, {}
    for record, state in currents:
        key = record.key.decode()
        if state is None:
            if key in last and last[key]['touchedAt'] + policy['retentionMs'] > now + CLOCK_SKEW_MS:
                findings.wrong(f'I4: current {record.place} removes {key}, which is not due to be forgotten')
            states[key] = None
            continue
        before = last.get(key)
        last[key] = state
        if len(record.value) > STATE_BYTES_MAX:
            findings.wrong(f'I10: current {record.place} has {len(record.value)} bytes')
        pair = (state['incarnation'], state['statusVersion'])
        where = f'current {record.place}, {key} v{state["statusVersion"]},'
        if pair <= newest.get(key, (0, 0)) and not (before and moves_along(before, state)):
            findings.wrong(f'I4: {where} does not come after v{newest[key][1]}')
        newest[key] = max(pair, newest.get(key, pair))
        states[key] = pair
        if state['paymentKey'] != key:
            findings.wrong(f'I4: {where} is the state of another payment')
        step = steps.get((key, *pair))
        if step is None:
            findings.wrong(f'I4: {where} is torn: changes has no such version')
            continue
        judge_state(where, state, step, findings)
        judge_overdue(where, state, step, policy['nextStatusWithin'], findings)
    for key, pair in last_change.items():
        if key not in states:
            findings.wrong(f'I4: {key} is torn: changes has it at v{pair[1]} and current has it not')
        elif states[key] is not None and states[key] != pair:
            findings.wrong(f'I4: {key} is torn: changes has it at v{pair[1]}, current at v{states[key][1]}')


def judge_overdue(where, state, step, within, findings):
    """A payment is overdue only in a status that has a deadline, and not before it, by the clock of the reporting processor."""
    change, _, _, is_repaired, _ = step
    since = state['overdueSince']
    # A repair that cannot know when a payment became overdue uses the time of the next step.
    is_later = is_repaired and since is not None and (change['overdueSince'] or 0) > since
    if since != change['overdueSince'] and change['event'] is None and not is_later:
        findings.wrong(f'I4: {where} is overdue since {since}; changes says since {change["overdueSince"]}')
    if since is None:
        return
    at = overdue_at(state, within)
    if at is None or since < at:
        findings.wrong(f'{where} is reported overdue at {since}; by the settings it is at {at}')


def judge_state(where, state, step, findings):
    change, folded, history, _, was_full = step
    if state['status'] != change['statusAfter'] or state['status'] != folded['status']:
        findings.wrong(f'I4: {where} is {state["status"]}; changes says {change["statusAfter"]}, the fold {folded["status"]}')
    if sorted(state['attention']) != folded['attention']:
        findings.wrong(f'I5: {where} asks attention for {state["attention"]}, the fold for {folded["attention"]}')
    if state['finality'] != FINALITY.get(state['status'], 'OPEN'):
        findings.wrong(f'I5: {where} says {state["finality"]} of {state["status"]}')
    if was_full:
        return
    if state['eventsLeftOut'] != 0 or any(one['detailsDropped'] for one in state['events']):
        findings.wrong(f'I10: {where} lacks events or details, but its history is not full')
    for field in DETAILS:
        if state[field] != folded[field]:
            findings.wrong(f'I5: {field} of {where} is not that of the fold')
    recorded = [(one['event']['eventId'], one['verdict'], one['rule'], one['statusVersion'], one['statusAfter'])
                for one in state['events']]
    if recorded != history:
        findings.wrong(f'I5: {where} does not hold the events that changes tells of, with their verdicts')
