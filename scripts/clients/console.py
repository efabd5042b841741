#!/usr/bin/env python3
"""The Java console tools of the Kafka distribution: one verb of scripts/clients/run.

  console.py topics | create TOPIC PARTITIONS | produce TOPIC CODEC
  console.py fetch TOPIC COUNT | group TOPIC COUNT GROUP

Timestamps are the producer's clock, partitions its partitioner's: use topics of one partition. Records
to produce come on standard input and fetched ones go to standard output, as records.py says.
"""

import json
import os
import subprocess
import sys
import tempfile

from connection import java, octets, setting, text

KAFKA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "kafka")
TIMEOUT = 60  # seconds
NULL = "<null>"


def tool(name, *arguments, given=b"", option="--command-config"):
    """Runs a console tool with its configuration in a file: no password is on a command line."""
    with tempfile.NamedTemporaryFile("w", prefix="console-") as file:  # made with mode 0600
        file.writelines(f"{name}={value}\n" for name, value in java().items())
        file.flush()
        done = subprocess.run(
            [KAFKA, "tool", name, "--bootstrap-server", setting("BOOTSTRAP"), option, file.name, *arguments],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
        )
    if done.returncode:
        sys.exit(f"{name}: exit code {done.returncode}\n{done.stderr.decode()}{done.stdout.decode('latin-1')}")
    return done.stdout


def topics():
    print(*sorted(tool("topics", "--list").decode().split()), sep="\n")


def create(topic, partitions):
    tool("topics", "--create", "--topic", topic, "--partitions", partitions)


def produce(topic, codec):
    lines = b""
    for record in map(json.loads, sys.stdin):
        headers = ",".join(f"{name}:{NULL if value is None else value}" for name, value in record["headers"])
        fields = [headers or NULL] + [NULL if record[f] is None else record[f] for f in ("key", "value")]
        lines += octets("\t".join(fields) + "\n")
    properties = ["parse.headers=true", "parse.key=true", f"null.marker={NULL}"]
    options = [option for p in properties for option in ("--reader-property", p)]
    tool("console-producer", "--topic", topic, "--compression-codec", codec, *options,
         given=lines, option="--command-config")


def consume(topic, count, *more):
    shown = ["timestamp", "partition", "offset", "headers", "key", "value"]
    properties = [f"print.{field}=true" for field in shown] + [f"null.literal={NULL}"]
    options = [option for p in properties for option in ("--formatter-property", p)]
    output = tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", count,
                  "--timeout-ms", "30000", "--isolation-level", setting("ISOLATION") or "read_uncommitted",
                  *options, *more, option="--command-config")
    lines = output.splitlines()
    for line in lines:
        timestamp, partition, offset, headers, key, value = text(line).split("\t")
        print(
            json.dumps(
                {
                    "topic": topic,
                    "partition": int(partition.removeprefix("Partition:")),
                    "offset": int(offset.removeprefix("Offset:")),
                    "timestamp": int(timestamp.removeprefix("CreateTime:")),
                    "key": null(key),
                    "headers": [
                        [name, null(value)]
                        for name, value in (header.split(":") for header in headers.split(","))
                    ]
                    if headers != "NO_HEADERS"
                    else [],
                    "value": null(value),
                }
            )
        )
    if len(lines) != int(count):
        sys.exit(f"{len(lines)} records came, not {count}")


def null(field):
    return None if field == NULL else field


def fetch(topic, count):
    consume(topic, count)


def group(topic, count, name):
    consume(topic, count, "--group", name)
    for line in tool("consumer-groups", "--describe", "--offsets", "--group", name).decode().splitlines():
        fields = line.split()
        if fields[:2] == [name, topic]:
            print(json.dumps({"topic": topic, "partition": int(fields[2]), "committed": int(fields[3])}))


if __name__ == "__main__":
    {verb.__name__: verb for verb in [topics, create, produce, fetch, group]}[sys.argv[1]](*sys.argv[2:])
