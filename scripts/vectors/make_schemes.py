"""Vectors for nucypher-pre: ElGamal, splitting, proofs of re-encryption."""

import curve
import formats
import schemes
from curve import decode, encode, multiply
from formats import BBS98, ECIES, ReKey
from make_pre import KIND, make_rekey, opening_scalar, scalar_hex
from primitives import Stream

LAST = curve.N - 1


def tagged_hex(data):
    return (bytes([schemes.TAG]) + data).hex()


def refused(check, *arguments):
    try:
        check(*arguments)
    except ValueError:
        return
    raise AssertionError(f"accepted: {arguments}")


# ElGamal


def elgamal():
    stream = Stream("pre/elgamal")
    tuples = [(1, 2, 1, 1), (LAST, 1, LAST, 2), (2, LAST, 5, LAST)]
    tuples += [tuple(stream.scalar() for _ in range(4)) for _ in range(4)]
    for a, b, m, r in tuples:
        A, B, M = multiply(a), multiply(b), multiply(m)
        rk = b * curve.invert(a) % curve.N
        first = schemes.elgamal_encrypt(A, M, r)
        second = schemes.elgamal_reencrypt(rk, first)
        assert schemes.elgamal_decrypt(a, first) == schemes.elgamal_decrypt(b, second) == M
        assert second == schemes.elgamal_encrypt(B, M, r)
        rekey = encode(A) + encode(B) + curve.encode_scalar(rk)
        assert schemes.decode_elgamal_rekey(bytes([schemes.TAG]) + rekey) == (A, B, rk)
        yield {
            "secret": tagged_hex(curve.encode_scalar(a)),
            "public": tagged_hex(encode(A)),
            "key_id": schemes.elgamal_key_id(A).hex(),
            "delegatee": tagged_hex(curve.encode_scalar(b)),
            "rekey": tagged_hex(rekey),
            "M": encode(M).hex(),
            "r": scalar_hex(r),
            "ciphertext": schemes.encode_ciphertext(first).hex(),
            "reencrypted": schemes.encode_ciphertext(second).hex(),
        }


def elgamal_strings():
    stream = Stream("pre/elgamal-strings")
    messages = [b"", b"\x00", b"a", b"\x00" * 29, b"\xff" * 29, b"\x00" * 30, b"\xff" * 30]
    messages += [stream.bytes(31), stream.bytes(60), stream.bytes(100), "naïve".encode()]
    for message in messages:
        a = stream.scalar()
        A = multiply(a)
        chunks, points = [], []
        for chunk in schemes.cut(message):
            counters = iter(lambda: stream.bytes(1)[0], None)
            point, tried = schemes.encode_chunk(chunk, counters)
            r = stream.scalar()
            ciphertext = schemes.elgamal_encrypt(A, point, r)
            points.append(schemes.elgamal_decrypt(a, ciphertext))
            chunks.append(
                {
                    "counters": bytes(tried).hex(),
                    "point": encode(point).hex(),
                    "r": scalar_hex(r),
                    "ciphertext": schemes.encode_ciphertext(ciphertext).hex(),
                }
            )
        assert schemes.join(points) == message
        yield {"secret": tagged_hex(curve.encode_scalar(a)), "message": message.hex(), "chunks": chunks}


def elgamal_invalid():
    stream = Stream("pre/elgamal-invalid")
    a, b, r = (stream.scalar() for _ in range(3))
    A, B, M = multiply(a), multiply(b), multiply(stream.scalar())
    rk = b * curve.invert(a) % curve.N
    good = schemes.encode_ciphertext(schemes.elgamal_encrypt(A, M, r))
    secret, point = curve.encode_scalar(a), encode(A)
    tag = bytes([schemes.TAG])
    off = b"\x02" + (5).to_bytes(32, "big")
    order = curve.N.to_bytes(32, "big")
    pair = encode(A) + encode(B)
    scalar = curve.encode_scalar
    readers = {
        "ciphertext": schemes.decode_ciphertext,
        "public": schemes.decode_elgamal_public,
        "secret": schemes.decode_elgamal_secret,
        "rekey": schemes.decode_elgamal_rekey,
    }
    cases = [
        ("ciphertext one byte short", "ciphertext", good[:-1], "length"),
        ("ciphertext one byte more", "ciphertext", good + b"\x00", "length"),
        ("C1 is the identity", "ciphertext", bytes(33) + good[33:], "not-on-curve"),
        ("C2 is the identity", "ciphertext", good[:33] + bytes(33), "not-on-curve"),
        ("C1 is not on the curve", "ciphertext", off + good[33:], "not-on-curve"),
        ("C2 is not on the curve", "ciphertext", good[:33] + off, "not-on-curve"),
        ("public key without its tag", "public", point, "length"),
        ("public key with another tag", "public", b"\xe2" + point, "unsupported"),
        ("public key is the identity", "public", tag + bytes(33), "not-on-curve"),
        ("public key is not on the curve", "public", tag + off, "not-on-curve"),
        ("private key without its tag", "secret", secret, "length"),
        ("private key with another tag", "secret", b"\x01" + secret, "unsupported"),
        ("private key is zero", "secret", tag + bytes(32), "scalar-range"),
        ("private key is n", "secret", tag + order, "scalar-range"),
        ("re-encryption key without its tag", "rekey", pair + scalar(rk), "length"),
        ("re-encryption key with another tag", "rekey", b"\x00" + pair + scalar(rk), "unsupported"),
        ("rk is zero", "rekey", tag + pair + bytes(32), "scalar-range"),
        ("rk is n", "rekey", tag + pair + order, "scalar-range"),
        ("rk leads elsewhere", "rekey", tag + pair + scalar(rk ^ 1), "key-mismatch"),
        ("rk leads back", "rekey", tag + pair + scalar(curve.invert(rk)), "key-mismatch"),
        ("A = B", "rekey", tag + encode(A) + encode(A) + scalar(1), "self-delegation"),
        ("A is not on the curve", "rekey", tag + off + encode(B) + scalar(rk), "not-on-curve"),
    ]
    for name, what, data, error in cases:
        refused(readers[what], data)
        yield {"name": name, "what": what, "secret": None, "bytes": data.hex(), "error": error}

    def row(*points):
        return b"".join(
            schemes.encode_ciphertext(schemes.elgamal_encrypt(A, point, stream.scalar()))
            for point in points
        )

    def read(data):
        data = [data[at : at + 66] for at in range(0, len(data), 66)]
        parts = [schemes.decode_ciphertext(part) for part in data]
        return schemes.join([schemes.elgamal_decrypt(a, part) for part in parts])

    def on_curve(head, text):
        """The point of the first good counter, without the encoder's checks."""
        for counter in range(256):
            try:
                return decode(b"\x02" + bytes([head]) + text + bytes([counter]))
            except ValueError:
                continue

    full, end = on_curve(30, b"f" * 30), on_curve(3, b"end" + bytes(27))
    assert read(row(full, end)) == b"f" * 30 + b"end"
    cases = [
        ("no chunk", b"", "message-encoding"),
        ("the last chunk is full", row(full), "message-encoding"),
        ("an end before the end", row(end, end), "message-encoding"),
        ("length 31", row(on_curve(31, b"x" * 30)), "message-encoding"),
        ("padding is not zero", row(on_curve(3, b"end" + bytes(26) + b"\x01")), "message-encoding"),
        ("y is odd", row(schemes.negate(end)), "message-encoding"),
        ("the message is the identity", encode(A) + encode(curve.G), "identity"),
    ]
    for name, data, error in cases:
        refused(read, data)
        yield {
            "name": name,
            "what": "string",
            "secret": tagged_hex(secret),
            "bytes": data.hex(),
            "error": error,
        }


# Splitting


def grant(stream, suite, kind):
    """A re-encryption key with what made it."""
    a, b, x = (stream.scalar() for _ in range(3))
    rekey = make_rekey(kind, suite, a, b, x)
    return rekey, a, b, x, {
        "suite": suite,
        "kind": KIND[kind],
        "A": rekey.A.hex(),
        "B": rekey.B.hex(),
        "X": rekey.X.hex() if kind == formats.NON_INTERACTIVE else None,
        "T": rekey.T.hex(),
        "rk": scalar_hex(rekey.rk),
    }


def split():
    stream = Stream("pre/split")
    for suite in (BBS98, ECIES):
        for kind in KIND:
            for k in (2, 3, 5):
                rekey, a, b, x, fields = grant(stream, suite, kind)
                drawn = [stream.scalar() for _ in range(k - 1)]
                C, S = formats.encapsulate(suite, multiply(a), stream.scalar())
                factors, before = [], C
                for factor in schemes.split_row(rekey, drawn):
                    assert ReKey.decode(factor.encode()) == factor
                    before = multiply(factor.rk, before)
                    factors.append({"key": factor.encode().hex(), "C_prime": encode(before).hex()})
                assert before == multiply(rekey.rk, C)
                assert formats.decapsulate(suite, opening_scalar(rekey, b, x), before) == S
                yield {
                    **fields,
                    "drawn": [scalar_hex(f) for f in drawn],
                    "C": encode(C).hex(),
                    "factors": factors,
                }


def make_fragment(sharing, shares, i, C, u):
    C_i = multiply(shares[i - 1], C)
    proof, _ = schemes.prove(
        sharing.fragment_body(i, C, C_i), [sharing.relation()[0], C], shares[i - 1], u
    )
    return bytes([i]) + encode(C_i) + proof


def share():
    stream = Stream("pre/share")
    shapes = [(2, 2, (1, 2)), (2, 3, (3, 1)), (3, 5, (5, 2, 4)), (4, 4, (2, 1, 4, 3))]
    for suite in (BBS98, ECIES):
        for kind in KIND:
            for t, n, chosen in shapes:
                rekey, a, _, _, fields = grant(stream, suite, kind)
                drawn = [stream.scalar() for _ in range(t - 1)]
                sharing, shares = schemes.share(rekey, n, drawn)
                C, _ = formats.encapsulate(suite, multiply(a), stream.scalar())
                fragments, points = [], []
                for i in chosen:
                    u = stream.bytes(32)
                    data = make_fragment(sharing, shares, i, C, u)
                    points.append(sharing.check_fragment(data, C))
                    fragments.append({"index": i, "u": u.hex(), "fragment": data.hex()})
                C_prime = schemes.combine(t, points)
                assert C_prime == multiply(rekey.rk, C)
                encoded = [bytes([i]) + curve.encode_scalar(s) for i, s in enumerate(shares, 1)]
                again = schemes.Sharing.decode(sharing.encode())
                assert [again.check_share(data)[1] for data in encoded] == shares
                yield {
                    **fields,
                    "t": t,
                    "n": n,
                    "drawn": [scalar_hex(a_k) for a_k in drawn],
                    "sharing": sharing.encode().hex(),
                    "digest": sharing.digest().hex(),
                    "shares": [data.hex() for data in encoded],
                    "V": [encode(sharing.V(i)).hex() for i in range(1, n + 1)],
                    "C": encode(C).hex(),
                    "fragments": fragments,
                    "C_prime": encode(C_prime).hex(),
                }


def share_invalid():
    stream = Stream("pre/share-invalid")
    rekey, a, _, _, _ = grant(stream, BBS98, formats.NON_INTERACTIVE)
    direct, _, _, _, _ = grant(stream, ECIES, formats.INTERACTIVE)
    sharing, shares = schemes.share(rekey, 3, [stream.scalar()])
    other, _ = schemes.share(rekey, 3, [stream.scalar()])
    plain, _ = schemes.share(direct, 3, [stream.scalar()])
    C, _ = formats.encapsulate(BBS98, multiply(a), stream.scalar())
    D, _ = formats.encapsulate(BBS98, multiply(a), stream.scalar())
    good, plain = sharing.encode(), plain.encode()
    off = b"\x02" + (5).to_bytes(32, "big")
    order = curve.N.to_bytes(32, "big")

    def put(data, at, value):
        return data[:at] + value + data[at + len(value) :]

    # F_1 so that V_1 = Q + F_1 is the identity.
    Q = sharing.relation()[1]
    vanishing = put(good, 137, encode(schemes.negate(Q)))
    cases = [
        ("one byte short", good[:-1], "length"),
        ("one byte more", good + b"\x00", "length"),
        ("no commitment", good[:137], "length"),
        ("t = 3 with the commitments of 2", put(good, 3, b"\x03"), "length"),
        ("version 2", put(good, 0, b"\x02"), "unsupported"),
        ("suite 3", put(good, 1, b"\x03"), "unsupported"),
        ("state 0", put(good, 2, b"\x00"), "unsupported"),
        ("interactive with a precursor", put(good, 2, b"\x01"), "unsupported"),
        ("t = 1", put(good, 3, b"\x01")[:137], "threshold"),
        ("t = 0", put(good, 3, b"\x00"), "threshold"),
        ("n below t", put(good, 4, b"\x01"), "threshold"),
        ("A is not on the curve", put(good, 5, off), "not-on-curve"),
        ("X is zeros where non-interactive", put(good, 71, bytes(33)), "not-on-curve"),
        ("F_1 is the identity", put(good, 137, bytes(33)), "not-on-curve"),
        ("A = B", put(good, 38, good[5:38]), "self-delegation"),
        ("interactive with T other than B", put(plain, 104, encode(curve.G)), "key-mismatch"),
    ]
    for name, data, error in cases:
        refused(schemes.Sharing.decode, data)
        yield {"name": name, "what": "sharing", "sharing": data.hex(), "error": error}

    def encoded(i, s):
        return bytes([i]) + curve.encode_scalar(s)

    first = encoded(1, shares[0])
    cases = [
        ("share one byte short", good, first[:-1], "length"),
        ("share one byte more", good, first + b"\x00", "length"),
        ("share is zero", good, b"\x01" + bytes(32), "scalar-range"),
        ("share is n", good, b"\x01" + order, "scalar-range"),
        ("share has index 0", good, encoded(0, rekey.rk), "share-index"),
        ("share has index n + 1", good, encoded(4, (2 * shares[2] - shares[1]) % curve.N), "share-index"),
        ("share of another index", good, encoded(2, shares[0]), "share-mismatch"),
        ("share of another sharing", other.encode(), first, "share-mismatch"),
        ("share is rk", good, encoded(1, rekey.rk), "share-mismatch"),
        ("share whose commitment is the identity", vanishing, first, "identity"),
    ]
    for name, of, data, error in cases:
        refused(schemes.Sharing.decode(of).check_share, data)
        yield {"name": name, "what": "share", "sharing": of.hex(), "share": data.hex(), "error": error}

    fragment = make_fragment(sharing, shares, 1, C, stream.bytes(32))
    second = make_fragment(sharing, shares, 2, C, stream.bytes(32))
    sharing.check_fragment(fragment, C)
    # A proof of the right statement for C_1, made under the label of a re-encryption.
    point, P = decode(fragment[1:34]), sharing.relation()[0]
    labelled = schemes.body(
        b"nucypher/v1/reencryption-proof", bytes([BBS98]), P, sharing.V(1), C, point
    )
    mislabelled = fragment[:34] + schemes.prove(labelled, [P, C], shares[0], stream.bytes(32))[0]
    cases = [
        ("fragment one byte short", good, fragment[:-1], C, "length"),
        ("fragment one byte more", good, fragment + b"\x00", C, "length"),
        ("C_1 is the identity", good, put(fragment, 1, bytes(33)), C, "not-on-curve"),
        ("C_1 is not on the curve", good, put(fragment, 1, off), C, "not-on-curve"),
        ("c is zero", good, put(fragment, 34, bytes(32)), C, "scalar-range"),
        ("z is n", good, put(fragment, 66, order), C, "scalar-range"),
        ("fragment has index 0", good, put(fragment, 0, b"\x00"), C, "share-index"),
        ("fragment has index n + 1", good, put(fragment, 0, b"\x04"), C, "share-index"),
        ("fragment has another index", good, put(fragment, 0, b"\x02"), C, "proof"),
        ("C_1 is another share's", good, put(fragment, 1, second[1:34]), C, "proof"),
        ("C_1 is negated", good, put(fragment, 1, bytes([fragment[1] ^ 1])), C, "proof"),
        ("fragment of another capsule", good, fragment, D, "proof"),
        ("fragment of another sharing", other.encode(), fragment, C, "proof"),
        ("n was raised", put(good, 4, b"\x04"), fragment, C, "proof"),
        ("proof under the label of a re-encryption", good, mislabelled, C, "proof"),
        ("fragment whose commitment is the identity", vanishing, fragment, C, "identity"),
    ]
    for name, of, data, capsule, error in cases:
        refused(schemes.Sharing.decode(of).check_fragment, data, capsule)
        yield {
            "name": name,
            "what": "fragment",
            "sharing": of.hex(),
            "C": encode(capsule).hex(),
            "fragment": data.hex(),
            "error": error,
        }


# Proofs


def make_proof(rekey, C, u):
    """(C', proof, k)."""
    C_prime = multiply(rekey.rk, C)
    A, T = decode(rekey.A), decode(rekey.T)
    statement, (P, _) = schemes.reencryption_body(rekey.suite, A, T, C, C_prime)
    proof, k = schemes.prove(statement, [P, C], rekey.rk, u)
    return encode(C_prime), proof, k


def proof():
    stream = Stream("pre/proof")
    for suite in (BBS98, ECIES):
        for kind in KIND:
            for u in (bytes(32), stream.bytes(32)):
                rekey, a, _, _, fields = grant(stream, suite, kind)
                C, _ = formats.encapsulate(suite, multiply(a), stream.scalar())
                C_prime, made, k = make_proof(rekey, C, u)
                schemes.check_reencryption(suite, rekey.A, rekey.T, encode(C), C_prime, made)
                yield {
                    **fields,
                    "C": encode(C).hex(),
                    "u": u.hex(),
                    "k": scalar_hex(k),
                    "C_prime": C_prime.hex(),
                    "proof": made.hex(),
                }


def proof_invalid():
    stream = Stream("pre/proof-invalid")
    for suite in (BBS98, ECIES):
        rekey, a, _, _, _ = grant(stream, suite, formats.NON_INTERACTIVE)
        other, _, _, _, _ = grant(stream, suite, formats.NON_INTERACTIVE)
        C, _ = formats.encapsulate(suite, multiply(a), stream.scalar())
        D, _ = formats.encapsulate(suite, multiply(a), stream.scalar())
        C_prime, made, k = make_proof(rekey, C, stream.bytes(32))
        D_prime, of_d, _ = make_proof(rekey, D, stream.bytes(32))
        c, z = made[:32], made[32:]
        order = curve.N.to_bytes(32, "big")
        A, T, C, D = rekey.A, rekey.T, encode(C), encode(D)
        points = [decode(point) for point in (A, T, C, C_prime)]
        statement, (P, Q) = schemes.reencryption_body(suite, *points)
        bases = [P, points[2]]
        schemes.check_reencryption(suite, A, T, C, C_prime, made)

        def under(*statement_parts):
            return schemes.prove(b"".join(statement_parts), bases, rekey.rk, stream.bytes(32))[0]

        encoded = b"".join(encode(point) for point in (P, Q, points[2], points[3]))
        label = b"nucypher/v1/reencryption-proof"
        assert label + bytes([suite]) + encoded == statement
        swapped = encode(Q) + encode(P) + encoded[66:]
        weak = schemes.h512_mod_n(b"".join(encode(multiply(k, base)) for base in bases))
        weak = curve.encode_scalar(weak) + curve.encode_scalar((k + weak * rekey.rk) % curve.N)
        wrong = encode(multiply(2, points[3]))
        cases = [
            ("proof one byte short", A, T, C, C_prime, made[:-1], "length"),
            ("proof one byte more", A, T, C, C_prime, made + b"\x00", "length"),
            ("c is zero", A, T, C, C_prime, bytes(32) + z, "scalar-range"),
            ("c is n", A, T, C, C_prime, order + z, "scalar-range"),
            ("z is zero", A, T, C, C_prime, c + bytes(32), "scalar-range"),
            ("z is n", A, T, C, C_prime, c + order, "scalar-range"),
            ("c and z exchanged", A, T, C, C_prime, z + c, "proof"),
            ("C' is twice what it should be", A, T, C, wrong, made, "proof"),
            ("C' is C", A, T, C, C, made, "proof"),
            ("C' is negated", A, T, C, bytes([C_prime[0] ^ 1]) + C_prime[1:], made, "proof"),
            ("C and C' exchanged", A, T, C_prime, C, made, "proof"),
            ("another capsule", A, T, D, C_prime, made, "proof"),
            ("another proof of this key", A, T, C, C_prime, of_d, "proof"),
            ("another delegator", other.A, T, C, C_prime, made, "proof"),
            ("another target", A, other.T, C, C_prime, made, "proof"),
            ("A and T exchanged", T, A, C, C_prime, made, "proof"),
            ("another label", A, T, C, C_prime, under(b"nucypher/v1/fragment-proof", bytes([suite]), encoded), "proof"),
            ("the suite is not hashed", A, T, C, C_prime, under(label, encoded), "proof"),
            ("another suite is hashed", A, T, C, C_prime, under(label, bytes([3 - suite]), encoded), "proof"),
            ("base and image hashed in the other order", A, T, C, C_prime, under(label, bytes([suite]), swapped), "proof"),
            ("only the commitments are hashed", A, T, C, C_prime, weak, "proof"),
            ("R1 and R2 are the identity", A, T, C, C_prime, c + curve.encode_scalar(
                int.from_bytes(c, "big") * rekey.rk % curve.N), "proof"),
        ]
        for name, *case, error in cases:
            refused(schemes.check_reencryption, suite, *case)
            fields = dict(zip(("A", "T", "C", "C_prime", "proof"), (part.hex() for part in case)))
            yield {"name": name, "suite": suite, **fields, "error": error}


FILES = {
    "elgamal.json": elgamal,
    "elgamal-strings.json": elgamal_strings,
    "elgamal-invalid.json": elgamal_invalid,
    "split.json": split,
    "share.json": share,
    "share-invalid.json": share_invalid,
    "proof.json": proof,
    "proof-invalid.json": proof_invalid,
}
