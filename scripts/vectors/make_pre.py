"""Vectors for nucypher-pre."""

import curve
import formats
from curve import decode, encode, encode_scalar, multiply
from formats import BBS98, ECIES, ReKey
from primitives import Stream, ed25519_public

KIND = {formats.INTERACTIVE: "interactive", formats.NON_INTERACTIVE: "non-interactive"}


def scalar_hex(k):
    return encode_scalar(k).hex()


def keys():
    stream = Stream("pre/keys")
    secrets = [1, 2, 3, curve.N - 1, curve.N - 2, (curve.N - 1) // 2] + [stream.scalar() for _ in range(4)]
    for secret in secrets:
        public = encode(multiply(secret))
        yield {
            "secret": scalar_hex(secret),
            "public": public.hex(),
            "key_id": formats.key_id(public).hex(),
        }


def signing_keys():
    stream = Stream("pre/signing-keys")
    for seed in [bytes(32)] + [stream.bytes(32) for _ in range(3)]:
        public = ed25519_public(seed)
        yield {"seed": seed.hex(), "public": public.hex(), "sig_id": formats.sig_id(public).hex()}


def derive():
    stream = Stream("pre/derive")
    first, second = stream.bytes(32), stream.bytes(32)
    cases = [
        (first, BBS98, "orders", 0, "", None),
        (first, ECIES, "orders", 0, "", None),
        (first, BBS98, "orders", 1, "", None),
        (first, BBS98, "orders", 0xFFFFFFFF, "", None),
        (first, BBS98, "orders", 0, "card", None),
        (first, ECIES, "orders", 7, "card", None),
        # The same characters, cut elsewhere: the length prefixes keep them apart.
        (first, BBS98, "ordersc", 0, "ard", None),
        (first, BBS98, "a", 0, "", None),
        (first, BBS98, "A.b_c-9" + "x" * 242, 0, "", None),
        (second, BBS98, "orders", 0, "", None),
        (first, BBS98, "orders", 0, "", "shop-1"),
        (first, BBS98, "orders", 0, "", "shop-2"),
        (first, ECIES, "orders", 3, "card", "shop-1"),
        (first, BBS98, "orders", 0, "", ""),
        (second, ECIES, "orders", 0x01020304, "card", "User:CN=shop"),
    ]
    for master, suite, channel, epoch, field, producer in cases:
        secret = formats.derive_secret(master, suite, channel, epoch, field, producer)
        yield {
            "master": master.hex(),
            "suite": suite,
            "channel": channel,
            "epoch": epoch,
            "field": field,
            "producer": producer,
            "secret": scalar_hex(secret),
            "public": encode(multiply(secret)).hex(),
        }


def encapsulate():
    stream = Stream("pre/encapsulate")
    pairs = [(1, 1), (1, 2), (2, curve.N - 1), (curve.N - 1, 1)] + [
        (stream.scalar(), stream.scalar()) for _ in range(4)
    ]
    for suite in (BBS98, ECIES):
        for a, r in pairs:
            A = multiply(a)
            C, S = formats.encapsulate(suite, A, r)
            assert formats.decapsulate(suite, a, C) == S
            yield {
                "suite": suite,
                "a": scalar_hex(a),
                "A": encode(A).hex(),
                "r": scalar_hex(r),
                "C": encode(C).hex(),
                "S": encode(S).hex(),
            }


def make_rekey(kind, suite, a, b, x):
    if kind == formats.INTERACTIVE:
        return ReKey.interactive(suite, a, b)
    return ReKey.non_interactive(suite, a, multiply(b), x)


def grant_fields(rekey, b, x):
    """The fields of one re-encryption key; x, X, D and d are null where it is interactive."""
    fields = {"x": None, "X": None, "D": None, "d": None}
    if rekey.state == formats.NON_INTERACTIVE:
        D = multiply(x, multiply(b))
        d = formats.delegation_secret(rekey.suite, multiply(x), multiply(b), D)
        assert multiply(b, multiply(x)) == D and encode(multiply(d)) == rekey.T
        fields = {"x": scalar_hex(x), "X": rekey.X.hex(), "D": encode(D).hex(), "d": scalar_hex(d)}
    assert rekey.holds()
    return fields | {"T": rekey.T.hex(), "rk": scalar_hex(rekey.rk)}


def opening_scalar(rekey, b, x):
    if rekey.state == formats.INTERACTIVE:
        return b
    return formats.delegation_secret(rekey.suite, multiply(x), multiply(b), multiply(b, multiply(x)))


def reencrypt():
    stream = Stream("pre/reencrypt")
    tuples = [(1, 2, 3, 4), (curve.N - 1, 1, curve.N - 1, 1)]
    tuples += [tuple(stream.scalar() for _ in range(4)) for _ in range(3)]
    for suite in (BBS98, ECIES):
        for kind in KIND:
            for a, b, x, r in tuples:
                rekey = make_rekey(kind, suite, a, b, x)
                C, S = formats.encapsulate(suite, multiply(a), r)
                C_prime = multiply(rekey.rk, C)
                assert formats.decapsulate(suite, opening_scalar(rekey, b, x), C_prime) == S
                yield {
                    "suite": suite,
                    "kind": KIND[kind],
                    "a": scalar_hex(a),
                    "A": rekey.A.hex(),
                    "b": scalar_hex(b),
                    "B": rekey.B.hex(),
                    **grant_fields(rekey, b, x),
                    "r": scalar_hex(r),
                    "C": encode(C).hex(),
                    "C_prime": encode(C_prime).hex(),
                    "S": encode(S).hex(),
                }


def multihop():
    stream = Stream("pre/multihop")
    i, n = formats.INTERACTIVE, formats.NON_INTERACTIVE
    for suite in (BBS98, ECIES):
        for kinds in [(i, n), (i, i), (i, i, n)]:
            secrets = [stream.scalar() for _ in range(len(kinds) + 1)]
            r = stream.scalar()
            C, S = formats.encapsulate(suite, multiply(secrets[0]), r)
            vector = {
                "suite": suite,
                "a": scalar_hex(secrets[0]),
                "A": encode(multiply(secrets[0])).hex(),
                "r": scalar_hex(r),
                "C": encode(C).hex(),
                "S": encode(S).hex(),
                "hops": [],
            }
            for kind, a, b in zip(kinds, secrets, secrets[1:]):
                x = stream.scalar()
                rekey = make_rekey(kind, suite, a, b, x)
                before, C = C, multiply(rekey.rk, C)
                vector["hops"].append(
                    {
                        "kind": KIND[kind],
                        "a": scalar_hex(a),
                        "A": rekey.A.hex(),
                        "b": scalar_hex(b),
                        "B": rekey.B.hex(),
                        **grant_fields(rekey, b, x),
                        "C": encode(before).hex(),
                        "C_prime": encode(C).hex(),
                    }
                )
            assert formats.decapsulate(suite, opening_scalar(rekey, b, x), C) == S
            yield vector


def points_invalid():
    good = encode(multiply(Stream("pre/points-invalid").scalar()))
    x = good[1:]
    y = decode(good)[1].to_bytes(32, "big")
    off = 5
    while pow(off**3 + 7, (curve.P - 1) // 2, curve.P) == 1:
        off += 1
    cases = [
        ("empty", b"", "wrong length"),
        ("identity, one byte", b"\x00", "the identity (SEC 1 encoding, wrong length)"),
        ("identity, 33 zeros", bytes(33), "the identity, or tag 00"),
        ("tag 02, x = 0", b"\x02" + bytes(32), "not on the curve: 7 is no square"),
        ("tag 03, x = 0", b"\x03" + bytes(32), "not on the curve: 7 is no square"),
        ("not on the curve, even", b"\x02" + off.to_bytes(32, "big"), "not on the curve"),
        ("not on the curve, odd", b"\x03" + off.to_bytes(32, "big"), "not on the curve"),
        ("x = p", b"\x02" + curve.P.to_bytes(32, "big"), "x >= p"),
        ("x = p + 1", b"\x02" + (curve.P + 1).to_bytes(32, "big"), "x >= p; x mod p = 1 is on the curve"),
        ("x = 2^256 - 1", b"\x03" + b"\xff" * 32, "x >= p"),
        ("tag 00", b"\x00" + x, "wrong tag"),
        ("tag 01", b"\x01" + x, "wrong tag"),
        ("tag 04, 33 bytes", b"\x04" + x, "wrong tag"),
        ("tag 05", b"\x05" + x, "wrong tag"),
        ("tag 06, 33 bytes", b"\x06" + x, "wrong tag"),
        ("tag 07, 33 bytes", b"\x07" + x, "wrong tag"),
        ("tag 82", bytes([good[0] | 0x80]) + x, "wrong tag"),
        ("uncompressed", b"\x04" + x + y, "wrong length: only the compressed form is accepted"),
        ("hybrid", bytes([6 + (y[31] & 1)]) + x + y, "wrong length: only the compressed form is accepted"),
        ("one byte short", good[:-1], "wrong length"),
        ("one byte more", good + b"\x00", "wrong length"),
        ("no tag", x, "wrong length"),
    ]
    for name, data, why in cases:
        assert_refused(decode, data)
        yield {"name": name, "bytes": data.hex(), "why": why}


def scalars_invalid():
    good = encode_scalar(Stream("pre/scalars-invalid").scalar())
    cases = [
        ("zero", bytes(32), "zero"),
        ("n", curve.N.to_bytes(32, "big"), ">= n"),
        ("n + 1", (curve.N + 1).to_bytes(32, "big"), ">= n"),
        ("p", curve.P.to_bytes(32, "big"), ">= n"),
        ("2^256 - 1", b"\xff" * 32, ">= n"),
        ("empty", b"", "wrong length"),
        ("one byte short", good[:-1], "wrong length"),
        ("one byte more", b"\x00" + good, "wrong length"),
        ("one zero byte", b"\x00", "wrong length"),
    ]
    for name, data, why in cases:
        assert_refused(curve.decode_scalar, data)
        yield {"name": name, "bytes": data.hex(), "why": why}


def assert_refused(decoder, data):
    try:
        decoder(data)
    except ValueError:
        return
    raise AssertionError(f"accepted: {data.hex()}")


FILES = {
    "keys.json": lambda: {"vectors": list(keys()), "signing_keys": list(signing_keys())},
    "derive.json": derive,
    "encapsulate.json": encapsulate,
    "reencrypt.json": reencrypt,
    "multihop.json": multihop,
    "points-invalid.json": points_invalid,
    "scalars-invalid.json": scalars_invalid,
}
