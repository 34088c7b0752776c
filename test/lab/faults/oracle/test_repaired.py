"""Republished changes, and raw records that are lost for good."""

import unittest

from evidence import Record, RemovedRecord, not_in
from findings import Findings
from judge_callbacks import RawCallbacks, judge_events, missing_of
from judge_status import in_order_of_steps
from mappings import Mappings

REPAIRED_AT = '2026-11-28T12:00:00.000Z'


def change(version, offset, repaired_at=None, key='x:P', incarnation=1):
    headers = {} if repaired_at is None else {'paystatus_repaired': repaired_at}
    return Record(0, offset, key.encode(), b'', headers), {'paymentKey': key, 'incarnation': incarnation, 'statusVersion': version}


def versions(changes):
    return [(one['incarnation'], one['statusVersion']) for _, one in changes]


class RepairedChanges(unittest.TestCase):
    def order(self, changes, repair_was_run=True):
        self.findings = Findings()
        return versions(in_order_of_steps(changes, repair_was_run, self.findings))

    def test_i4_a_repaired_change_stands_where_it_was_lost(self):
        changes = [change(1, 0), change(4, 1), change(3, 2, REPAIRED_AT), change(2, 3, REPAIRED_AT), change(5, 4, REPAIRED_AT)]
        self.assertEqual(self.order(changes), [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)])
        self.assertEqual(self.findings.found, [])

    def test_i4_only_repaired_changes_move(self):
        self.assertEqual(self.order([change(2, 0), change(1, 1), change(3, 2, REPAIRED_AT)]), [(1, 2), (1, 1), (1, 3)])

    def test_i4_a_repaired_change_beside_its_original_counts_twice(self):
        self.assertEqual(self.order([change(1, 0), change(1, 1, REPAIRED_AT), change(2, 2)]), [(1, 1), (1, 1), (1, 2)])

    def test_a_repair_of_another_payment_moves_nothing(self):
        changes = [change(2, 0), change(1, 1, REPAIRED_AT, key='x:Q')]
        self.assertEqual(self.order(changes), [(1, 2), (1, 1)])

    def test_a_repaired_change_without_a_repair_is_wrong(self):
        self.order([change(1, 0, REPAIRED_AT)], repair_was_run=False)
        self.assertEqual([one['kind'] for one in self.findings.found], ['wrong'])

    def test_the_header_is_a_time_with_a_zone(self):
        for text in ('', 'yes', '2026-11-28T12:00:00'):
            self.order([change(1, 0, text)])
            self.assertEqual([one['kind'] for one in self.findings.found], ['wrong'], text)


SOURCE = {'id': 's', 'provider': 'jpm-global-payments-v1', 'namespace': 'x', 'currency': None}


class DeletedEvents(unittest.TestCase):
    def test_i2_a_record_of_a_recreated_topic_does_not_hide_the_deleted_one_at_its_offset(self):
        deleted = Record(0, 7, b'x:P', b'first', {})
        self.assertEqual(not_in([Record(0, 7, b'x:Q', b'first', {})], [deleted]), [deleted])
        self.assertEqual(not_in([Record(0, 7, b'x:P', b'second', {})], [deleted]), [deleted])
        self.assertEqual(not_in([Record(0, 7, b'x:P', b'first', {})], [deleted]), [])
        self.assertEqual(not_in([], [deleted]), [deleted])


class RemovedRaw(unittest.TestCase):
    headers = {'ce_source': 's', 'ce_id': 'c', 'content-type': 'application/json', 'ce_time': '2026-11-28T12:00:00Z'}

    def judged(self, records, dead_letters):
        findings = Findings()
        raw = RawCallbacks(records, {'s': SOURCE}, findings)
        judge_events(raw, [], dead_letters, {0: 100}, 1, Mappings({}, False), findings)
        return [one['kind'] for one in findings.found], findings.gone_for_good

    def removed(self, normalized):
        return RemovedRecord(0, 7, b'k', b'not json', self.headers, normalized)

    def test_i2_a_record_that_was_normalized_before_its_removal_must_have_results(self):
        self.assertEqual(self.judged([self.removed(True)], []), (['lost'], 0))

    def test_i2_a_record_that_was_not_normalized_may_be_lost(self):
        self.assertEqual(self.judged([self.removed(False)], []), ([], 1))

    def test_i2_a_new_record_at_the_offset_of_a_removed_one_has_its_own_dead_letter(self):
        new = Record(0, 7, b'k', b'also not json', {**self.headers, 'ce_id': 'd'})
        place = {'dlq_partition': '0', 'dlq_offset': '7', 'dlq_reason': 'not-json'}
        raw = RawCallbacks([self.removed(False), new], {'s': SOURCE}, Findings())
        (element, reason), = raw.readings[new].dead_elements.items()
        place |= {'dlq_reason': reason} | ({} if element is None else {'dlq_element': str(element)})
        letter = Record(0, 0, b'k', b'also not json', place)
        self.assertEqual(self.judged([self.removed(False), new], [letter]), ([], 1))
        self.assertEqual(self.judged([self.removed(False), new], []), (['lost'], 1))
        other = Record(0, 0, b'k', b'neither', place)
        self.assertEqual(self.judged([self.removed(False), new], [other]), (['lost', 'wrong'], 1))

    def test_a_missing_result_is_lost_below_the_committed_offset_and_otherwise_late(self):
        findings = Findings()
        there = Record(0, 7, b'k', b'', {})
        self.assertEqual(missing_of(there, {0: 8}, findings), findings.lost)
        self.assertEqual(missing_of(there, {0: 7}, findings), findings.late)


if __name__ == '__main__':
    unittest.main()
