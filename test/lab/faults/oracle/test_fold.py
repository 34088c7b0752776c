"""The oracle's fold of several events: which is later, and what follows if that is uncertain."""

import itertools
import unittest

from callbacks import blank
from fold import fold
from times import NoTime, NotATime, certainly_later, possibly_later, read_time


def event(status, text=None, **fields):
    """The id is the status and the time."""
    made = {**blank('x:P'), 'eventId': f'{status} {text}', 'status': status, 'occurredAt': None, 'occurredAtText': text,
            'occurredAtPrecision': 'NONE', 'zoneAssumed': False, 'timeUnreadable': False, 'unreadable': []}
    if text is not None:
        time = read_time(text)
        made |= {'occurredAt': time.ms, 'occurredAtPrecision': time.precision, 'zoneAssumed': time.zone_assumed}
    return made | fields


class Fold(unittest.TestCase):
    def folds(self, expected, *events):
        """In every order."""
        for order in itertools.permutations(events):
            state = fold(list(order))
            self.assertEqual(expected, (state['status'], *state['attention']))

    def test_digits_below_a_millisecond_count_and_zeros_do_not(self):
        early, late = event('A', '2026-03-01T19:17:05.2770143Z'), event('A', '2026-03-01T19:17:05.2779143Z')
        self.assertEqual((True, False), (certainly_later(late, early), possibly_later(early, late)))
        padded = event('A', '2026-03-01T19:17:05.277014300Z')
        self.assertEqual((False, False), (possibly_later(padded, early), possibly_later(early, padded)))
        self.folds(('SETTLED', 'released'), event('SETTLEMENT_FAILED', '2026-03-01T19:17:05.2770143Z'),
                   event('SETTLED', '2026-03-01T19:17:05.2779143Z'))

    def test_an_assumed_zone_releases_nothing(self):
        local = '2026-01-12T21:00:00.000'
        for text, released in (('2026-01-12T07:00:00Z', None), ('2026-01-13T01:30:00Z', False), ('2026-01-13T09:00:00Z', False),
                               ('2026-01-13T09:00:00.0000001Z', True)):
            with self.subTest(text):
                expected = (('PENDING_POSTING', 'released') if released else
                            ('BLOCKED',) if released is None else ('BLOCKED', 'time-uncertain'))
                if text == '2026-01-13T09:00:00Z':
                    self.assertFalse(certainly_later(event('A', text), event('A', local)))
                self.folds(expected, event('BLOCKED', local), event('PENDING_POSTING', text))

    def test_two_times_without_a_zone_share_one_zone(self):
        self.folds(('COMPLETED', 'released'), event('BLOCKED', '2026-01-12T21:00'), event('COMPLETED', '2026-01-12T21:01'))

    def test_a_date_alone_covers_its_whole_day(self):
        day, noon, next_day = event('A', '2026-01-12'), event('A', '2026-01-12T12:00'), event('A', '2026-01-13T00:00')
        self.assertEqual((False, True, False, True), (certainly_later(day, noon), possibly_later(day, noon),
                                                      certainly_later(noon, day), possibly_later(noon, day)))
        self.assertTrue(certainly_later(next_day, day))
        self.assertTrue(certainly_later(event('A', '2026-01-13T12:00Z'), day))
        self.assertFalse(certainly_later(event('A', '2026-01-13T11:59:59Z'), day))
        same = event('B', '2026-01-12')
        self.assertEqual((False, True), (certainly_later(same, day), possibly_later(same, day)))
        self.folds(('BLOCKED', 'time-uncertain'), event('BLOCKED', '2026-01-12'), event('PENDING_POSTING', '2026-01-12'))
        self.folds(('REJECTED', 'positive-after-final'), event('REJECTED', '2026-01-12'), event('COMPLETED', '2026-01-12'))

    def test_paid_and_final_at_the_same_time_get_attention(self):
        self.folds(('REJECTED', 'negative-after-positive'),
                   event('REJECTED', '2026-01-12T10:00Z'), event('COMPLETED', '2026-01-12T10:00Z'))

    def test_a_hold_stands_unless_something_is_certainly_later(self):
        self.folds(('PROCESSING',), event('ON_HOLD', '2026-01-12T10:00Z'), event('PROCESSING', '2026-01-12T11:00Z'))
        self.folds(('ON_HOLD', 'time-uncertain'), event('ON_HOLD', '2026-01-12T10:00'), event('PROCESSING', '2026-01-12T11:00Z'))
        self.folds(('ON_HOLD',), event('ON_HOLD', '2026-01-12T10:00Z'), event('PROCESSING', '2026-01-12T10:00Z'))
        self.folds(('ON_HOLD',), event('ON_HOLD'), event('PROCESSING'))
        self.folds(('SCHEDULED',), event('ON_HOLD'), event('SCHEDULED', '2026-01-12'))
        # Each hold has a later event, but not the same one.
        self.folds(('PROCESSING',), event('ON_HOLD', '2026-01-12T10:00'), event('ON_HOLD', '2026-01-12T03:00Z'),
                   event('PROCESSING', '2026-01-12T10:01'), event('PROCESSING', '2026-01-12T03:01Z'))

    def test_a_latest_event_that_depends_on_the_zone_is_uncertain(self):
        self.folds(('SCHEDULED', 'time-uncertain'), event('SCHEDULED', '2026-01-12T10:00'),
                   event('PROCESSING', '2026-01-12T09:00Z'))
        self.folds(('SETTLEMENT_FAILED', 'time-uncertain'), event('BLOCKED', '2026-01-12T09:00Z'),
                   event('SETTLEMENT_FAILED', '2026-01-12T10:00'))
        self.folds(('BLOCKED',), event('BLOCKED', '2026-01-12T09:00Z'), event('BLOCKED', '2026-01-12T10:00'))

    def test_an_event_with_a_stronger_event_at_the_same_time_decides_in_no_zone(self):
        self.folds(('PROCESSING',), event('PROCESSING', '2026-01-12T10:00'), event('PROCESSING', '2026-01-12T09:00Z'),
                   event('SCHEDULED', '2026-01-12T09:00Z'))

    def test_an_earliest_final_that_depends_on_the_zone_is_uncertain(self):
        self.folds(('REJECTED', 'contradictory-finals', 'time-uncertain'), event('REJECTED', '2026-01-12T09:00Z'),
                   event('CANCELED', '2026-01-12T10:00'))
        self.folds(('REJECTED', 'contradictory-finals'), event('REJECTED', '2026-01-12T09:00Z'),
                   event('CANCELED', '2026-01-13T10:00'))

    def test_contradictions_of_finals(self):
        final = event('REJECTED', '2026-01-12T10:00')
        self.folds(('REJECTED', 'positive-after-final'), final, event('COMPLETED', '2026-01-12T09:00Z'))
        self.folds(('REJECTED', 'negative-after-positive'), final, event('COMPLETED', '2026-01-11T09:00Z'))
        self.folds(('REJECTED', 'positive-after-final'), final, event('COMPLETED'))
        self.folds(('RETURNED', 'positive-after-final'), event('RETURNED', '2026-01-12T10:00'),
                   event('CREDITED', '2026-01-12T09:00Z'))
        self.folds(('RETURNED',), event('RETURNED', '2026-01-12T10:00Z'), event('CREDITED', '2026-01-12T10:00Z'))

    def test_markers_come_only_from_the_payment_itself(self):
        for field, value, code in (('timeUnreadable', True, 'unreadable-time'), ('unreadable', ['a'], 'unreadable-detail'),
                                   ('partialApproval', True, 'partial-approval')):
            self.folds(('COMPLETED', code), event('COMPLETED'), event('PROCESSING', **{field: value}))
            self.folds(('COMPLETED',), event('COMPLETED'), event('DECLINED', childKey='x:C', **{field: value}))

    def test_the_kind_is_the_latest_specific_one(self):
        for kinds, kind in ((['PAYMENT', 'UNKNOWN'], 'UNKNOWN'), (['REFUND', 'UNKNOWN'], 'REFUND'),
                            (['REFUND', 'RETURN'], 'RETURN'), (['PAYMENT', 'PAYMENT'], 'PAYMENT')):
            events = [event('SETTLED', f'2026-01-12T10:0{at}Z', kind=kind) for at, kind in enumerate(kinds)]
            self.assertEqual(kind, fold(events)['kind'])

    def test_an_event_that_was_not_understood_changes_nothing_that_money_depends_on(self):
        sum_of = {'value': '5', 'currency': None}
        unclear = event('UNKNOWN', unknownBecause='STATUS', kind='REFUND', relatesTo='x:O', amount=sum_of, requestAmount=sum_of,
                        partialApproval=True)
        names = ('kind', 'relatesTo', 'amount', 'requestAmount', 'attention')
        state = fold([event('SETTLED'), unclear])
        self.assertEqual(('PAYMENT', None, None, None, ['contradictory-kinds', 'unknown-status']), tuple(state[name] for name in names))
        state = fold([unclear])
        self.assertEqual(('REFUND', 'x:O', sum_of, sum_of, ['partial-approval', 'unknown-status']),
                         tuple(state[name] for name in names))

    def test_contradictory_kinds(self):
        self.folds(('SETTLED', 'contradictory-kinds'), event('SETTLED'), event('COMPLETED', kind='REFUND'))

    def test_the_amount_of_a_partial_approval_comes_only_from_it(self):
        whole, part = ({'value': value, 'currency': None} for value in ('100', '30'))
        settled = event('SETTLED', '2026-01-12T10:00Z', amount=whole)
        self.assertEqual(part, fold([settled, event('AUTHORIZED', partialApproval=True, amount=part)])['amount'])
        self.assertIsNone(fold([settled, event('AUTHORIZED', partialApproval=True)])['amount'])

    def test_texts_that_are_not_times(self):
        with self.assertRaises(NoTime):
            read_time('1/1/0001 12:00:00 AM')
        with self.assertRaises(NotATime):
            read_time('2026-1-1')


if __name__ == '__main__':
    unittest.main()
