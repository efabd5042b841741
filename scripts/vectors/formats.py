"""The wire formats, version 1, one section after the other as the specification has them."""

from dataclasses import dataclass, replace

import curve
import primitives
from primitives import hkdf_sha256, sha256

BBS98, ECIES = 1, 2
FRESH, INTERACTIVE, NON_INTERACTIVE = 0, 1, 2
ZERO_POINT = bytes(33)


class Malformed(ValueError):
    """Names the field and its offset."""

    def __init__(self, field, offset, why):
        super().__init__(f"{field} at offset {offset}: {why}")
        self.field, self.offset, self.why = field, offset, why


class Altered(ValueError):
    """Authentic under no reading: the commitment or the tag does not fit."""


class NotForThisKey(ValueError):
    """The EDEK's opening key id is none of the opener's."""


def u(value, size):
    return value.to_bytes(size, "big")


def len16(data):
    return u(len(data), 2) + data


def text(string):
    return string.encode("ascii")


# Keys


def key_id(public):
    return sha256(b"nucypher/v1/key-id" + public)[:8]


def sig_id(verifying):
    return sha256(b"nucypher/v1/sig-key-id" + verifying)[:8]


def derive_secret(master, suite, channel, epoch, field, producer=None):
    kind = b"nucypher/v1/channel-key" if producer is None else b"nucypher/v1/producer-key"
    info = kind + u(suite, 1) + len16(text(channel)) + u(epoch, 4) + len16(text(field))
    if producer is not None:
        info += len16(text(producer))
    a = int.from_bytes(hkdf_sha256(master, info, 64), "big") % curve.N
    if a == 0:
        raise ValueError("zero scalar")
    return a


# The schemes (the table in the architecture)


def encapsulate(suite, delegating, r):
    """(C, S) under the point `delegating`."""
    under_key, under_g = curve.multiply(r, delegating), curve.multiply(r)
    return (under_key, under_g) if suite == BBS98 else (under_g, under_key)


def decapsulate(suite, secret, capsule):
    return curve.multiply(curve.invert(secret) if suite == BBS98 else secret, capsule)


def delegation_secret(suite, precursor, delegatee, shared):
    """d = H512("nucypher/v1/grant" || suite || X || B || D) mod n."""
    return primitives.h512_mod_n(
        b"nucypher/v1/grant"
        + u(suite, 1)
        + curve.encode(precursor)
        + curve.encode(delegatee)
        + curve.encode(shared)
    )


def rekey_scalar(suite, a, target_secret):
    if suite == BBS98:
        return target_secret * curve.invert(a) % curve.N
    return a * curve.invert(target_secret) % curve.N


@dataclass(frozen=True)
class ReKey:
    """A re-encryption key; points are encoded, X is zeros where there is none."""

    suite: int
    state: int
    A: bytes
    B: bytes
    X: bytes
    T: bytes
    rk: int

    FILE_SIZE = 167

    @classmethod
    def interactive(cls, suite, a, b):
        B = curve.encode(curve.multiply(b))
        return cls(
            suite, INTERACTIVE, curve.encode(curve.multiply(a)), B, ZERO_POINT, B, rekey_scalar(suite, a, b)
        )

    @classmethod
    def non_interactive(cls, suite, a, B, x):
        X = curve.multiply(x)
        d = delegation_secret(suite, X, B, curve.multiply(x, B))
        return cls(
            suite,
            NON_INTERACTIVE,
            curve.encode(curve.multiply(a)),
            curve.encode(B),
            curve.encode(X),
            curve.encode(curve.multiply(d)),
            rekey_scalar(suite, a, d),
        )

    def holds(self):
        """Suite 1: rk A = T; suite 2: rk T = A."""
        source, image = (self.A, self.T) if self.suite == BBS98 else (self.T, self.A)
        return curve.encode(curve.multiply(self.rk, curve.decode(source))) == image

    def encode(self):
        """version (1) || suite || state || A || B || X || T || rk, 167 bytes."""
        head = bytes([1, self.suite, self.state])
        return head + self.A + self.B + self.X + self.T + curve.encode_scalar(self.rk)

    @classmethod
    def decode(cls, data):
        if len(data) != cls.FILE_SIZE:
            raise Malformed("length", min(len(data), cls.FILE_SIZE), "a re-encryption key has 167 bytes")
        if data[0] != 1:
            raise Malformed("version", 0, "not 1")
        suite, state = data[1], data[2]
        if suite not in (BBS98, ECIES):
            raise Malformed("suite", 1, "not 1 or 2")
        if state not in (INTERACTIVE, NON_INTERACTIVE):
            raise Malformed("state", 2, "not 1 or 2")
        A, B, X, T = (data[at : at + 33] for at in (3, 36, 69, 102))
        points = {"A": (3, A), "B": (36, B), "T": (102, T)}
        if state == NON_INTERACTIVE:
            points["X"] = (69, X)
        elif X != ZERO_POINT:
            raise Malformed("X", 69, "not zeros")
        for name, (offset, value) in points.items():
            decode_point(name, offset, value)
        if state == INTERACTIVE and T != B:
            raise Malformed("T", 102, "not B")
        try:
            rk = curve.decode_scalar(data[135:])
        except ValueError as flaw:
            raise Malformed("rk", 135, str(flaw)) from None
        rekey = cls(suite, state, A, B, X, T, rk)
        if not rekey.holds():
            raise Malformed("rk", 135, "does not lead from A to T")
        return rekey


def decode_point(name, offset, data):
    try:
        return curve.decode(data)
    except ValueError as flaw:
        raise Malformed(name, offset, str(flaw)) from None


# EDEK


@dataclass(frozen=True)
class Edek:
    suite: int
    state: int
    slot: int
    delegating_key_id: bytes
    opening_key_id: bytes
    C: bytes
    X: bytes
    commitment: bytes

    SIZE = 102

    def encode(self):
        head = bytes([1, self.suite, self.state, self.slot])
        return head + self.delegating_key_id + self.opening_key_id + self.C + self.X + self.commitment

    @classmethod
    def decode(cls, data, base=0):
        """`base` is where the EDEK begins in what is decoded; errors give offsets in that."""
        if len(data) != cls.SIZE:
            raise Malformed("length", base + min(len(data), cls.SIZE), "an EDEK has 102 bytes")
        if data[0] != 1:
            raise Malformed("version", base, "not 1")
        suite, state, slot = data[1:4]
        if suite not in (BBS98, ECIES):
            raise Malformed("suite", base + 1, "not 1 or 2")
        if state > NON_INTERACTIVE:
            raise Malformed("state", base + 2, "not 0, 1 or 2")
        edek = cls(suite, state, slot, data[4:12], data[12:20], data[20:53], data[53:86], data[86:])
        if state == FRESH and edek.opening_key_id != edek.delegating_key_id:
            raise Malformed("opening_key_id", base + 12, "a fresh EDEK is opened by its delegating key")
        decode_point("capsule", base + 20, edek.C)
        if state == NON_INTERACTIVE:
            decode_point("precursor", base + 53, edek.X)
        elif edek.X != ZERO_POINT:
            raise Malformed("precursor", base + 53, "not zeros")
        return edek

    def immutable(self):
        data = self.encode()
        return data[0:2] + data[3:12] + data[86:102]


def encode_header(edeks):
    """`nu.edek`: EDEKs joined, ascending by slot."""
    return b"".join(edek.encode() for edek in sorted(edeks, key=lambda edek: edek.slot))


def decode_header(data):
    if not data or len(data) % Edek.SIZE:
        raise Malformed("length", len(data), "not a multiple of 102, or empty")
    if len(data) > 255 * Edek.SIZE:
        raise Malformed("length", 255 * Edek.SIZE, "more than 255 EDEKs")
    edeks = []
    for base in range(0, len(data), Edek.SIZE):
        edek = Edek.decode(data[base : base + Edek.SIZE], base)
        if edeks and edek.slot <= edeks[-1].slot:
            raise Malformed("slot", base + 3, "slots do not ascend")
        edeks.append(edek)
    return edeks


# DEK and commitment


def okm(S, suite, slot, delegating_key_id):
    info = b"nucypher/v1/dek" + u(suite, 1) + u(slot, 1) + delegating_key_id
    return hkdf_sha256(curve.encode(S), info, 48)


def fresh_edek(suite, slot, delegating, r):
    """(EDEK, S, okm) under the point `delegating`."""
    C, S = encapsulate(suite, delegating, r)
    id_ = key_id(curve.encode(delegating))
    material = okm(S, suite, slot, id_)
    return Edek(suite, FRESH, slot, id_, id_, curve.encode(C), ZERO_POINT, material[32:]), S, material


def reencrypt(edek, rekey):
    if edek.state == NON_INTERACTIVE:
        raise ValueError("a state 2 EDEK is never re-encrypted again")
    if edek.suite != rekey.suite:
        raise ValueError("the EDEK's suite is not the key's")
    if edek.opening_key_id != key_id(rekey.A):
        raise NotForThisKey("the re-encryption key is for another delegating key")
    return replace(
        edek,
        state=rekey.state,
        opening_key_id=key_id(rekey.B),
        C=curve.encode(curve.multiply(rekey.rk, curve.decode(edek.C))),
        X=rekey.X,
    )


def open_edek(edek, secret):
    """The DEK. First the id, then the commitment."""
    public = curve.multiply(secret)
    if edek.opening_key_id != key_id(curve.encode(public)):
        raise NotForThisKey("the opening key id is another's")
    if edek.state == NON_INTERACTIVE:
        X = curve.decode(edek.X)
        secret = delegation_secret(edek.suite, X, public, curve.multiply(secret, X))
    S = decapsulate(edek.suite, secret, curve.decode(edek.C))
    material = okm(S, edek.suite, edek.slot, edek.delegating_key_id)
    if material[32:] != edek.commitment:
        raise Altered("the commitment does not fit")
    return material[:32]


# Sealed value

KEY_BOUND, LZ4, ZSTD, PLACE_BOUND, PADDED = 0x01, 0x02, 0x04, 0x08, 0x10
COMPRESSION, RESERVED = 0x06, 0xE0
SMALLEST_VALUE = 1 + 12 + 16


def nonce(session, record_number, token_index=0):
    return session + u(record_number, 6) + u(token_index, 2)


def aad(
    flags, suite, slot, delegating_key_id, commitment, context, record_key=None, topic=None, partition=None
):
    """`context` and `record_key` are bytes; a null key is None."""
    data = (
        b"nucypher/v1/record" + bytes([flags, suite, slot]) + delegating_key_id + commitment + len16(context)
    )
    if flags & KEY_BOUND:
        data += u(0xFFFFFFFF, 4) if record_key is None else u(len(record_key), 4) + record_key
    if flags & PLACE_BOUND:
        data += len16(text(topic)) + u(partition, 4)
    return data


def pad(plaintext):
    padded = plaintext + b"\x80"
    return padded + bytes(-len(padded) % 16)


def unpad(padded):
    """Plaintext, 0x80, zeros up to a multiple of 16 and no further."""
    plaintext = padded.rstrip(b"\x00")[:-1]
    if padded != pad(plaintext):
        raise Malformed("padding", 13, "not 0x80 and zeros up to a multiple of 16")
    return plaintext


def compress(flags, plaintext):
    codec = {0: bytes, LZ4: primitives.lz4_compress, ZSTD: primitives.zstd_compress}
    return codec[flags & COMPRESSION](plaintext)


def decompress(flags, frame):
    codec = {0: bytes, LZ4: primitives.lz4_decompress, ZSTD: primitives.zstd_decompress}
    try:
        return codec[flags & COMPRESSION](frame)
    except ValueError as flaw:
        raise Malformed("frame", 13, str(flaw)) from None


def seal_text(dek, flags, nonce_, aad_, text_):
    """The value around a text that is compressed and padded already."""
    return bytes([flags]) + nonce_ + primitives.aead_seal(dek, nonce_, aad_, text_)


def seal_value(dek, flags, nonce_, aad_, plaintext):
    """Compress, then pad, then encrypt."""
    compressed = compress(flags, plaintext)
    return seal_text(dek, flags, nonce_, aad_, pad(compressed) if flags & PADDED else compressed)


def is_tombstone(value):
    """The form that `nu.null` has: the key bound, the text empty, neither padded nor compressed."""
    return len(value) == SMALLEST_VALUE and value[0] & (KEY_BOUND | COMPRESSION | PADDED) == KEY_BOUND


def open_value(dek, edek, value, context, record_key=None, topic=None, partition=None):
    if edek.slot == 0 and is_tombstone(value):
        raise Malformed("flags", 0, "an empty value under a bound key is padded; this is a tombstone")
    return open_sealed(dek, edek, value, context, record_key, topic, partition)


def open_sealed(dek, edek, value, context, record_key=None, topic=None, partition=None):
    if len(value) < SMALLEST_VALUE:
        raise Malformed("length", len(value), "shorter than flags, nonce and tag")
    flags = value[0]
    if flags & RESERVED:
        raise Malformed("flags", 0, "reserved bits")
    if flags & COMPRESSION == COMPRESSION:
        raise Malformed("flags", 0, "compression 3")
    if flags & PLACE_BOUND and topic is None:
        raise Malformed("flags", 0, "the place is bound where there is none")
    bound = aad(
        flags,
        edek.suite,
        edek.slot,
        edek.delegating_key_id,
        edek.commitment,
        context,
        record_key,
        topic,
        partition,
    )
    opened = primitives.aead_open(dek, value[1:13], bound, value[13:])
    if opened is None:
        raise Altered("the tag does not fit")
    return decompress(flags, unpad(opened) if flags & PADDED else opened)


def open_tombstone(dek, edek, value, context, record_key=None, topic=None, partition=None):
    """`nu.null`: a sealed value of the empty text with flag 0 set."""
    if len(value) < SMALLEST_VALUE:
        raise Malformed("length", len(value), "shorter than flags, nonce and tag")
    if not value[0] & KEY_BOUND:
        raise Malformed("flags", 0, "a tombstone is bound to its key")
    if not is_tombstone(value):
        raise Malformed("text", 13, "a tombstone has an empty text")
    open_sealed(dek, edek, value, context, record_key, topic, partition)


# A sealed file: one EDEK and then one sealed value, no key bound


def seal_file(suite, delegating, context, plaintext, r, session, flags=0):
    edek, _, material = fresh_edek(suite, 0, delegating, r)
    bound = aad(flags, suite, 0, edek.delegating_key_id, edek.commitment, text(context))
    return edek.encode() + seal_value(material[:32], flags, nonce(session, 0), bound, plaintext)


def split_file(data):
    if len(data) < Edek.SIZE:
        raise Malformed("length", len(data), "shorter than an EDEK")
    edek = Edek.decode(data[: Edek.SIZE])
    if edek.slot != 0:
        raise Malformed("slot", 3, "a file holds a whole value")
    return edek, data[Edek.SIZE :]


def reencrypt_file(data, rekey):
    edek, value = split_file(data)
    return reencrypt(edek, rekey).encode() + value


def open_file(data, secret, context):
    edek, value = split_file(data)
    if len(value) >= SMALLEST_VALUE and value[0] & KEY_BOUND:
        raise Malformed("flags", Edek.SIZE, "a key is bound in a file")
    return open_value(open_edek(edek, secret), edek, value, text(context))


# Signatures


def immutable_parts(edeks):
    return b"".join(edek.immutable() for edek in edeks)


def session_signed(header, channel, edeks):
    """What a session signature is over; `header` is the first 9 bytes of `nu.sig`."""
    return (
        b"nucypher/v1/session-sig"
        + header[:9]
        + len16(text(channel))
        + u(len(edeks), 1)
        + immutable_parts(edeks)
    )


def record_signed(header, channel, edeks, value, key):
    """What a record or attested signature is over; value and key are None where null."""
    return (
        b"nucypher/v1/record-sig"
        + header[:9]
        + len16(text(channel))
        + u(len(edeks), 1)
        + sha256(immutable_parts(edeks))
        + u(value is not None, 1)
        + sha256(value or b"")
        + u(key is not None, 1)
        + sha256(key or b"")
    )


# Grants


def grant_body(
    suite,
    state,
    A,
    B,
    X,
    T,
    channel,
    epoch,
    field,
    principal,
    not_before,
    not_after,
    revision,
    topics,
    gateways,
):
    """Points are encoded; X is None for an interactive key; `gateways` are key ids."""
    return (
        b"nucypher/v1/grant-body"
        + bytes([suite, state])
        + A
        + B
        + (X or ZERO_POINT)
        + T
        + len16(text(channel))
        + u(epoch, 4)
        + len16(text(field))
        + len16(text(principal))
        + not_before.to_bytes(8, "big", signed=True)
        + not_after.to_bytes(8, "big", signed=True)
        + u(revision, 8)
        + len16(b"".join(len16(text(topic)) for topic in topics))
        + u(len(gateways), 1)
        + b"".join(gateways)
    )


# Channel descriptors


def channel_body(
    suite, flags, signatures, channel, topics, revision, keys, producers, signers, fields
):
    """`keys`: (epoch, slot, field, point); `producers`: (principal, then as a key); `signers`:
    (role, key, principal); `fields`: (slot, flags, name, selectors)."""

    def place(epoch, slot, field, point):
        return u(epoch, 4) + u(slot, 1) + len16(text(field)) + point

    def texts(list_):
        return len16(b"".join(len16(text(one)) for one in list_))

    return (
        b"nucypher/v1/channel-body"
        + bytes([suite, flags, signatures])
        + len16(text(channel))
        + texts(topics)
        + u(revision, 8)
        + u(len(keys), 2)
        + b"".join(place(*key) for key in keys)
        + u(len(producers), 2)
        + b"".join(len16(text(principal)) + place(*key) for principal, *key in producers)
        + u(len(signers), 2)
        + b"".join(bytes([role]) + key + len16(text(principal)) for role, key, principal in signers)
        + u(len(fields), 1)
        + b"".join(
            bytes([slot, flag]) + len16(text(name)) + texts(selectors)
            for slot, flag, name, selectors in fields
        )
    )
