"""Vectors for what is signed: `nu.sig` of nucypher-envelope, grants and channels of nucypher-kafka."""

import formats
import primitives
from curve import encode, encode_scalar, multiply
from formats import BBS98, ECIES, FRESH, INTERACTIVE, NON_INTERACTIVE
from make_edek import delegated
from make_sealed import KEY, ORDER
from primitives import Stream

SESSION, RECORD, ATTESTED = 1, 2, 3


def hex_or_none(data):
    return None if data is None else data.hex()


def signature():
    stream = Stream("envelope/signature")
    producer, channel_key = stream.bytes(32), stream.bytes(32)
    value = formats.seal_text(stream.bytes(32), formats.KEY_BOUND, stream.bytes(12), b"", ORDER)
    cases = [
        ("session, one EDEK", SESSION, BBS98, [0], None, None),
        ("session, ECIES", SESSION, ECIES, [0], None, None),
        ("session, three slots", SESSION, BBS98, [0, 1, 255], None, None),
        ("record, value and key", RECORD, BBS98, [0], value, KEY),
        ("record, null key", RECORD, BBS98, [0], value, None),
        ("record, empty key", RECORD, BBS98, [0], value, b""),
        ("record, null value", RECORD, BBS98, [0], None, KEY),
        ("record, empty value", RECORD, BBS98, [0], b"", KEY),
        ("record, null value and key", RECORD, ECIES, [0], None, None),
        ("record, two slots", RECORD, ECIES, [1, 2], b'{"card":"nu1.AAAA"}', KEY),
        ("attested, value and key", ATTESTED, BBS98, [0], value, KEY),
        ("attested, null value", ATTESTED, ECIES, [0], None, KEY),
    ]
    for name, version, suite, slots, value, key in cases:
        forms = [delegated(stream, suite, slot)[0] for slot in slots]
        edeks = [form[FRESH][0] for form in forms]
        seed = channel_key if version == ATTESTED else producer
        public = primitives.ed25519_public(seed)
        header = bytes([version]) + formats.sig_id(public)
        if version == SESSION:
            signed = formats.session_signed(header, "orders", edeks)
        else:
            signed = formats.record_signed(header, "orders", edeks, value, key)
        signature_ = primitives.ed25519_sign(seed, signed)
        assert len(header + signature_) == 73
        yield {
            "name": name,
            "version": version,
            "secret": seed.hex(),
            "public": public.hex(),
            "sig_id": formats.sig_id(public).hex(),
            "header": header.hex(),
            "channel": "orders",
            "nu_edek": formats.encode_header(edeks).hex(),
            "nu_edek_reencrypted": formats.encode_header([form[NON_INTERACTIVE][0] for form in forms]).hex(),
            "immutable_parts": [edek.immutable().hex() for edek in edeks],
            "value": hex_or_none(value),
            "key": hex_or_none(key),
            "signed": signed.hex(),
            "signature": signature_.hex(),
            "nu_sig": (header + signature_).hex(),
        }


def grant():
    stream = Stream("kafka/grant")
    administrator = stream.bytes(32)
    gateways = [stream.bytes(8) for _ in range(3)]
    year_2026, year_2027 = 1_767_225_600_000, 1_798_761_600_000
    cases = [
        ("interactive, nothing optional", BBS98, INTERACTIVE, "orders", 0, "", "alice", 0, 0, 1, [], []),
        (
            "non-interactive, nothing optional",
            BBS98,
            NON_INTERACTIVE,
            "orders",
            0,
            "",
            "alice",
            0,
            0,
            1,
            [],
            [],
        ),
        ("interactive, ECIES", ECIES, INTERACTIVE, "orders", 0, "", "alice", 0, 0, 1, [], gateways[:1]),
        (
            "non-interactive, ECIES",
            ECIES,
            NON_INTERACTIVE,
            "orders",
            0,
            "",
            "alice",
            0,
            0,
            1,
            [],
            gateways[:1],
        ),
        ("one topic", BBS98, NON_INTERACTIVE, "orders", 0, "", "alice", 0, 0, 2, ["orders.eu"], gateways[:1]),
        (
            "everything",
            BBS98,
            NON_INTERACTIVE,
            "orders",
            7,
            "card",
            "User:CN=alice,O=Shop",
            year_2026,
            year_2027,
            0x0102030405060708,
            ["orders.eu", "orders.us", "returns"],
            gateways,
        ),
        (
            "everything, interactive, ECIES",
            ECIES,
            INTERACTIVE,
            "c" * 249,
            0xFFFFFFFF,
            "card",
            "alice",
            year_2026,
            0,
            2**64 - 1,
            ["orders.eu", "t" * 249],
            gateways[:2],
        ),
        (
            "not before the epoch of Unix",
            BBS98,
            NON_INTERACTIVE,
            "orders",
            0,
            "",
            "alice",
            -1,
            year_2026,
            3,
            [],
            [],
        ),
    ]
    for (
        name,
        suite,
        state,
        channel,
        epoch,
        field,
        principal,
        not_before,
        not_after,
        revision,
        topics,
        gates,
    ) in cases:
        a, b, x = (stream.scalar() for _ in range(3))
        if state == INTERACTIVE:
            rekey = formats.ReKey.interactive(suite, a, b)
        else:
            rekey = formats.ReKey.non_interactive(suite, a, multiply(b), x)
        X = rekey.X if state == NON_INTERACTIVE else None
        body = formats.grant_body(
            suite,
            state,
            rekey.A,
            rekey.B,
            X,
            rekey.T,
            channel,
            epoch,
            field,
            principal,
            not_before,
            not_after,
            revision,
            topics,
            gates,
        )
        yield {
            "name": name,
            "suite": suite,
            "state": state,
            "a": encode_scalar(a).hex(),
            "A": rekey.A.hex(),
            "b": encode_scalar(b).hex(),
            "B": rekey.B.hex(),
            "X": hex_or_none(X),
            "T": rekey.T.hex(),
            "rk": encode_scalar(rekey.rk).hex(),
            "channel": channel,
            "epoch": epoch,
            "field": field,
            "principal": principal,
            "not_before": not_before,
            "not_after": not_after,
            "revision": revision,
            "topics": topics,
            "gateways": [gate.hex() for gate in gates],
            "body": body.hex(),
            "body_sha256": primitives.sha256(body).hex(),
            "administrator_secret": administrator.hex(),
            "administrator_public": primitives.ed25519_public(administrator).hex(),
            "signature": primitives.ed25519_sign(administrator, body).hex(),
        }


def channel():
    """Descriptors; their keys follow from a master secret, as an administrator's do."""
    stream = Stream("kafka/channel")
    administrator, master = stream.bytes(32), stream.bytes(32)
    a, b = sorted(primitives.ed25519_public(stream.bytes(32)) for _ in range(2))
    everything = [(1, 0, ""), (1, 1, "card"), (2, 0, ""), (2, 1, "card"), (2, 7, "full name")]
    cases = [
        ("one key", BBS98, 0, 0, "orders", ["orders"], 1, [(1, 0, "")], [], [], []),
        ("encryption required", ECIES, 1, 0, "orders", ["orders"], 1, [(1, 0, "")], [], [], []),
        ("retired, no topics", BBS98, 2, 1, "orders", [], 9, [(1, 0, ""), (2, 0, "")], [], [], []),
        (
            "two topics and a pattern",
            BBS98,
            1,
            0,
            "orders",
            ["orders", "orders.*", "returns"],
            2,
            [(1, 0, "")],
            [],
            [],
            [],
        ),
        (
            "producers",
            BBS98,
            1,
            0,
            "orders",
            ["*"],
            3,
            [(1, 0, ""), (2, 0, "")],
            [("User:a", 1, 0, ""), ("User:a", 2, 0, ""), ("User:app-*", 2, 0, "")],
            [],
            [],
        ),
        (
            "signers",
            BBS98,
            1,
            3,
            "orders",
            ["orders"],
            4,
            [(1, 0, "")],
            [],
            [(1, a, "User:a"), (1, b, "User:app-*"), (2, a, "")],
            [],
        ),
        (
            "everything",
            ECIES,
            3,
            2,
            "c" * 249,
            ["t" * 249],
            2**64 - 1,
            everything,
            [("User:CN=a,O=Shop", 2, 1, "card")],
            [(1, b, "User:a")],
            [(1, 1, "card", ["$.card.number", "tag:PII"]), (7, 0, "full name", ["property:pii"])],
        ),
    ]
    for name, suite, flags, signatures, channel_, topics, revision, keys, producers, signers, fields in cases:

        def point(epoch, field, producer=None, suite=suite, channel_=channel_):
            secret = formats.derive_secret(master, suite, channel_, epoch, field, producer)
            return encode(multiply(secret))

        keys = [(epoch, slot, field, point(epoch, field)) for epoch, slot, field in keys]
        producers = [
            (who, epoch, slot, field, point(epoch, field, who)) for who, epoch, slot, field in producers
        ]
        body = formats.channel_body(
            suite, flags, signatures, channel_, topics, revision, keys, producers, signers, fields
        )

        def listed(epoch, slot, field, key):
            return {"epoch": epoch, "slot": slot, "field": field, "key": key.hex()}

        yield {
            "name": name,
            "suite": suite,
            "flags": flags,
            "signatures": signatures,
            "channel": channel_,
            "topics": topics,
            "revision": revision,
            "master": master.hex(),
            "keys": [listed(*key) for key in keys],
            "producers": [{"principal": who, **listed(*key)} for who, *key in producers],
            "signers": [
                {"role": role, "key": key.hex(), "principal": principal} for role, key, principal in signers
            ],
            "fields": [
                {"slot": slot, "flags": flag, "name": field, "selectors": selectors}
                for slot, flag, field, selectors in fields
            ],
            "body": body.hex(),
            "administrator_secret": administrator.hex(),
            "administrator_public": primitives.ed25519_public(administrator).hex(),
            "signature": primitives.ed25519_sign(administrator, body).hex(),
        }


ENVELOPE_FILES = {"signature.json": signature}
KAFKA_FILES = {"grant.json": grant, "channel.json": channel}
