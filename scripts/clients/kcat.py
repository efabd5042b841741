#!/usr/bin/env python3
"""kcat (Debian's package): one verb of scripts/clients/run.

  kcat.py topics | produce TOPIC CODEC | fetch TOPIC COUNT | group TOPIC COUNT GROUP

kcat cannot create topics (it relies on auto-creation), set timestamps or commit on demand. Records
to produce come on standard input and fetched ones go to standard output, as records.py says.
"""

import json
import subprocess
import sys
import tempfile

from connection import librdkafka, octets, setting, text

TIMEOUT = 40  # seconds


def kcat(*arguments, given=b""):
    """Runs kcat with its configuration in a file, so that no password is on a command line."""
    with tempfile.NamedTemporaryFile("w", prefix="kcat-") as file:  # made with mode 0600
        file.writelines(f"{name}={value}\n" for name, value in librdkafka().items())
        file.flush()
        done = subprocess.run(
            ["kcat", "-F", file.name, *arguments],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
        )
    # kcat says on standard error what is not an error ("Reading configuration", "Reached end").
    if done.returncode:
        sys.exit(f"kcat {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr.decode()}")
    return done.stdout


def topics():
    listing = json.loads(kcat("-L", "-J"))
    print(*sorted(topic["topic"] for topic in listing["topics"]), sep="\n")


def produce(topic, codec):
    records = [json.loads(line) for line in sys.stdin]
    headers = []
    for name, value in records[0]["headers"]:
        headers += ["-H", name if value is None else f"{name}={value}"]
    lines = b"".join(octets(f"{r['key'] or ''}\t{r['value'] or ''}\n") for r in records)
    # -Z: an empty key or value is null.
    kcat("-P", "-t", topic, "-p", "0", "-z", codec, "-K", "\t", "-Z", *headers, given=lines)


def show(output):
    for line in output.splitlines():
        message = json.loads(line)
        headers = message.get("headers") or []
        print(
            json.dumps(
                {
                    "topic": message["topic"],
                    "partition": message["partition"],
                    "offset": message["offset"],
                    "timestamp": message["ts"],
                    "key": text_of(message["key"]),
                    "headers": [[n, text_of(v)] for n, v in zip(headers[::2], headers[1::2])],
                    "value": text_of(message["payload"]),
                }
            )
        )


def text_of(string):
    """kcat prints UTF-8; a record's text has one character for each byte."""
    return None if string is None else text(string.encode())


def fetch(topic, count):
    isolation = setting("ISOLATION") or "read_uncommitted"
    show(kcat("-C", "-q", "-J", "-t", topic, "-o", "beginning", "-c", count, "-X", f"isolation.level={isolation}"))


def group(topic, count, name):
    show(kcat("-q", "-J", "-c", count, "-X", "auto.offset.reset=earliest", "-G", name, topic))


if __name__ == "__main__":
    {verb.__name__: verb for verb in [topics, produce, fetch, group]}[sys.argv[1]](*sys.argv[2:])
