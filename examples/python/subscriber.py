"""Keeps every payment in a SQLite file and acts on every step, by the rules of docs/consumers.md.

Two topics, two tables: `current` is copied into `payment`, `changes` is acted on once per step, and `step` remembers the last one.
Offsets are written in the same transaction, so what `on_step` writes into the file happens exactly once.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from table_file import TableFile

BROKERS = os.environ.get("KAFKA_BROKERS", "localhost:9092")
REGISTRY = os.environ.get("SCHEMA_REGISTRY_URL", "http://localhost:8081")
CHANGES = os.environ.get("CHANGES_TOPIC", "payments.status.changes")
CURRENT = os.environ.get("CURRENT_TOPIC", "payments.status.current")
STORE = os.environ.get("STORE", "payments.db")
SCHEMAS = Path(__file__).parents[2] / "schemas"
AWAY_MAX_S = 6 * 86_400  # Tombstones are kept for 7 days. After a longer absence, begin again with an empty store.

TABLES = """
    CREATE TABLE IF NOT EXISTS payment (
        key TEXT PRIMARY KEY, incarnation INTEGER, version INTEGER, status TEXT, finality TEXT, kind TEXT, amount TEXT);
    CREATE TABLE IF NOT EXISTS step (key TEXT PRIMARY KEY, incarnation INTEGER, version INTEGER);
    CREATE TABLE IF NOT EXISTS position (topic TEXT, part INTEGER, next INTEGER, read_at REAL, PRIMARY KEY (topic, part));
"""


def on_step(db, change):
    """Your code. In order per payment, once per step: what it writes into `db` exactly once, anything else at least once."""
    if change["statusChanged"]:
        print(f"{change['paymentKey']}: {change['statusBefore']} -> {change['statusAfter']}", flush=True)


class Subscriber:
    def __init__(self):
        self.db = sqlite3.connect(STORE)
        self.db.executescript(TABLES)
        self.table = TableFile(self.db)
        self.stopping = False
        self.consumer = Consumer(
            {
                "bootstrap.servers": BROKERS,
                "group.id": os.environ.get("GROUP_ID", "python-sample"),  # Required by librdkafka, not used: the offsets are in the store.
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
            }
        )
        # With a reader schema of our own, a status that it does not know is read as UNKNOWN, and a new field is left out.
        registry = SchemaRegistryClient({"url": REGISTRY})
        self.decoders = {
            topic: AvroDeserializer(registry, (SCHEMAS / file).read_text())
            for topic, file in ((CHANGES, "payment-status-change.avsc"), (CURRENT, "payment-status.avsc"))
        }

    def stop(self, *_):
        self.stopping = True

    def run(self):
        try:
            positions = self.stored_positions() or self.bootstrap()
            self.consumer.assign(positions)
            while not self.stopping:
                self.read({CURRENT: self.copy, CHANGES: self.act})
        finally:
            self.consumer.close()

    def stored_positions(self):
        """Where to go on, or nothing if the store was never filled or is too old."""
        rows = self.db.execute("SELECT topic, part, next, read_at FROM position").fetchall()
        filled = any(topic == CHANGES for topic, *_ in rows)
        recent = all(time.time() - read_at < AWAY_MAX_S for *_, read_at in rows)
        return [TopicPartition(*row[:3]) for row in rows] if filled and recent else []

    def bootstrap(self):
        """Fills the empty store from `current`. Returns from where to follow both topics."""
        self.clear()
        partitions = self.consumer.list_topics(CURRENT, timeout=30).topics[CURRENT].partitions
        # The order matters, and the kind of end: first what a read_committed consumer sees of `changes`, then all of `current`.
        changes = {p: self.consumer.get_watermark_offsets(TopicPartition(CHANGES, p), timeout=30)[1] for p in partitions}
        latest = {TopicPartition(CURRENT, p): OffsetSpec.latest() for p in partitions}
        admin = AdminClient({"bootstrap.servers": BROKERS})
        ends = admin.list_offsets(latest, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        self.ends = missing = {tp.partition: end.result().offset for tp, end in ends.items()}
        self.consumer.assign([TopicPartition(CURRENT, p, OFFSET_BEGINNING) for p in partitions])
        while missing and not self.stopping:
            read_to = self.read({CURRENT: self.copy_first})
            missing = {p: end for p, end in missing.items() if read_to.get((CURRENT, p), -1) < end}
        if not missing:
            with self.db:
                self.store_positions({(CHANGES, p): offset for p, offset in changes.items()})
        return self.stored_positions()

    def read(self, handlers):
        """Handles the next records in one transaction with their offsets. Returns the offsets reached, by topic and partition."""
        read_to = {}
        with self.db:
            for message in self.consumer.consume(500, timeout=0.5):
                error = message.error()
                if error is None:
                    handlers[message.topic()](message)
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    self.clear()
                    raise SystemExit(f"{error.str()}: the store is too old and was emptied. Start again.")
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                # The end of a partition counts, not only its records: its last entry is the marker of a transaction.
                read_to[message.topic(), message.partition()] = message.offset() + (error is None)
            self.store_positions(read_to)
        self.table.write()
        return read_to

    def copy(self, message):
        """One record of `current` into the table."""
        key = message.key().decode()
        if message.value() is None:
            self.db.execute("DELETE FROM payment WHERE key = ?", (key,))
            self.table.changed(key)
            return None
        payment = self.decode(message)
        pair = payment["incarnation"], payment["statusVersion"]
        if pair >= self.pair("payment", key):
            amount = payment["amount"] and json.dumps(payment["amount"])
            row = key, *pair, payment["status"], payment["finality"], payment["kind"], amount
            self.db.execute("REPLACE INTO payment VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self.table.changed(key)
        return pair

    def copy_first(self, message):
        """At the start `current` says which steps are done. Later only `changes` does: `current` may be ahead of it."""
        pair = self.copy(message)
        if pair and message.offset() < self.ends[message.partition()]:
            self.remember_step(message.key().decode(), pair)

    def act(self, message):
        """One record of `changes`."""
        key = message.key().decode()
        done = self.pair("step", key)
        if (pair := header_pair(message)) and pair <= done:
            return
        change = self.decode(message)
        pair = change["incarnation"], change["statusVersion"]
        if pair <= done:
            return
        if pair[1] != (done[1] + 1 if pair[0] == done[0] else 1):
            print(f"steps of a payment are missing before {where(message)}: the table has their outcome", file=sys.stderr)
        on_step(self.db, change)
        self.remember_step(key, pair)
        self.table.stepped(key, pair)

    def decode(self, message):
        try:
            return self.decoders[message.topic()](message.value(), SerializationContext(message.topic(), MessageField.VALUE))
        except Exception as error:
            raise SystemExit(f"cannot decode {where(message)}: {error}. Nothing after it is read until that is solved.") from error

    def pair(self, table, key):
        return self.db.execute(f"SELECT incarnation, version FROM {table} WHERE key = ?", (key,)).fetchone() or (0, 0)

    def remember_step(self, key, pair):
        """Stays when the payment is forgotten: a record of `changes` may be read after the tombstone in `current`."""
        self.db.execute("REPLACE INTO step VALUES (?, ?, ?)", (key, *pair))

    def store_positions(self, offsets):
        for (topic, partition), offset in offsets.items():
            self.db.execute("REPLACE INTO position VALUES (?, ?, ?, ?)", (topic, partition, offset, time.time()))

    def clear(self):
        for table in ("payment", "step", "position"):
            self.db.execute(f"DELETE FROM {table}")
        self.db.commit()


def header_pair(message):
    """The pair without decoding the value, or None: records of older releases lack these headers."""
    headers = dict(message.headers() or [])
    try:
        return int(headers["paystatus_incarnation"]), int(headers["paystatus_status_version"])
    except KeyError:
        return None


def where(message):
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"


if __name__ == "__main__":
    subscriber = Subscriber()
    signal.signal(signal.SIGTERM, subscriber.stop)
    signal.signal(signal.SIGINT, subscriber.stop)
    subscriber.run()
