"""When payments are due, by docs/configuration.md; and which encrypted bodies can be decrypted."""

import base64
import unittest

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from due import due_at
from evidence import Record
from findings import Findings
from sealed import Opener

DAY_MS = 86_400_000
POLICY = {'retentionMs': 90 * DAY_MS, 'nextStatusWithin': {'default': 4_000, 'providers': {
    'jpm-global-payments-v2': {'default': 3_000, 'SCHEDULED': None}, 'instamed': {'AUTHORIZED': 5_000}}}}


def state(status, provider='jpm-global-payments-v1', child_key=None, withdrawn=False, **fields):
    event = {'eventId': 'e', 'provider': provider, 'childKey': child_key, 'withdrawn': withdrawn}
    return {'status': status, 'decidedBy': 'e', 'events': [{'event': event}], 'statusChangedAt': 1_000, 'touchedAt': 2_000,
            'overdueSince': None, 'requestedExecutionDate': None, **fields}


class Due(unittest.TestCase):
    def test_the_most_specific_setting_applies(self):
        forgotten = 2_000 + POLICY['retentionMs']
        for expected, payment in (
                (5_000, state('PROCESSING')), (4_000, state('PROCESSING', 'jpm-global-payments-v2')),
                (forgotten, state('SCHEDULED', 'jpm-global-payments-v2')), (5_000, state('SCHEDULED')),
                (6_000, state('AUTHORIZED', 'instamed')), (forgotten, state('COMPLETED')), (forgotten, state('REJECTED')),
                (5_000, state('UNKNOWN', decidedBy=None)), (forgotten, state('UNKNOWN', child_key='c', decidedBy=None)),
                (forgotten, state('UNKNOWN', withdrawn=True, decidedBy=None)),
                (forgotten, state('PROCESSING', overdueSince=7_000)),
                (20_522 * DAY_MS + 4_000, state('PROCESSING', requestedExecutionDate='2026-03-09', touchedAt=20_522 * DAY_MS)),
                (20_522 * DAY_MS + 4_000,
                 state('PROCESSING', requestedExecutionDate='2026-03-09T10:00:00Z', touchedAt=20_522 * DAY_MS)),
                (5_000, state('PROCESSING', requestedExecutionDate='soon'))):
            with self.subTest(payment=payment):
                self.assertEqual(expected, due_at(payment, POLICY))


class Sealed(unittest.TestCase):
    def test_a_body_is_decrypted_only_with_its_own_data_key_topic_and_record_key(self):
        kek, data_key, nonce = AESGCM.generate_key(256), AESGCM.generate_key(256), b'n' * 12
        wrapped = nonce + AESGCM(kek).encrypt(nonce, data_key, b'paystatus data key\0k\0d')
        keys = [Record(0, 0, b'd', wrapped, {'paystatus_kek': 'k'})]
        sealed = nonce + AESGCM(data_key).encrypt(nonce, b'body', b'paystatus body\0raw\0x:P')
        opener = Opener({'k': base64.b64encode(kek).decode()}, 'raw', keys)
        headers = {'paystatus_data_key': 'd'}
        for record, body, found in (
                (Record(0, 0, b'x:P', sealed, headers), b'body', []), (Record(0, 0, b'x:Q', sealed, headers), sealed, ['lost']),
                (Record(0, 0, b'x:P', sealed, {'paystatus_data_key': 'e'}), sealed, ['lost']),
                (Record(0, 0, b'x:P', b'body', {}), b'body', ['wrong'])):
            findings = Findings()
            self.assertEqual([body], [one.value for one in opener.open([record], 'raw', findings)])
            self.assertEqual(found, [finding['kind'] for finding in findings.found])


if __name__ == '__main__':
    unittest.main()
