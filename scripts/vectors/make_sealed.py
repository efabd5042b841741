"""Vectors for nucypher-envelope: sealed values, tombstones and sealed files."""

from dataclasses import dataclass

import formats
from curve import encode, encode_scalar, multiply
from formats import FRESH, INTERACTIVE, KEY_BOUND, LZ4, NON_INTERACTIVE, PADDED, PLACE_BOUND, ZSTD, Edek
from make_edek import SUITES, delegated, public_hex
from pem import REKEY_LABEL, encode_pem
from primitives import Stream

ORDER = b'{"order":17,"customer":{"name":"Ada","card":"4111 1111 1111 1111"},"items":[1,2,3]}'
LONG = b"".join(b'{"order":%d,"state":"packed","weight":%d}\n' % (at, at * 7) for at in range(12))
TOPIC, PARTITION, KEY = "orders.eu", 3, b"order-17"


@dataclass
class Session:
    """One DEK: its EDEK in the form that the opener gets, and the opener's secret."""

    suite: int
    slot: int
    edek: Edek
    opening_secret: int
    dek: bytes
    prefix: bytes

    @classmethod
    def draw(cls, stream, suite, slot=0, state=FRESH):
        forms, _, okm = delegated(stream, suite, slot)
        form, opener, _ = forms[state]
        return cls(suite, slot, form, opener, okm[:32], stream.bytes(4))

    def fields(self):
        return {
            "dek": self.dek.hex(),
            "suite": self.suite,
            "slot": self.slot,
            "delegating_key_id": self.edek.delegating_key_id.hex(),
            "commitment": self.edek.commitment.hex(),
            "edek": self.edek.encode().hex(),
            "opening_secret": encode_scalar(self.opening_secret).hex(),
        }

    def aad(self, flags, context, record_key, topic, partition):
        edek = self.edek
        return formats.aad(
            flags,
            self.suite,
            self.slot,
            edek.delegating_key_id,
            edek.commitment,
            context.encode(),
            record_key,
            topic,
            partition,
        )


def place(context="orders", record_key=KEY, topic=TOPIC, partition=PARTITION):
    return {"context": context, "record_key": record_key, "topic": topic, "partition": partition}


def place_fields(at):
    key = at["record_key"]
    return at | {"record_key": None if key is None else key.hex()}


def sealed():
    stream = Stream("envelope/sealed")
    for suite in SUITES:
        whole = Session.draw(stream, suite)
        card = Session.draw(stream, suite, slot=1)
        remote = Session.draw(stream, suite, state=NON_INTERACTIVE)

        def case(name, flags, plaintext, at, session=whole, number=0, token=0, kind="value", frame=None):
            nonce = formats.nonce(session.prefix, number, token)
            aad = session.aad(flags, **at)
            compressed = formats.compress(flags, plaintext) if frame is None else frame
            text = formats.pad(compressed) if flags & PADDED else compressed
            value = formats.seal_text(session.dek, flags, nonce, aad, text)
            opened = formats.open_sealed(
                session.dek, session.edek, value, **at | {"context": at["context"].encode()}
            )
            assert opened == plaintext
            if kind == "tombstone":
                formats.open_tombstone(
                    session.dek, session.edek, value, **at | {"context": at["context"].encode()}
                )
            return {
                "name": name,
                "kind": kind,
                "flags": flags,
                "nonce": nonce.hex(),
                **session.fields(),
                **place_fields(at),
                "plaintext": plaintext.hex(),
                "compressed_text": compressed.hex() if flags & formats.COMPRESSION else None,
                "aad": aad.hex(),
                "value": value.hex(),
            }

        yield case("no flags, no key", 0, ORDER, place(record_key=None))
        yield case("no flags, a key that is not bound", 0, ORDER, place(), number=1)
        yield case("no flags, empty text", 0, b"", place(), number=2)
        yield case("key bound", KEY_BOUND, ORDER, place(), number=3)
        yield case("key bound, empty text", KEY_BOUND | PADDED, b"", place(), number=4)
        yield case("key bound, empty key", KEY_BOUND, ORDER, place(record_key=b""), number=5)
        yield case("key bound, null key", KEY_BOUND, ORDER, place(record_key=None), number=6)
        yield case(
            "key bound, key of 300 bytes",
            KEY_BOUND,
            ORDER,
            place(record_key=bytes(range(256)) + bytes(44)),
            number=7,
        )
        yield case("place bound", PLACE_BOUND, ORDER, place(), number=8)
        yield case("key and place bound", KEY_BOUND | PLACE_BOUND, ORDER, place(partition=0), number=9)
        yield case(
            "key and place bound, longest topic, last partition",
            KEY_BOUND | PLACE_BOUND,
            ORDER,
            place(topic="t" * 249, partition=0x7FFFFFFF),
            number=10,
        )
        yield case("longest channel name", KEY_BOUND, ORDER, place(context="c" * 249), number=11)
        yield case("highest record number", KEY_BOUND, ORDER, place(), number=2**48 - 1)
        yield case("re-encrypted EDEK", KEY_BOUND, ORDER, place(), session=remote)
        for at, size in enumerate((0, 1, 14, 15, 16, 17, 31, 32)):
            yield case(f"padded, {size} bytes", PADDED, ORDER[:size], place(), number=20 + at)
        yield case("padded, text ends like padding", PADDED, b"x\x80" + bytes(9), place(), number=30)
        yield case("padded, all zeros", PADDED, bytes(16), place(), number=31)
        yield case("lz4", LZ4, LONG, place(), number=40)
        yield case("zstd", ZSTD, LONG, place(), number=41)
        yield case("lz4, empty plaintext", LZ4, b"", place(), number=42)
        yield case("zstd, empty plaintext", ZSTD, b"", place(), number=43)
        yield case("lz4, content size in the frame", LZ4, LONG, place(), number=44, frame=lz4_sized(LONG))
        yield case(
            "zstd, no content size in the frame", ZSTD, LONG, place(), number=45, frame=zstd_unsized(LONG)
        )
        yield case("lz4, padded after compression", LZ4 | PADDED, LONG, place(), number=46)
        yield case("zstd, padded after compression", ZSTD | PADDED, LONG, place(), number=47)
        yield case("every flag, zstd", KEY_BOUND | ZSTD | PLACE_BOUND | PADDED, LONG, place(), number=48)
        yield case("every flag, lz4", KEY_BOUND | LZ4 | PLACE_BOUND | PADDED, LONG, place(), number=49)

        yield case("tombstone", KEY_BOUND, b"", place(), number=60, kind="tombstone")
        yield case("tombstone, empty key", KEY_BOUND, b"", place(record_key=b""), number=61, kind="tombstone")
        yield case("tombstone, null key", KEY_BOUND, b"", place(record_key=None), number=62, kind="tombstone")
        yield case(
            "tombstone, place bound", KEY_BOUND | PLACE_BOUND, b"", place(), number=63, kind="tombstone"
        )

        fields = [
            ("orders#/customer/card", b'"4111 1111 1111 1111"'),
            ("orders#/items/0", b"1"),
            ("orders#/a~1b/m~0n", b'{ "x" : 1.50 }'),
            ("orders#/", b"null"),
            ("orders#/kund\u00ediny/\u540d", b'"\\u540d"'),
            ("orders#", b"[]"),
        ]
        for token, (context, plaintext) in enumerate(fields):
            yield case(
                f"field {context}",
                KEY_BOUND | PADDED,
                plaintext,
                place(context=context),
                session=card,
                token=token,
                kind="field",
            )
        yield case(
            "field, highest token index, no flags",
            0,
            b"true",
            place(context="orders#/last"),
            session=card,
            token=0xFFFF,
            kind="field",
        )


def lz4_sized(data):
    import lz4.frame

    return lz4.frame.compress(data, content_checksum=False, store_size=True, block_linked=False)


def zstd_unsized(data):
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_content_size=False, write_checksum=False).compress(data)


MALFORMED, ALTERED, NOT_FOR_THIS_KEY = "malformed", "altered", "not-for-this-key"
WORDS = {formats.Malformed: MALFORMED, formats.Altered: ALTERED, formats.NotForThisKey: NOT_FOR_THIS_KEY}


def flip(data, at, bit=0):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def sealed_invalid():
    for suite in SUITES:
        yield from value_flaws(suite)
        yield from text_flaws(suite)
        yield from edek_flaws(suite)


def invalid(name, expected, session, at, value, edek=None, opener=None, kind="value"):
    """What an opener gets, and the word for what it must answer; checked with the whole opening.

    `dek` is null where the flaw lies in the EDEK, so that no DEK comes out of it.
    """
    dek = session.dek.hex() if edek is None else None
    edek = session.edek.encode() if edek is None else edek
    opener = session.opening_secret if opener is None else opener
    try:
        parsed = Edek.decode(edek)
        open_ = formats.open_tombstone if kind == "tombstone" else formats.open_value
        open_(formats.open_edek(parsed, opener), parsed, value, **at | {"context": at["context"].encode()})
    except tuple(WORDS) as flaw:
        assert WORDS[type(flaw)] == expected, (name, flaw)
    else:
        raise AssertionError(f"opened: {name}")
    return {
        "name": name,
        "kind": kind,
        "expected": expected,
        "suite": session.suite,
        "edek": edek.hex(),
        "opening_secret": encode_scalar(opener).hex(),
        "dek": dek,
        **place_fields(at),
        "value": value.hex(),
    }


def value_flaws(suite):
    """An EDEK that opens; the value or its surroundings are not what was sealed."""
    session = Session.draw(Stream(f"envelope/sealed-invalid/value/{suite}"), suite)

    def seal(flags, plaintext, at):
        nonce = formats.nonce(session.prefix, 5)
        return formats.seal_value(session.dek, flags, nonce, session.aad(flags, **at), plaintext)

    def case(name, expected, value, at, kind="value"):
        return invalid(name, expected, session, at, value, kind=kind)

    here = place()
    good = seal(KEY_BOUND, ORDER, here)
    for bit in range(8):
        yield case(f"flag bit {bit} flipped", MALFORMED if bit > 4 else ALTERED, flip(good, 0, bit), here)
    yield case("compression code 3", MALFORMED, flip(flip(good, 0, 1), 0, 2), here)
    for at, name in [(1, "first"), (4, "session"), (5, "record number"), (11, "token index"), (12, "last")]:
        yield case(f"nonce flipped, {name}", ALTERED, flip(good, at), here)
    yield case("text flipped, first byte", ALTERED, flip(good, 13), here)
    yield case("text flipped, last byte", ALTERED, flip(good, -17), here)
    yield case("tag flipped, first byte", ALTERED, flip(good, -16), here)
    yield case("tag flipped, last bit", ALTERED, flip(good, -1, 7), here)
    yield case("last byte cut off", ALTERED, good[:-1], here)
    yield case("tag cut off", ALTERED, good[:-16], here)
    yield case("first text byte cut out", ALTERED, good[:13] + good[14:], here)
    yield case("30 bytes left", ALTERED, good[:30], here)
    yield case("28 bytes left", MALFORMED, good[:28], here)
    yield case("13 bytes left", MALFORMED, good[:13], here)
    yield case("1 byte left", MALFORMED, good[:1], here)
    yield case("nothing left", MALFORMED, b"", here)
    yield case("a byte more", ALTERED, good + b"\x00", here)

    yield case("key swapped", ALTERED, good, place(record_key=b"order-18"))
    yield case("key longer", ALTERED, good, place(record_key=KEY + b"\x00"))
    yield case("key gone", ALTERED, good, place(record_key=None))
    yield case("key empty", ALTERED, good, place(record_key=b""))
    null, empty = place(record_key=None), place(record_key=b"")
    yield case("null key became empty", ALTERED, seal(KEY_BOUND, ORDER, null), empty)
    yield case("empty key became null", ALTERED, seal(KEY_BOUND, ORDER, empty), null)
    yield case("context changed", ALTERED, good, place(context="payments"))
    yield case("context changed in one letter", ALTERED, good, place(context="order5"))
    yield case("context empty", ALTERED, good, place(context=""))
    field = seal(KEY_BOUND | PADDED, b"1", place(context="orders#/a"))
    yield case("field moved", ALTERED, field, place(context="orders#/b"))
    yield case("field as whole value", ALTERED, field, here)

    bound = seal(KEY_BOUND | PLACE_BOUND, ORDER, here)
    yield case("topic moved", ALTERED, bound, place(topic="orders.us"))
    yield case("partition moved", ALTERED, bound, place(partition=4))
    yield case("place bound, key swapped", ALTERED, bound, place(record_key=b"order-18"))

    deleted = seal(KEY_BOUND, b"", here)
    yield case("tombstone, key swapped", ALTERED, deleted, place(record_key=b"order-18"), "tombstone")
    yield case("tombstone, context changed", ALTERED, deleted, place(context="payments"), "tombstone")
    yield case("tombstone, tag flipped", ALTERED, flip(deleted, -1), here, "tombstone")
    yield case("tombstone, no key bound", MALFORMED, seal(0, b"", here), here, "tombstone")
    yield case("tombstone, text not empty", MALFORMED, seal(KEY_BOUND, b"x", here), here, "tombstone")
    yield case("tombstone, cut", MALFORMED, deleted[:-1], here, "tombstone")


def text_flaws(suite):
    """Authenticated under the right DEK, by a sealer that breaks the format."""
    session = Session.draw(Stream(f"envelope/sealed-invalid/text/{suite}"), suite)

    def case(name, flags, text):
        nonce = formats.nonce(session.prefix, 6)
        value = formats.seal_text(session.dek, flags, nonce, session.aad(flags, **place()), text)
        return invalid(name, MALFORMED, session, place(), value)

    for bit in (5, 6, 7):
        yield case(f"authenticated, reserved flag bit {bit}", KEY_BOUND | 1 << bit, ORDER)
    yield case("authenticated, compression code 3", KEY_BOUND | LZ4 | ZSTD, ORDER)

    yield case("a tombstone in the place of a value", KEY_BOUND, b"")
    yield case("padding, empty text", PADDED, b"")
    yield case("padding, zeros alone", PADDED, bytes(16))
    yield case("padding, no mark", PADDED, b"sixteen letters!")
    yield case("padding, wrong mark", PADDED, b"fifteen letters\x81")
    yield case("padding, not zero after the mark", PADDED, b"x\x80" + bytes(13) + b"\x01")
    yield case("padding, not a multiple of 16", PADDED, b"x\x80" + bytes(13))
    yield case("padding, 17 bytes", PADDED, b"sixteen letters!\x80")
    yield case("padding, a block too long", PADDED, b"x\x80" + bytes(30))
    yield case("padding, a block of zeros after a full one", PADDED, b"fifteen letters\x80" + bytes(16))

    for flags, codec, other in [(LZ4, "lz4", ZSTD), (ZSTD, "zstd", LZ4)]:
        frame = formats.compress(flags, LONG)
        skippable = bytes.fromhex("502a4d1804000000") + b"skip"
        yield case(f"{codec}, a byte after the frame", flags, frame + b"\x00")
        yield case(f"{codec}, two frames", flags, frame + frame)
        yield case(f"{codec}, an empty frame after the frame", flags, frame + formats.compress(flags, b""))
        yield case(f"{codec}, a skippable frame after the frame", flags, frame + skippable)
        yield case(f"{codec}, frame cut", flags, frame[:-5])
        yield case(f"{codec}, nothing", flags, b"")
        yield case(f"{codec}, not a frame", flags, LONG)
        yield case(f"{codec}, the other codec's frame", flags, formats.compress(other, LONG))
        yield case(
            f"{codec}, padded before compression", flags | PADDED, formats.compress(flags, formats.pad(LONG))
        )


def edek_flaws(suite):
    """A well-formed EDEK that is not the one that was made, or not for this opener."""
    stream = Stream(f"envelope/sealed-invalid/edek/{suite}")
    forms, _, okm = delegated(stream, suite)
    prefix, stranger = stream.bytes(4), stream.scalar()
    sessions = {
        state: Session(suite, 0, form, opener, okm[:32], prefix) for state, (form, opener, _) in forms.items()
    }
    fresh = sessions[FRESH]
    flags = KEY_BOUND
    value = formats.seal_value(okm[:32], flags, formats.nonce(prefix, 7), fresh.aad(flags, **place()), ORDER)
    point = encode(multiply(stream.scalar()))

    def case(name, expected, state, change=lambda edek: edek, opener=None):
        session = sessions[state]
        return invalid(name, expected, session, place(), value, change(session.edek.encode()), opener)

    def put(at, data):
        return lambda edek: edek[:at] + data + edek[at + len(data) :]

    for state, name in [(FRESH, "fresh"), (INTERACTIVE, "interactive"), (NON_INTERACTIVE, "non-interactive")]:
        yield case(f"{name}, another key", NOT_FOR_THIS_KEY, state, opener=stranger)
        yield case(f"{name}, commitment flipped", ALTERED, state, lambda edek: flip(edek, 101))
        yield case(f"{name}, another capsule", ALTERED, state, put(20, point))
        yield case(f"{name}, capsule negated", ALTERED, state, lambda edek: flip(edek, 20))
        yield case(f"{name}, slot changed", ALTERED, state, put(3, b"\x01"))
        yield case(f"{name}, suite changed", ALTERED, state, put(1, bytes([3 - suite])))
    yield case("fresh, the consumer's key", NOT_FOR_THIS_KEY, FRESH, opener=forms[INTERACTIVE][1])
    yield case("fresh, both ids changed", NOT_FOR_THIS_KEY, FRESH, put(4, formats.key_id(point) * 2))
    for state, name in [(INTERACTIVE, "interactive"), (NON_INTERACTIVE, "non-interactive")]:
        yield case(f"{name}, the delegating key", NOT_FOR_THIS_KEY, state, opener=forms[FRESH][1])
        yield case(f"{name}, opening id flipped", NOT_FOR_THIS_KEY, state, lambda edek: flip(edek, 12))
        yield case(f"{name}, delegating id flipped", ALTERED, state, lambda edek: flip(edek, 4))
    yield case(
        "interactive, made non-interactive",
        ALTERED,
        INTERACTIVE,
        lambda e: put(53, point)(put(2, b"\x02")(e)),
    )
    yield case(
        "non-interactive, made interactive",
        ALTERED,
        NON_INTERACTIVE,
        lambda e: put(53, bytes(33))(put(2, b"\x01")(e)),
    )
    yield case("non-interactive, another precursor", ALTERED, NON_INTERACTIVE, put(53, point))
    yield case("non-interactive, precursor negated", ALTERED, NON_INTERACTIVE, lambda edek: flip(edek, 53))

    other, _, _ = delegated(stream, suite)
    yield invalid(
        "the EDEK of another session",
        ALTERED,
        fresh,
        place(),
        value,
        other[FRESH][0].encode(),
        other[FRESH][1],
    )


def file():
    stream = Stream("envelope/file")
    for suite in SUITES:
        for name, flags, plaintext in [
            ("text", 0, ORDER),
            ("empty", 0, b""),
            ("1000 bytes", 0, stream.bytes(1000)),
            ("padded", PADDED, ORDER),
            ("zstd", ZSTD, LONG),
            ("lz4", LZ4, LONG),
        ]:
            a, b, x, r = (stream.scalar() for _ in range(4))
            sealed_file = formats.seal_file(
                suite, multiply(a), "orders", plaintext, r, stream.bytes(4), flags
            )
            assert formats.open_file(sealed_file, a, "orders") == plaintext
            vector = {
                "name": name,
                "suite": suite,
                "context": "orders",
                "secret": encode_scalar(a).hex(),
                "public": public_hex(a),
                "file": sealed_file.hex(),
                "plaintext": plaintext.hex(),
                "b_secret": encode_scalar(b).hex(),
                "b_public": public_hex(b),
            }
            for kind, rekey in [
                ("interactive", formats.ReKey.interactive(suite, a, b)),
                ("non_interactive", formats.ReKey.non_interactive(suite, a, multiply(b), x)),
            ]:
                moved = formats.reencrypt_file(sealed_file, rekey)
                assert formats.open_file(moved, b, "orders") == plaintext
                assert formats.ReKey.decode(rekey.encode()) == rekey
                vector[kind] = {
                    "rekey": rekey.encode().hex(),
                    "rekey_pem": encode_pem(REKEY_LABEL, rekey.encode()),
                    "file": moved.hex(),
                }
            yield vector


FILES = {
    "sealed.json": sealed,
    "sealed-invalid.json": sealed_invalid,
    "file.json": file,
}
