"""Hashes, HKDF, AEAD, signatures, compression, and the vectors' deterministic randomness."""

import hashlib
import hmac

import curve
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf_sha256(ikm, info, length, salt=b""):
    """RFC 5869. An empty salt is 32 zeros, which HMAC pads to the same block."""
    prk = hmac.new(salt, ikm, "sha256").digest()
    okm = block = b""
    counter = 1
    while len(okm) < length:
        block = hmac.new(prk, block + info + bytes([counter]), "sha256").digest()
        okm += block
        counter += 1
    return okm[:length]


def h512_mod_n(message):
    """H512(m) mod n: SHA-512 as a big-endian integer mod n; zero is an error."""
    k = int.from_bytes(hashlib.sha512(message).digest(), "big") % curve.N
    if k == 0:
        raise ValueError("zero scalar: draw again")
    return k


def aead_seal(key, nonce, aad, text):
    """AES-256-GCM-SIV (RFC 8452): ciphertext, then the 16-byte tag."""
    return AESGCMSIV(key).encrypt(nonce, text, aad)


def aead_open(key, nonce, aad, sealed):
    """The text, or None where the tag does not fit."""
    try:
        return AESGCMSIV(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        return None


def ed25519_public(seed):
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def ed25519_sign(seed, message):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def lz4_compress(data):
    import lz4.frame

    return lz4.frame.compress(data, content_checksum=True)


def zstd_compress(data):
    import zstandard

    return zstandard.ZstdCompressor(level=3, write_checksum=True).compress(data)


def lz4_decompress(frame):
    """Exactly one frame and nothing after it, or ValueError."""
    import lz4.frame

    reader = lz4.frame.LZ4FrameDecompressor()
    try:
        data = reader.decompress(frame)
    except (RuntimeError, EOFError) as flaw:
        raise ValueError(f"not an lz4 frame: {flaw}") from None
    if not reader.eof or reader.unused_data:
        raise ValueError("not exactly one lz4 frame")
    return data


def zstd_decompress(frame):
    """Exactly one frame and nothing after it, or ValueError."""
    import zstandard

    reader = zstandard.ZstdDecompressor().decompressobj()
    try:
        data = reader.decompress(frame)
    except zstandard.ZstdError as flaw:
        raise ValueError(f"not a zstd frame: {flaw}") from None
    if not reader.eof or reader.unused_data:
        raise ValueError("not exactly one zstd frame")
    return data


class Stream:
    """Deterministic bytes: SHA-256(seed || len16(label) || label || counter as u32), joined.

    One stream for each label, so that a new vector changes no old one.
    """

    SEED = b"nucypher-kafka test vectors; never use these keys"

    def __init__(self, label):
        label = label.encode()
        self.prefix = self.SEED + len(label).to_bytes(2, "big") + label
        self.counter = 0
        self.buffer = b""

    def bytes(self, length):
        while len(self.buffer) < length:
            self.buffer += sha256(self.prefix + self.counter.to_bytes(4, "big"))
            self.counter += 1
        out, self.buffer = self.buffer[:length], self.buffer[length:]
        return out

    def scalar(self):
        while True:
            k = int.from_bytes(self.bytes(32), "big")
            if 0 < k < curve.N:
                return k
