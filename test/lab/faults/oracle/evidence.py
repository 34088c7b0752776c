"""The evidence: the topics as a read_committed reader sees them, committed offsets, the view, the ledger."""

import base64
import hashlib
import io
import json
import time
import urllib.request
from dataclasses import dataclass

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from fastavro import parse_schema, schemaless_reader
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

from group_offsets import NotAnswered, committed_offsets

REQUEST_MAX_S = 10
READ_MAX_S = 120
LOOK_EVERY_S = 0.25
INSIST_S = 30


class CannotJudge(Exception):
    """Evidence is missing. This says nothing about the product."""


@dataclass(frozen=True, eq=False)
class Record:
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict

    @property
    def place(self):
        return f'{self.partition}/{self.offset}'


@dataclass(frozen=True, eq=False)
class RemovedRecord(Record):
    """A raw record that is no longer in the topic; another one may have its offset."""
    normalized: bool
    """Whether the normalizers had committed past it. If not, it is lost for good and its results may be missing."""


@dataclass(frozen=True)
class Committed:
    offset: int
    metadata: dict | None


def insist(ask):
    """Retries, because a leader may just have moved."""
    give_up_at = time.monotonic() + INSIST_S
    while True:
        try:
            return ask()
        except (KafkaException, NotAnswered):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(LOOK_EVERY_S)


class Kafka:
    def __init__(self, brokers):
        self.settings = {'bootstrap.servers': brokers, 'socket.timeout.ms': REQUEST_MAX_S * 1000, 'log_level': 2}
        self.admin = AdminClient(self.settings)

    def cluster_id(self):
        return insist(lambda: self.admin.describe_cluster(request_timeout=REQUEST_MAX_S).result().cluster_id)

    def partitions(self, topic):
        found = insist(lambda: self.admin.list_topics(topic, timeout=REQUEST_MAX_S)).topics[topic].partitions
        if not found:
            raise CannotJudge(f'the topic {topic} does not exist')
        return [TopicPartition(topic, partition) for partition in sorted(found)]

    def offsets(self, partitions, spec, isolation=IsolationLevel.READ_UNCOMMITTED):
        """By topic and partition."""
        def ask():
            asked = self.admin.list_offsets(dict.fromkeys(partitions, spec), isolation_level=isolation,
                                            request_timeout=REQUEST_MAX_S)
            try:
                return {(at.topic, at.partition): answer.result().offset for at, answer in asked.items()}
            except KafkaException:
                # This client keeps using a stale leader epoch (FENCED_LEADER_EPOCH) for its lifetime.
                self.admin = AdminClient(self.settings)
                raise

        return insist(ask)

    def starts(self, partitions):
        return self.offsets(partitions, OffsetSpec.earliest())

    def high_watermarks(self, partitions):
        return self.offsets(partitions, OffsetSpec.latest())

    def stable_offsets(self, partitions):
        """The last stable offsets."""
        return self.offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)

    def committed(self, group, partitions):
        """
        Commits by partition, without partitions that have none. Open transactions on the offsets are checked separately, so
        this does not wait for them.
        """
        topic, numbers = partitions[0].topic, [at.partition for at in partitions]
        brokers = self.settings['bootstrap.servers'].split(',')
        found = insist(lambda: committed_offsets(brokers, group, topic, numbers))
        return {partition: Committed(offset, parsed(metadata)) for partition, (offset, metadata) in found.items()}

    def offsets_partition_of(self, group):
        """The partition of `__consumer_offsets` that holds the commits of a group."""
        count = len(self.partitions('__consumer_offsets'))
        hashed = 0
        for unit in group:
            hashed = hashed * 31 + ord(unit) & 0xFFFFFFFF
        return TopicPartition('__consumer_offsets', (hashed & 0x7FFFFFFF) % count)

    def read(self, partitions):
        """All records up to the current last stable offset, by topic."""
        ends = self.stable_offsets(partitions)
        starts = self.starts(partitions)
        open_ends = {at for at, end in ends.items() if starts[at] < end}
        records = {partition.topic: [] for partition in partitions}
        consumer = Consumer({
            **self.settings, 'group.id': 'oracle', 'enable.auto.commit': False, 'auto.offset.reset': 'error',
            'isolation.level': 'read_committed', 'enable.partition.eof': True, 'fetch.wait.max.ms': 50})
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in open_ends])
            give_up_at = time.monotonic() + READ_MAX_S
            while open_ends:
                if time.monotonic() > give_up_at:
                    raise CannotJudge(f'partitions not read to their ends within {READ_MAX_S} s: {sorted(open_ends)}')
                for message in consumer.consume(10_000, timeout=0.2):
                    at = (message.topic(), message.partition())
                    if message.error() is not None:
                        if message.error().fatal():
                            raise KafkaException(message.error())
                        # The client retries other errors.
                        if message.error().code() == KafkaError._PARTITION_EOF and message.offset() >= ends[at]:
                            open_ends.discard(at)
                        continue
                    headers = {name: (value or b'').decode(errors='replace') for name, value in message.headers() or []}
                    record = Record(at[1], message.offset(), message.key() or b'', message.value(), headers)
                    records[at[0]].append(record)
        finally:
            consumer.close()
        for of_topic in records.values():
            of_topic.sort(key=lambda record: (record.partition, record.offset))
        return records


class Avro:
    """Decodes values in Confluent's wire format with the writer's schema from the registry, and no other."""

    def __init__(self, registry_url):
        self.url, self.schemas = registry_url.rstrip('/'), {}

    def decode(self, framed):
        if framed[:1] != b'\0':
            raise ValueError('not in Confluent\'s wire format')
        schema_id = int.from_bytes(framed[1:5], 'big')
        if schema_id not in self.schemas:
            with urllib.request.urlopen(f'{self.url}/schemas/ids/{schema_id}', timeout=REQUEST_MAX_S) as answer:
                self.schemas[schema_id] = parse_schema(plain(json.loads(json.load(answer)['schema'])))
        body = io.BytesIO(framed[5:])
        value = schemaless_reader(body, self.schemas[schema_id], None)
        if body.read(1) != b'':
            raise ValueError('trailing bytes')
        return value


def plain(schema):
    """The schema without logical types, so that times stay numbers."""
    if isinstance(schema, dict):
        return {name: plain(value) for name, value in schema.items() if name != 'logicalType'}
    return [plain(part) for part in schema] if isinstance(schema, list) else schema


@dataclass
class Told:
    """What the providers know about one body that they sent to one source."""
    callback: str
    accepted: int = 0
    attempts: int = 0


def read_ledger(file):
    told = {}
    with open(file, encoding='utf-8') as lines:
        for line in lines:
            entry = json.loads(line)
            body = base64.b64decode(entry['bodyBase64'])
            known = told.setdefault((entry['source'], body_hash(body)), Told(entry['callback']))
            known.attempts += 1
            known.accepted += entry['outcome'] == 'ok'
    return told


def read_deleted(file):
    """Records that were deleted from their topic; their results are judged nevertheless."""
    if file is None:
        return []
    with open(file, encoding='utf-8') as lines:
        entries = [json.loads(line) for line in lines]
    return [Record(*unpacked_record(entry)) for entry in entries]


def not_in(topic, records):
    """The records that the topic no longer holds. A recreated topic holds others at the same offsets."""
    there = {(record.partition, record.offset): record for record in topic}
    return [record for record in records if not is_same(there.get((record.partition, record.offset)), record)]


def is_same(found, record):
    return found is not None and (found.key, found.value) == (record.key, record.value)


def read_removed_raw(file):
    """Raw records that a fault removed for good."""
    if file is None:
        return []
    with open(file, encoding='utf-8') as lines:
        entries = [json.loads(line) for line in lines]
    return [RemovedRecord(*unpacked_record(entry), entry['normalized']) for entry in entries]


def unpacked_record(entry):
    key, value = (None if text is None else base64.b64decode(text) for text in (entry['keyBase64'], entry['valueBase64']))
    return entry['partition'], entry['offset'], key, value, entry['headers']


def body_hash(body):
    return hashlib.sha256(body).digest()


@dataclass(frozen=True)
class View:
    marker: dict | None
    states: dict
    due: dict
    """Milliseconds since the epoch, by payment key."""
    references: set


def redis_client(place):
    """A client of a single server, of the primary that Sentinels name, or of a cluster."""
    if place.get('cluster'):
        nodes = [ClusterNode(*address(node)) for node in place['cluster']]
        return RedisCluster(startup_nodes=nodes, socket_timeout=REQUEST_MAX_S)
    if place.get('sentinel'):
        nodes = [address(node) for node in place['sentinel']['nodes']]
        sentinel = Sentinel(nodes, socket_timeout=REQUEST_MAX_S)
        return sentinel.master_for(place['sentinel']['name'], socket_timeout=REQUEST_MAX_S)
    return redis.Redis.from_url(place['url'], socket_timeout=REQUEST_MAX_S)


def address(node):
    host, port = node.rsplit(':', 1)
    return host, int(port)


def read_view(place, environment, group, partitions):
    """The format is that of src/processor/redis-state-store.ts."""
    with redis_client(place) as client:
        views = []
        for partition in range(partitions):
            slot = f'{{{environment}.{group}.p{partition}}}'
            states = client.hgetall(f'{slot}:view')
            marker = states.pop(b'#marker', None)
            # The other fields that start with a number sign repeat the references, by payment.
            states = {key: value for key, value in states.items() if not key.startswith(b'#')}
            due = dict(client.zrange(f'{slot}:due', 0, -1, withscores=True))
            references = set(client.zrange(f'{slot}:refs', 0, -1))
            views.append(View(parsed(marker), states, due, references))
        return views


def next_due(place, environment, group, partitions):
    """The earliest time at which a payment of the view is due, milliseconds since the epoch; None without payments."""
    with redis_client(place) as client:
        firsts = [client.zrange(f'{{{environment}.{group}.p{partition}}}:due', 0, 0, withscores=True)
                  for partition in range(partitions)]
    return min((score for first in firsts for _, score in first), default=None)


def parsed(text):
    try:
        value = json.loads(text or '')
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
