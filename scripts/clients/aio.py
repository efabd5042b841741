#!/usr/bin/env python3
"""aiokafka (pure Python protocol): one verb of scripts/clients/run.

  aio.py topics | create TOPIC PARTITIONS | produce TOPIC CODEC | transactions TOPIC
  aio.py fetch TOPIC COUNT | group TOPIC COUNT GROUP

Records to produce come on standard input and fetched ones go to standard output, as records.py says.
"""

import asyncio
import json
import ssl
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from connection import octets, security_protocol, setting, text

TIMEOUT = 30  # seconds, for each step


def connection():
    options = {
        "bootstrap_servers": setting("BOOTSTRAP"),
        "client_id": "nucypher-kafka-test",
        "security_protocol": security_protocol(),
    }
    if setting("SASL_MECHANISM"):
        options["sasl_mechanism"] = setting("SASL_MECHANISM")
        options["sasl_plain_username"] = setting("SASL_USERNAME")
        options["sasl_plain_password"] = setting("SASL_PASSWORD")
    if setting("CA_FILE"):
        options["ssl_context"] = ssl.create_default_context(cafile=setting("CA_FILE"))
        if setting("CLIENT_CERT"):
            options["ssl_context"].load_cert_chain(setting("CLIENT_CERT"), setting("CLIENT_KEY"))
    return options


async def topics():
    admin = AIOKafkaAdminClient(**connection())
    await admin.start()
    try:
        print(*sorted(await admin.list_topics()), sep="\n")
    finally:
        await admin.close()


async def create(topic, partitions):
    admin = AIOKafkaAdminClient(**connection())
    await admin.start()
    try:
        # The records' timestamps lie in the past: keep them for ever.
        new = NewTopic(topic, int(partitions), 1, topic_configs={"retention.ms": "-1"})
        answer = await admin.create_topics([new])
        if any(error[1] for error in answer.topic_errors):
            sys.exit(f"create {topic}: {answer}")
    finally:
        await admin.close()


async def send(producer, topic, records):
    acknowledged = [
        await producer.send(
            topic,
            partition=record["partition"],
            timestamp_ms=record["timestamp"],
            key=octets(record["key"]),
            headers=[(name, octets(value)) for name, value in record["headers"]],
            value=octets(record["value"]),
        )
        for record in records
    ]
    await asyncio.gather(*acknowledged)


async def produce(topic, codec):
    compression = None if codec == "none" else codec
    async with AIOKafkaProducer(**connection(), compression_type=compression, linger_ms=50) as producer:
        await send(producer, topic, stdin_records())


async def transactions(topic):
    records = stdin_records()
    async with AIOKafkaProducer(**connection(), transactional_id=f"{topic}-{uuid.uuid4()}") as producer:
        for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction):
            await producer.begin_transaction()
            await send(producer, topic, records)
            await end()


def consumer(group=None):
    return AIOKafkaConsumer(
        **connection(),
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level=setting("ISOLATION") or "read_uncommitted",
    )


async def read(reader, count):
    async for message in reader:
        print(
            json.dumps(
                {
                    "topic": message.topic,
                    "partition": message.partition,
                    "offset": message.offset,
                    "timestamp": message.timestamp,
                    "key": text(message.key),
                    "headers": [[name, text(value)] for name, value in message.headers],
                    "value": text(message.value),
                }
            )
        )
        count -= 1
        if not count:
            return


async def fetch(topic, count):
    async with consumer() as reader:
        # Its metadata is there only after it was told of the topic.
        await reader._client.set_topics([topic])
        partitions = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic)]
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        await read(reader, int(count))


async def group(topic, count, name):
    async with consumer(name) as reader:
        reader.subscribe([topic])
        await read(reader, int(count))
        await reader.commit()
        for position in reader.assignment():
            committed = await reader.committed(position)
            print(json.dumps({"topic": topic, "partition": position.partition, "committed": committed}))


def stdin_records():
    return [json.loads(line) for line in sys.stdin]


if __name__ == "__main__":
    verbs = {verb.__name__: verb for verb in [topics, create, produce, transactions, fetch, group]}
    asyncio.run(asyncio.wait_for(verbs[sys.argv[1]](*sys.argv[2:]), TIMEOUT))
