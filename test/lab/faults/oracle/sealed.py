"""Decrypts bodies as specified in docs/encryption.md: AES-256-GCM, bound to topic and key."""

import base64
from dataclasses import replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class Opener:
    """`key_encryption_keys`: base64 by id; empty without encryption. `key_records`: all of payments.keys."""

    def __init__(self, key_encryption_keys, raw_topic, key_records):
        self.expected = bool(key_encryption_keys)
        self.raw_topic = raw_topic
        keks = {name: AESGCM(base64.b64decode(text)) for name, text in key_encryption_keys.items()}
        self.data_keys = {}
        for record in key_records:
            name, kek = record.key.decode(), record.headers.get('paystatus_kek')
            if record.value is not None and kek in keks:
                self.data_keys[name] = opened(keks[kek], record.value, f'paystatus data key\0{kek}\0{name}'.encode())

    def open(self, records, name, findings):
        """The same records with the bodies that the provider sent."""
        return [self.open_one(record, name, findings) for record in records]

    def open_one(self, record, name, findings):
        data_key_id = record.headers.get('paystatus_data_key')
        if data_key_id is None:
            if self.expected:
                findings.wrong(f'I9: {name} {record.place} is not encrypted, although encryption is configured')
            return record
        data_key = self.data_keys.get(data_key_id)
        bound_to = f'paystatus body\0{self.raw_topic}\0'.encode() + record.key
        body = None if data_key is None else opened(AESGCM(data_key), record.value or b'', bound_to)
        if body is None:
            findings.lost(f'I1: {name} {record.place} cannot be opened with data key {data_key_id}')
            return record
        return replace(record, value=body)


def opened(cipher, sealed, bound_to):
    """The plain text; None if the bytes, the key or the associated data do not match."""
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        return None
