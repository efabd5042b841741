#!/usr/bin/env python3
"""Seals, re-encrypts and opens files: the file commands of `nucypher`, written a second time.

Slow, not constant time, and without protection of secrets in memory: for checking the Rust
program in both directions, not for use. A passphrase is taken from NUCYPHER_PASSPHRASE.
Exit codes: 0 done; 1 malformed or altered; 2 wrong usage; 3 not for this key.
"""

import argparse
import os
import secrets
import stat
import sys

import curve
import formats
import pem

SUITES = {"bbs98": formats.BBS98, "ecies": formats.ECIES}


def read(path):
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    if path == "-":
        sys.stdout.buffer.write(data)
        return
    with open(path, "wb") as file:
        file.write(data)


def write_secret(path, data):
    """Creates the file with mode 0600; never writes into one that is there."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def read_secret(path):
    if path != "-" and stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        raise ValueError(f"{path}: others can read it; chmod 600 it")
    return read(path)


def passphrase():
    return os.environb.get(b"NUCYPHER_PASSPHRASE") or None


def draw():
    return secrets.randbelow(curve.N - 1) + 1


def generate(options):
    secret = draw()
    write_secret(options.out, pem.encode_secret(secret, passphrase()))
    if options.public:
        write(options.public, pem.encode_public(curve.multiply(secret)))


def seal(options):
    flags = {"none": 0, "lz4": formats.LZ4, "zstd": formats.ZSTD}[options.compress]
    flags |= formats.PADDED if options.pad else 0
    delegating = pem.decode_public(read(options.to))
    sealed = formats.seal_file(
        SUITES[options.suite],
        delegating,
        options.context,
        read(options.input),
        draw(),
        secrets.token_bytes(4),
        flags,
    )
    write(options.output, sealed)


def rekey(options):
    suite = SUITES[options.suite]
    a = pem.decode_secret(read_secret(options.source), passphrase())
    target = read(options.to)
    if pem.is_secret(target):
        b = pem.decode_secret(read_secret(options.to), passphrase())
        print("warning: an interactive key: such keys compose", file=sys.stderr)
        key = formats.ReKey.interactive(suite, a, b)
    else:
        key = formats.ReKey.non_interactive(suite, a, pem.decode_public(target), draw())
    write_secret(options.out, pem.encode_pem(pem.REKEY_LABEL, key.encode()).encode())


def reencrypt(options):
    key = formats.ReKey.decode(pem.decode_pem(pem.REKEY_LABEL, read_secret(options.rekey)))
    write(options.output, formats.reencrypt_file(read(options.input), key))


def open_(options):
    secret = pem.decode_secret(read_secret(options.key), passphrase())
    write(options.output, formats.open_file(read(options.input), secret, options.context))


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    key = commands.add_parser("key", help="make a key pair").add_subparsers(required=True, metavar="COMMAND")
    command = key.add_parser("generate", help="PKCS#8 and SPKI PEM, secp256k1")
    command.add_argument("--out", required=True)
    command.add_argument("--public")
    command.set_defaults(run=generate)

    def on_files(name, run, help_):
        command = commands.add_parser(name, help=help_)
        command.add_argument("input", metavar="IN", help="- for standard input")
        command.add_argument("output", metavar="OUT", help="- for standard output")
        command.set_defaults(run=run)
        return command

    command = on_files("seal", seal, "encrypt a file under a public key")
    command.add_argument("--to", required=True)
    command.add_argument("--suite", choices=SUITES, default="bbs98")
    command.add_argument("--context", required=True)
    command.add_argument("--compress", choices=["none", "lz4", "zstd"], default="none")
    command.add_argument("--pad", action="store_true")

    command = commands.add_parser(
        "rekey", help="a re-encryption key; --to a private key makes an interactive one"
    )
    command.add_argument("--from", dest="source", required=True)
    command.add_argument("--to", required=True)
    command.add_argument("--suite", choices=SUITES, default="bbs98")
    command.add_argument("--out", required=True)
    command.set_defaults(run=rekey)

    on_files("reencrypt", reencrypt, "move a sealed file to another key").add_argument(
        "--rekey", required=True
    )

    command = on_files("open", open_, "decrypt a sealed file")
    command.add_argument("--key", required=True)
    command.add_argument("--context", required=True)
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        options.run(options)
    except formats.NotForThisKey as flaw:
        print(f"not for this key: {flaw}", file=sys.stderr)
        return 3
    except formats.Altered as flaw:
        print(f"altered: {flaw}", file=sys.stderr)
        return 1
    except formats.Malformed as flaw:
        print(f"malformed: {flaw}", file=sys.stderr)
        return 1
    except (OSError, TypeError, ValueError) as flaw:
        print(f"error: {flaw}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
