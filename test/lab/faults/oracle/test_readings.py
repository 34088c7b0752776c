"""Several readings of one event: by newer mappings, and withdrawn."""

import itertools
import json
import unittest

from callbacks import blank
from evidence import Record
from findings import Findings
from fold import fold
from judge_callbacks import RawCallbacks, counts_before, elements_of, identity_of, judge_events, judge_ids
from judge_status import judge_changes, judge_current, judge_last, judge_once, verdict_on_reading
from mappings import Mappings

SOURCE = {'id': 's', 'provider': 'jpm-global-payments-v1', 'namespace': 'x', 'currency': None}
BODY = {'callbacks': [{'firmRootId': 'P', 'paymentStatus': 'COMPLETED', 'createDateTime': '2026-01-05T08:00:00.000Z'}]}
RAW = Record(0, 0, b'x:p', json.dumps(BODY).encode(),
             {'ce_source': 's', 'ce_id': 'c', 'content-type': 'application/json', 'ce_time': '2026-11-28T12:00:00Z'})


def reading(version, **fields):
    """What the only callback says, as a mapping of this version reads it."""
    raw = RawCallbacks([RAW], {'s': SOURCE}, Findings())
    (said,) = raw.said.values()
    return {**said, 'eventId': 'e', 'naturalKey': 'n', 'mappingVersion': version, 'withdrawn': False, **fields}


WRONG = reading(1, status='UNKNOWN', unknownBecause='STATUS')
RIGHT = reading(2)
ELSEWHERE = reading(1, eventId='f', paymentKey='x:Q')
GONE = {**ELSEWHERE, 'mappingVersion': 2, 'withdrawn': True}


def steps_of(*steps):
    """Changes of one payment, with consistent statuses: (event, verdict, rule, version before)."""
    changes, events, before = [], {}, None
    for version, (event, verdict, rule, mapping_before) in enumerate(steps, 1):
        events[event['eventId']] = event
        folded = fold(list(events.values()))
        changes.append((Record(0, version, event['paymentKey'].encode(), b'', {}), {
            'paymentKey': event['paymentKey'], 'incarnation': 1, 'statusVersion': version, 'verdict': verdict, 'rule': rule,
            'statusBefore': before, 'statusAfter': folded['status'], 'statusChanged': before != folded['status'],
            'finality': folded['finality'], 'kind': folded['kind'], 'relatesTo': folded['relatesTo'],
            'endToEndId': folded['endToEndId'], 'attention': folded['attention'], 'overdueSince': None,
            'mappingVersionBefore': mapping_before, 'event': event}))
        before = folded['status']
    return changes


FIRST_WRONG = (WRONG, 'UNKNOWN', 'unknown-event', None)
RESTATED = (RIGHT, 'RESTATED', 'newer-mapping', 1)
FIRST_ELSEWHERE = (ELSEWHERE, 'APPLIED', 'first-event', None)
WITHDRAWN = (GONE, 'WITHDRAWN', 'no-longer-read', 1)


class Readings(unittest.TestCase):
    def judged(self, changes, events=(RIGHT,), newest=2, had_older=True):
        """Kinds of the findings about these changes, and about these records of events."""
        findings = Findings()
        raw = RawCallbacks([RAW], {'s': SOURCE}, findings)
        records = [(Record(0, at, event['paymentKey'].encode(), b'', {}), event) for at, event in enumerate(events)]
        judge_events(raw, records, [], {0: 1}, 1, Mappings({'jpm-global-payments-v1': newest}, had_older), findings)
        judge_ids([*records, *((record, change['event']) for record, change in changes)], findings)
        distinct = judge_once(raw, records, changes, [], {0: 1}, 1, findings)
        judge_last(raw, distinct, judge_changes(changes, set(), lambda event: event['naturalKey'], findings), findings)
        return [one['kind'] for one in findings.found]

    def test_i5_one_reading_counts_in_any_order(self):
        other_time = reading(2, occurredAt=1, occurredAtText=None, occurredAtPrecision='MILLISECOND')
        withdrawn = {**RIGHT, 'withdrawn': True}
        descending = [reading(3), {**WRONG, 'mappingVersion': 3, 'withdrawn': True}, other_time, RIGHT, withdrawn, WRONG]
        for a, b in itertools.combinations(descending, 2):
            self.assertEqual((True, False), (counts_before(a, b), counts_before(b, a)))
        self.assertFalse(counts_before(withdrawn, {**withdrawn, 'occurredAt': None}))
        self.assertFalse(counts_before({**withdrawn, 'occurredAt': None}, withdrawn))

    def test_i5_what_the_id_does_not_cover_has_an_order(self):
        untimed = reading(2, occurredAt=None, occurredAtText=None, occurredAtPrecision='NONE', zoneAssumed=False)
        of = lambda currency: {**untimed, 'amount': {'value': '50.00', 'currency': currency}}
        descending = [{**of(None), 'timeUnreadable': True}, of('BRL'), of('USD'), of(None)]
        self.assertEqual(1, len({identity_of({**event, 'timeUnreadable': False}) for event in descending}))
        for a, b in itertools.combinations(descending, 2):
            self.assertEqual((True, False), (counts_before(a, b), counts_before(b, a)))
            self.assertEqual(('RESTATED', 'other-content'), verdict_on_reading(b, a))

    def test_a_withdrawn_event_has_no_effect(self):
        report = {**blank('x:P'), **RIGHT, 'eventId': 'r', 'childKey': 'x:R'}
        whole = fold([RIGHT, report])
        self.assertEqual(('COMPLETED', ['x:R']), (whole['status'], [child['paymentKey'] for child in whole['children']]))
        rest = fold([{**RIGHT, 'withdrawn': True}, {**report, 'withdrawn': True}])
        self.assertEqual(('UNKNOWN', None, [], []), tuple(rest[name] for name in ('status', 'decidedBy', 'attention', 'children')))

    def test_i3_a_newer_mapping_restates_once(self):
        self.assertEqual([], self.judged(steps_of(FIRST_WRONG, RESTATED), [WRONG, RIGHT]))
        self.assertIn('duplicated', self.judged(steps_of(FIRST_WRONG, RESTATED, RESTATED), [WRONG, RIGHT]))
        # An older reading must not replace a newer one.
        back = steps_of((RIGHT, 'APPLIED', 'first-event', None), (WRONG, 'RESTATED', 'newer-mapping', 2))
        self.assertIn('duplicated', self.judged(back, [WRONG, RIGHT]))

    def test_i3_what_was_read_wrongly_and_not_restated_is_lost(self):
        self.assertEqual({'wrong', 'lost'}, set(self.judged(steps_of(FIRST_WRONG), [WRONG])))
        self.assertEqual({'wrong', 'lost'}, set(self.judged(steps_of(FIRST_WRONG), [WRONG, RIGHT])))

    def test_i5_a_restatement_names_its_rule_and_the_version_before(self):
        self.assertEqual([], self.judged(steps_of(FIRST_WRONG, (RIGHT, 'RESTATED', 'newer-mapping', 1)), [WRONG, RIGHT]))
        for wrong in ((RIGHT, 'RESTATED', 'earlier-time', 1), (RIGHT, 'APPLIED', 'status-changed', 1),
                      (RIGHT, 'RESTATED', 'newer-mapping', None), (RIGHT, 'RESTATED', 'newer-mapping', 0)):
            with self.subTest(wrong[1:]):
                self.assertIn('wrong', self.judged(steps_of(FIRST_WRONG, wrong), [WRONG, RIGHT]))

    def test_i3_an_event_that_no_callback_reports_is_withdrawn(self):
        right = steps_of((RIGHT, 'APPLIED', 'first-event', None))
        self.assertEqual([], self.judged([*right, *steps_of(FIRST_ELSEWHERE, WITHDRAWN)], [ELSEWHERE, RIGHT, GONE]))
        self.assertIn('wrong', self.judged([*right, *steps_of(FIRST_ELSEWHERE)], [ELSEWHERE, RIGHT]))
        self.assertIn('duplicated', self.judged([*right, *steps_of(FIRST_ELSEWHERE, WITHDRAWN, WITHDRAWN)],
                                                [ELSEWHERE, RIGHT, GONE]))
        # It may be withdrawn before it is known.
        self.assertEqual([], self.judged([*right, *steps_of((GONE, 'WITHDRAWN', 'no-longer-read', None))], [RIGHT, GONE]))

    def test_i3_an_event_that_a_callback_reports_is_not_withdrawn(self):
        withdrawal = {**RIGHT, 'mappingVersion': 3, 'withdrawn': True}
        steps = steps_of((RIGHT, 'APPLIED', 'first-event', None), (withdrawal, 'WITHDRAWN', 'no-longer-read', 2))
        self.assertIn('lost', self.judged(steps, [RIGHT, withdrawal], newest=3))
        again = steps_of((RIGHT, 'APPLIED', 'first-event', None), (withdrawal, 'WITHDRAWN', 'no-longer-read', 2),
                         (reading(3), 'RESTATED', 'read-again', 3))
        self.assertEqual([], self.judged(again, [RIGHT, withdrawal, reading(3)], newest=3))

    def test_i2_only_an_older_mapping_may_have_read_something_else(self):
        wrong = {**WRONG, 'mappingVersion': 2}
        self.assertIn('wrong', self.judged(steps_of((RIGHT, 'APPLIED', 'first-event', None)), [wrong, RIGHT]))
        invented = {**WRONG, 'callbackId': 'nobody'}
        self.assertIn('wrong', self.judged(steps_of((RIGHT, 'APPLIED', 'first-event', None)), [invented, RIGHT]))

    def test_i2_only_mappings_that_ran_read_callbacks(self):
        right = steps_of((RIGHT, 'APPLIED', 'first-event', None))
        self.assertEqual(['wrong'], self.judged(right, [reading(3), RIGHT]))
        self.assertEqual([], self.judged(right, [reading(1), RIGHT]))
        self.assertEqual(['wrong'], self.judged(right, [reading(1), RIGHT], had_older=False))
        first, gone = {**ELSEWHERE, 'mappingVersion': 0}, {**GONE, 'mappingVersion': 1}
        both = [*right, *steps_of((first, 'APPLIED', 'first-event', None), (gone, 'WITHDRAWN', 'no-longer-read', 0))]
        self.assertEqual(['wrong'], self.judged(both, [RIGHT, first, gone]))

    def test_i2_a_dead_letter_of_a_good_element_belongs_to_a_redrive(self):
        place = {'dlq_partition': '0', 'dlq_offset': '0', 'dlq_element': '0', 'dlq_reason': 'missing-status'}
        letter = Record(0, 0, RAW.key, RAW.value, place)
        for letters, events, redriven, expected in (([letter], [RIGHT], True, []), ([letter], [RIGHT], False, ['wrong']),
                                                    ([letter], [], True, ['lost']),
                                                    ([Record(0, 0, RAW.key, b'{}', place)], [RIGHT], True, ['wrong'])):
            findings = Findings()
            records = [(Record(0, at, event['paymentKey'].encode(), b'', {}), event) for at, event in enumerate(events)]
            judge_events(RawCallbacks([RAW], {'s': SOURCE}, findings), records, letters, {0: 1}, 1,
                         Mappings({'jpm-global-payments-v1': 2}, False), findings, redriven)
            self.assertEqual(expected, [one['kind'] for one in findings.found])

    def test_many_redriven_elements_of_one_callback_were_one_dead_letter(self):
        for count, expected in ((16, {str(at) for at in range(16)}), (17, {None, *(str(at) for at in range(17))})):
            body = json.dumps({'callbacks': BODY['callbacks'] * count}).encode()
            record = Record(0, 0, b'x:p', body, RAW.headers)
            self.assertEqual(expected, elements_of(RawCallbacks([record], {'s': SOURCE}, Findings()).readings[record]))

    def test_i4_only_a_payment_that_is_due_is_removed_from_current(self):
        now, retention = 1_800_000_000_000, 90 * 86_400_000
        for touched_at, count in ((now - 1_000, 1), (now - retention, 0)):
            findings = Findings()
            state = {'paymentKey': 'x:P', 'incarnation': 1, 'statusVersion': 1, 'touchedAt': touched_at}
            currents = [(Record(0, at, b'x:P', b'', {}), value) for at, value in enumerate((state, None))]
            judge_current(currents, {}, {'retentionMs': retention}, now, findings)
            self.assertEqual(count, sum('not due to be forgotten' in one['text'] for one in findings.found))

    def test_i2_what_reprocessing_publishes_once_may_be_said_by_several_callbacks(self):
        again = Record(0, 1, RAW.key, RAW.value, {**RAW.headers, 'ce_id': 'd'})
        published = [(Record(0, 0, b'x:P', b'', {}), RIGHT)]
        for had_older, events, expected in ((True, published, []), (False, published, ['lost']), (True, [], ['lost', 'lost'])):
            findings = Findings()
            judge_events(RawCallbacks([RAW, again], {'s': SOURCE}, findings), events, [], {0: 2}, 1,
                         Mappings({'jpm-global-payments-v1': 2}, had_older), findings)
            self.assertEqual(expected, [one['kind'] for one in findings.found])

    def test_i4_current_has_a_version_again_only_if_what_is_no_step_rose(self):
        def state(mapping_version, **fields):
            return {'paymentKey': 'x:P', 'incarnation': 1, 'statusVersion': 1, 'touchedAt': 0,
                    'events': [{'event': {'mappingVersion': mapping_version}}], 'eventsLeftOut': 0, **fields}

        for again, count in ((state(2), 0), (state(1), 1), (state(1, eventsLeftOut=1), 0), (state(0), 1), (state(2, touchedAt=1), 1)):
            findings = Findings()
            currents = [(Record(0, at, b'x:P', b'', {}), value) for at, value in enumerate((state(1), again))]
            judge_current(currents, {}, {'retentionMs': 1}, 0, findings)
            self.assertEqual(count, sum('does not come after' in one['text'] for one in findings.found))

    def test_i3_a_replaced_reading_was_published(self):
        self.assertEqual(['wrong'], self.judged(steps_of(FIRST_WRONG, RESTATED), [RIGHT]))

    def test_i3_one_id_is_one_statement_whatever_the_mapping(self):
        steps = steps_of((RIGHT, 'APPLIED', 'first-event', None))
        self.assertEqual([], self.judged(steps, [WRONG, RIGHT]))
        self.assertEqual({'wrong'}, set(self.judged(steps, [{**WRONG, 'sourceStatus': 'DONE'}, RIGHT])))
        self.assertEqual({'wrong'}, set(self.judged(steps, [{**WRONG, 'eventId': 'f'}, RIGHT])))


if __name__ == '__main__':
    unittest.main()
