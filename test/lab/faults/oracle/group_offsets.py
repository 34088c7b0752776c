"""
Reads a consumer group's committed offsets with their metadata, using Kafka's protocol directly.

The client library cannot be used: confluent-kafka 2.16.1 reads beyond the end of the metadata, and librdkafka's
ListConsumerGroupOffsets crashes when the coordinator has moved.
"""

import socket
import struct

FIND_COORDINATOR, OFFSET_FETCH = (10, 1), (9, 3)
GROUP = 0
REPLY_MAX_S = 10


class NotAnswered(Exception):
    """The coordinator is moving or does not answer; retriable."""


def committed_offsets(brokers, group, topic, partitions):
    """Offset and metadata by partition, without partitions that have no commit."""
    for broker in brokers:
        try:
            return ask_coordinator(find_coordinator(broker, group), group, topic, partitions)
        except (OSError, NotAnswered) as error:
            reason = error
    raise NotAnswered(f'the committed offsets of {group} cannot be read: {reason}')


def find_coordinator(broker, group):
    host, _, port = broker.rpartition(':')
    reply = call((host, int(port)), FIND_COORDINATOR, text(group) + struct.pack('>b', GROUP))
    reply.number('i')
    refuse_if(reply.number('h'), 'its coordinator')
    reply.text()
    reply.number('i')
    return reply.text(), reply.number('i')


def ask_coordinator(address, group, topic, partitions):
    asked = b''.join(struct.pack('>i', partition) for partition in partitions)
    request = text(group) + struct.pack('>i', 1) + text(topic) + struct.pack('>i', len(partitions)) + asked
    reply = call(address, OFFSET_FETCH, request)
    reply.number('i')
    committed = {}
    for _ in range(reply.number('i')):
        reply.text()
        for _ in range(reply.number('i')):
            partition, offset, metadata = reply.number('i'), reply.number('q'), reply.text()
            refuse_if(reply.number('h'), f'partition {partition}')
            if offset >= 0:
                committed[partition] = (offset, metadata)
    refuse_if(reply.number('h'), 'the group')
    return committed


def refuse_if(code, what):
    if code != 0:
        raise NotAnswered(f'error {code} for {what}')


def call(address, api, body):
    request = struct.pack('>hhi', *api, 1) + text('oracle') + body
    with socket.create_connection(address, REPLY_MAX_S) as connection:
        connection.sendall(struct.pack('>i', len(request)) + request)
        size, = struct.unpack('>i', received(connection, 4))
        return Reply(received(connection, size))


def received(connection, size):
    data = b''
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise NotAnswered('the connection was closed')
        data += chunk
    return data


def text(value):
    encoded = value.encode()
    return struct.pack('>h', len(encoded)) + encoded


class Reply:
    def __init__(self, data):
        self.data, self.at = data, 4

    def number(self, kind):
        value, = struct.unpack_from(f'>{kind}', self.data, self.at)
        self.at += struct.calcsize(f'>{kind}')
        return value

    def text(self):
        size = self.number('h')
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()
