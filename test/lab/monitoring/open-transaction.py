"""Opens a transaction in one partition, says so, and aborts it when its standard input ends."""

import sys

from confluent_kafka import Producer

brokers, topic, partition = sys.argv[1:]
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "transactional.id": "drill.hanging",
        "transaction.timeout.ms": 600_000,
    }
)
producer.init_transactions(30)
producer.begin_transaction()
producer.produce(topic, b"of an aborted transaction", b"drill", int(partition))
producer.flush(30)
print("open", flush=True)
sys.stdin.read()
producer.abort_transaction(30)
print("aborted", flush=True)
