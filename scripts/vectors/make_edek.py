"""Vectors for nucypher-envelope: the EDEK and the record header `nu.edek`."""

from dataclasses import replace

import curve
import formats
from curve import encode, encode_scalar, multiply
from formats import BBS98, ECIES, FRESH, INTERACTIVE, NON_INTERACTIVE, Edek, ReKey
from primitives import Stream

SUITES = (BBS98, ECIES)


def delegated(stream, suite, slot=0):
    """A delegating key a, a consumer key b, a fresh EDEK under a and its re-encryptions for b."""
    a, b, r, x = (stream.scalar() for _ in range(4))
    edek, S, okm = formats.fresh_edek(suite, slot, multiply(a), r)
    rekeys = {
        INTERACTIVE: ReKey.interactive(suite, a, b),
        NON_INTERACTIVE: ReKey.non_interactive(suite, a, multiply(b), x),
    }
    forms = {FRESH: (edek, a, None)}
    for state, rekey in rekeys.items():
        forms[state] = (formats.reencrypt(edek, rekey), b, rekey)
    for form, secret, _ in forms.values():
        assert formats.open_edek(form, secret) == okm[:32]
        assert Edek.decode(form.encode()) == form and form.immutable() == edek.immutable()
    return forms, S, okm


def public_hex(secret):
    return encode(multiply(secret)).hex()


def edek():
    stream = Stream("envelope/edek")
    for suite in SUITES:
        for slot in (0, 1, 255):
            forms, S, okm = delegated(stream, suite, slot)
            for state, (form, opener, rekey) in forms.items():
                yield {
                    "suite": suite,
                    "state": state,
                    "slot": slot,
                    "delegating_public": public_hex(forms[FRESH][1]),
                    "opening_key_id": form.opening_key_id.hex(),
                    "C": form.C.hex(),
                    "X": form.X.hex(),
                    "S": encode(S).hex(),
                    "okm": okm.hex(),
                    "dek": okm[:32].hex(),
                    "commitment": okm[32:].hex(),
                    "edek": form.encode().hex(),
                    "opening_secret": encode_scalar(opener).hex(),
                    "opening_public": public_hex(opener),
                    "rekey": rekey.encode().hex() if rekey else None,
                    "fresh_edek": forms[FRESH][0].encode().hex(),
                    "immutable": form.immutable().hex(),
                }


def header():
    stream = Stream("envelope/header")
    for suite, slots in [
        (BBS98, [0]),
        (ECIES, [5]),
        (BBS98, [0, 1]),
        (BBS98, [1, 2, 255]),
        (ECIES, [0, 7, 8, 9]),
    ]:
        chosen, entries = [], []
        for at, slot in enumerate(slots):
            forms, _, okm = delegated(stream, suite, slot)
            form, opener, _ = forms[at % 3]
            chosen.append(form)
            entries.append(
                {
                    "slot": slot,
                    "state": form.state,
                    "edek": form.encode().hex(),
                    "opening_secret": encode_scalar(opener).hex(),
                    "dek": okm[:32].hex(),
                }
            )
        value = formats.encode_header(chosen)
        assert formats.decode_header(value) == chosen
        yield {"suite": suite, "slots": slots, "edeks": entries, "nu_edek": value.hex()}


def edek_invalid():
    stream = Stream("envelope/edek-invalid")
    forms, _, _ = delegated(stream, BBS98)
    fresh, interactive, non_interactive = (forms[state][0] for state in (FRESH, INTERACTIVE, NON_INTERACTIVE))
    off_curve = b"\x02" + (5).to_bytes(32, "big")
    beyond_p = b"\x02" + (curve.P + 1).to_bytes(32, "big")
    good = fresh.encode()

    def at(offset, value, form=good):
        return form[:offset] + value + form[offset + len(value) :]

    cases = [
        ("empty", b"", "length", 0),
        ("one byte", good[:1], "length", 1),
        ("101 bytes", good[:-1], "length", 101),
        ("103 bytes", good + b"\x00", "length", 102),
        ("version 0", at(0, b"\x00"), "version", 0),
        ("version 2", at(0, b"\x02"), "version", 0),
        ("version 255", at(0, b"\xff"), "version", 0),
        ("suite 0", at(1, b"\x00"), "suite", 1),
        ("suite 3", at(1, b"\x03"), "suite", 1),
        ("suite 255", at(1, b"\xff"), "suite", 1),
        ("state 3", at(2, b"\x03"), "state", 2),
        ("state 255", at(2, b"\xff"), "state", 2),
        ("state 0, ids differ", at(12, interactive.opening_key_id), "opening_key_id", 12),
        ("state 0, ids differ in one bit", at(19, bytes([good[19] ^ 1])), "opening_key_id", 12),
        ("capsule not on the curve", at(20, off_curve), "capsule", 20),
        ("capsule x >= p", at(20, beyond_p), "capsule", 20),
        ("capsule zeros", at(20, bytes(33)), "capsule", 20),
        ("capsule tag 04", at(20, b"\x04"), "capsule", 20),
        ("capsule tag 00", at(20, b"\x00"), "capsule", 20),
        ("state 0, X is a point", at(53, non_interactive.X), "precursor", 53),
        ("state 0, first byte of X not zero", at(53, b"\x01"), "precursor", 53),
        ("state 0, last byte of X not zero", at(85, b"\x01"), "precursor", 53),
        ("state 1, X is a point", at(53, non_interactive.X, interactive.encode()), "precursor", 53),
        ("state 1, last byte of X not zero", at(85, b"\x80", interactive.encode()), "precursor", 53),
        ("state 1, capsule not on the curve", at(20, off_curve, interactive.encode()), "capsule", 20),
        ("state 2, X zeros", at(53, bytes(33), non_interactive.encode()), "precursor", 53),
        ("state 2, X not on the curve", at(53, off_curve, non_interactive.encode()), "precursor", 53),
        ("state 2, X with x >= p", at(53, beyond_p, non_interactive.encode()), "precursor", 53),
        ("state 2, X with tag 04", at(53, b"\x04", non_interactive.encode()), "precursor", 53),
        ("state 2, capsule not on the curve", at(20, off_curve, non_interactive.encode()), "capsule", 20),
    ]
    for name, data, field, offset in cases:
        yield invalid_edek(name, "edek", data, field, offset)

    one, two = replace(fresh, slot=1).encode(), replace(interactive, slot=2).encode()
    every = b"".join(replace(fresh, slot=slot).encode() for slot in range(256))
    cases = [
        ("empty header", b"", "length", 0),
        ("header of 101 bytes", good[:-1], "length", 101),
        ("header of 103 bytes", good + b"\x01", "length", 103),
        ("header of two EDEKs, one byte short", one + two[:-1], "length", 203),
        ("header of two EDEKs and one byte", one + two + b"\x01", "length", 205),
        ("slots descend", two + one, "slot", 105),
        ("duplicate slot", one + replace(interactive, slot=1).encode(), "slot", 105),
        ("duplicate EDEK", good + good, "slot", 105),
        ("third slot descends", good + two + one, "slot", 207),
        ("second EDEK of version 2", one + at(0, b"\x02", two), "version", 102),
        ("second capsule not on the curve", one + at(20, off_curve, two), "capsule", 122),
        ("256 EDEKs", every, "length", 255 * 102),
    ]
    for name, data, field, offset in cases:
        yield invalid_edek(name, "header", data, field, offset)


def invalid_edek(name, parse, data, field, offset):
    """`parse` says what refuses the bytes: one EDEK alone, or the whole `nu.edek`."""
    try:
        Edek.decode(data) if parse == "edek" else formats.decode_header(data)
    except formats.Malformed as flaw:
        assert (flaw.field, flaw.offset) == (field, offset), (name, flaw.field, flaw.offset)
        return {
            "name": name,
            "parse": parse,
            "bytes": data.hex(),
            "field": field,
            "offset": offset,
            "why": flaw.why,
        }
    raise AssertionError(f"accepted: {name}")


FILES = {
    "edek.json": edek,
    "header.json": header,
    "edek-invalid.json": edek_invalid,
}
