#!/usr/bin/env python3
"""The records that every client sends, and what a fetch of them must show.

  records.py make CODEC            records to produce, one JSON object a line
  records.py expect TOPIC CODEC... what a fetch must show when they were produced in that order
  records.py expect --transactions --isolation LEVEL TOPIC
                                   the same after a committed, an aborted and a committed transaction
  records.py canonical             standard input sorted and spelled one way, to be compared by bytes

A record is {"partition", "timestamp", "key", "headers": [[name, value]...], "value"}; a fetched one
has "topic" and "offset" too. Bytes stand as text, one character U+0000..U+00FF for each byte; null is
null. What a client cannot do (README in docs/testing-with-kafka.md) is a profile:

  rich      everything: binary values, tombstones, null keys, duplicate, null and empty headers
  kafkajs   rich without null header values (it cannot send them)
  text      rich without binary (the Java console tools speak lines of text)
  kcat      text, and the same headers on every record (an option of kcat's command line)
"""

import argparse
import json
import sys

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
HEADERS = [
    [],
    [["trace", "a"], ["trace", "b"]],
    [["null", None], ["empty", ""], ["one", "1"]],
    [["trace", "x"], ["other", "y"], ["trace", "x"]],
]


def record(args, codec, index):
    """Record `index` of those sent with `codec`: a pure function, so that runs can be compared."""
    key = None if index % 5 == 4 else f"key-{index % 3}"
    value = f"{codec} record {index} " + "compress me " * (index % 4 * 10)
    if index % 7 == 6 and key is not None:
        value = None
    headers = HEADERS[index % 4]
    if args.profile == "kcat":
        headers = HEADERS[1] + HEADERS[2]
    if args.profile == "kafkajs":
        headers = [header for header in headers if header[1] is not None]
    if args.profile in ("rich", "kafkajs") and value is not None:
        if index % 3 == 0:
            value += "".join(map(chr, range(256)))
        if index % 8 == 5:
            headers = headers + [["binary", "\x00\xff\x80nu\n"]]
    return {
        "partition": index % args.partitions,
        "timestamp": args.base_timestamp + CODECS.index(codec) * 100_000 + index,
        "key": key,
        "headers": headers,
        "value": value,
    }


def expected(args):
    """What a fetch shows: every codec's records, or those of three transactions around their markers."""
    ends = [0] * args.partitions

    def produced(codec, visible=True):
        for index in range(args.records):
            line = record(args, codec, index)
            line.update(topic=args.topic, offset=ends[line["partition"]])
            ends[line["partition"]] += 1
            if visible:
                yield line

    if args.transactions:
        for outcome in ("commit", "abort", "commit"):
            yield from produced("none", outcome == "commit" or args.isolation == "read_uncommitted")
            for partition in range(min(args.partitions, args.records)):
                ends[partition] += 1  # the control record
    else:
        for codec in args.codecs:
            yield from produced(codec)
        if args.committed:
            for partition, end in enumerate(ends):
                yield {"topic": args.topic, "partition": partition, "committed": end}


def canonical(args, lines):
    """One spelling: keys sorted, ASCII, by partition and offset; less what the client cannot tell."""
    for line in lines:
        if args.clock:
            line.pop("timestamp", None)  # the client stamps by its own clock
        if args.headers_by_name and "headers" in line:
            line["headers"].sort(key=lambda header: header[0])  # stable: duplicates keep their order
    lines.sort(key=lambda line: (line["partition"], line.get("offset", -1)))
    for line in lines:
        print(json.dumps(line, sort_keys=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--profile", choices=["rich", "kafkajs", "text", "kcat"], default="rich")
    parser.add_argument("--records", type=int, default=20, metavar="N", help="for each codec")
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--base-timestamp", type=int, default=1_500_000_000_000, metavar="MS")
    parser.add_argument("--clock", action="store_true", help="leave timestamps out")
    parser.add_argument("--headers-by-name", action="store_true", help="ignore the order of different names")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("make").add_argument("codec", choices=CODECS)
    expect = verbs.add_parser("expect")
    expect.add_argument("--transactions", action="store_true")
    expect.add_argument("--committed", action="store_true", help="and what a group commits that read it all")
    expect.add_argument("--isolation", choices=["read_committed", "read_uncommitted"], default="read_uncommitted")
    expect.add_argument("topic")
    expect.add_argument("codecs", nargs="*", choices=[*CODECS, []])
    verbs.add_parser("canonical")
    args = parser.parse_args()
    if args.verb == "make":
        for index in range(args.records):
            print(json.dumps(record(args, args.codec, index)))
    elif args.verb == "expect":
        canonical(args, list(expected(args)))
    else:
        canonical(args, [json.loads(line) for line in sys.stdin])


if __name__ == "__main__":
    main()
