#!/usr/bin/env python3
"""confluent-kafka for Python (librdkafka): one verb of scripts/clients/run.

  confluent.py topics | create TOPIC PARTITIONS | produce TOPIC CODEC | transactions TOPIC
  confluent.py fetch TOPIC COUNT | group TOPIC COUNT GROUP

Records to produce come on standard input and fetched ones go to standard output, as records.py says.
"""

import json
import sys
import time
import uuid

from confluent_kafka import Consumer, KafkaException, OFFSET_BEGINNING, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from connection import librdkafka, octets, setting, text

TIMEOUT = 30  # seconds, for each step


def topics():
    print(*sorted(AdminClient(librdkafka()).list_topics(timeout=TIMEOUT).topics), sep="\n")


def create(topic, partitions):
    # The records' timestamps lie in the past: keep them for ever.
    new = NewTopic(topic, int(partitions), config={"retention.ms": "-1"})
    admin = AdminClient(librdkafka())
    admin.create_topics([new], request_timeout=TIMEOUT)[topic].result(TIMEOUT)


def send(producer, topic, records):
    def delivered(error, _message):
        if error:
            raise KafkaException(error)

    for record in records:
        producer.produce(
            topic,
            partition=record["partition"],
            timestamp=record["timestamp"],
            key=octets(record["key"]),
            headers=[(name, octets(value)) for name, value in record["headers"]],
            value=octets(record["value"]),
            on_delivery=delivered,
        )
    if producer.flush(TIMEOUT):
        sys.exit(f"not all records were acknowledged within {TIMEOUT} s")


def produce(topic, codec):
    send(Producer({**librdkafka(), "compression.type": codec, "linger.ms": 50}), topic, stdin_records())


def transactions(topic):
    records = stdin_records()
    producer = Producer({**librdkafka(), "transactional.id": f"{topic}-{uuid.uuid4()}", "linger.ms": 50})
    producer.init_transactions(TIMEOUT)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        send(producer, topic, records)
        end(TIMEOUT)


def consumer(**more):
    return Consumer(
        {
            **librdkafka(),
            "group.id": "none",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": setting("ISOLATION") or "read_uncommitted",
            **more,
        }
    )


def read(consumer, count):
    deadline = time.monotonic() + TIMEOUT
    while count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        count -= 1
        print(
            json.dumps(
                {
                    "topic": message.topic(),
                    "partition": message.partition(),
                    "offset": message.offset(),
                    "timestamp": message.timestamp()[1],
                    "key": text(message.key()),
                    "headers": [[name, text(value)] for name, value in message.headers() or []],
                    "value": text(message.value()),
                }
            )
        )
    if count:
        sys.exit(f"{count} records did not arrive within {TIMEOUT} s")


def fetch(topic, count):
    reader = consumer()
    partitions = reader.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions
    reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    read(reader, int(count))
    reader.close()


def group(topic, count, name):
    reader = consumer(**{"group.id": name})
    reader.subscribe([topic])
    read(reader, int(count))
    reader.commit(asynchronous=False)
    for position in reader.committed(reader.assignment(), timeout=TIMEOUT):
        print(json.dumps({"topic": topic, "partition": position.partition, "committed": position.offset}))
    reader.close()


def stdin_records():
    return [json.loads(line) for line in sys.stdin]


if __name__ == "__main__":
    verbs = [topics, create, produce, transactions, fetch, group]
    {verb.__name__: verb for verb in verbs}[sys.argv[1]](*sys.argv[2:])
