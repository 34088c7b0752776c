"""When a history is full (I10)."""

import unittest

from evidence import Record
from findings import Findings
from judge_status import judge_dead_letters
from weight import TEXTS, fills_history, weight_of


def event(number, **said):
    empty = dict.fromkeys(TEXTS)
    return {**empty, 'eventId': str(number), 'paymentKey': 'x:P', 'amount': None, 'requestAmount': None, 'references': [],
            'reasons': [], 'unreadable': [], 'childKey': None, **said}


class Weights(unittest.TestCase):
    def test_i10_a_history_has_256_places(self):
        events = [event(number) for number in range(257)]
        self.assertFalse(fills_history(events[:256]))
        self.assertTrue(fills_history(events))

    def test_i10_a_large_event_takes_several_places(self):
        events = [event(number, sourceAction='x' * 3_581) for number in range(26)]
        self.assertEqual(weight_of(events[0]), 3_840)
        self.assertFalse(fills_history(events[:25]))
        self.assertTrue(fills_history(events))

    def test_every_text_counts_in_utf_8(self):
        base = weight_of(event(1, sourceAction='x' * 1_000))
        amount = {'value': '1', 'currency': None}
        reason = {'scheme': 'ISO', 'code': 'AC04', 'rule': None, 'location': None, 'field': 'f'}
        for said, more in [({'endToEndId': 'é'}, 2), ({'rail': '振'}, 3), ({'amount': amount}, 5), ({'reasons': [reason]}, 20),
                           ({'references': [{'type': 'uetr', 'value': '1'}]}, 9), ({'unreadable': ['a']}, 3),
                           ({'childKey': 'x:C', 'amount': amount}, 3 + 48 + 3 + 2 * 5)]:
            self.assertEqual(weight_of(event(1, sourceAction='x' * 1_000, **said)) - base, more, said)

    def test_an_event_is_refused_only_by_a_full_history(self):
        def letter(count):
            findings = Findings()
            changes = [(None, {'paymentKey': 'x:P', 'event': event(number)}) for number in range(count)]
            refused = Record(0, 7, b'x:P', b'', {'dlq_reason': 'history-full', 'dlq_partition': '0', 'dlq_offset': '7'})
            judge_dead_letters([(refused, event('refused'))], changes, [(refused, event('refused'))], findings)
            return len(findings.found)
        self.assertEqual([letter(255), letter(256)], [1, 0])


if __name__ == '__main__':
    unittest.main()
