"""Checks the building blocks against the published vectors of their standards."""

import curve
import primitives
from cryptography.hazmat.primitives.asymmetric import ec

# RFC 8452, appendix C.2 and C.3 (AES-256): key, nonce, aad, plaintext, result.
RFC_8452 = [
    ("01" + "00" * 31, "03" + "00" * 11, "", "", "07f5f4169bbf55a8400cd47ea6fd400f"),
    (
        "01" + "00" * 31,
        "03" + "00" * 11,
        "",
        "01" + "00" * 7,
        "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28",
    ),
    (
        "01" + "00" * 31,
        "03" + "00" * 11,
        "01",
        "02" + "00" * 7,
        "1de22967237a813291213f267e3b452f02d01ae33e4ec854",
    ),
    (
        "3c535de192eaed3822a2fbbe2ca9dfc88255e14a661b8aa82cc54236093bbc23",
        "688089e55540db1872504e1c",
        "734320ccc9d9bbbb19cb81b2af4ecbc3e72834321f7aa0f70b7282b4f33df23f167541",
        "ced532ce4159b035277d4dfbb7db62968b13cd4eec",
        "626660c26ea6612fb17ad91e8e767639edd6c9faee9d6c7029675b89eaf4ba1ded1a286594",
    ),
    (
        "00" * 32,
        "00" * 12,
        "",
        "000000000000000000000000000000004db923dc793ee6497c76dcc03a98e108",
        "f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff000000000000000000000000",
    ),
]

# RFC 5869, appendix A.1 and A.3: ikm, salt, info, length, okm.
RFC_5869 = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]

# RFC 8032, section 7.1, test 1: seed, public, signature of the empty message.
RFC_8032 = (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
)


def run():
    for key, nonce, aad, plaintext, result in RFC_8452:
        key, nonce, aad, plaintext, result = map(bytes.fromhex, (key, nonce, aad, plaintext, result))
        assert primitives.aead_seal(key, nonce, aad, plaintext) == result
        assert primitives.aead_open(key, nonce, aad, result) == plaintext
        assert primitives.aead_open(key, nonce, aad + b"x", result) is None
    for ikm, salt, info, length, okm in RFC_5869:
        ikm, salt, info = map(bytes.fromhex, (ikm, salt, info))
        assert primitives.hkdf_sha256(ikm, info, length, salt).hex() == okm
    seed, public, signature = map(bytes.fromhex, RFC_8032)
    assert primitives.ed25519_public(seed) == public
    assert primitives.ed25519_sign(seed, b"") == signature

    assert curve.is_on_curve(curve.G)
    assert curve.multiply(curve.N - 1) == (curve.G[0], curve.P - curve.G[1])
    assert curve.add(curve.multiply(curve.N - 1), curve.G) is None
    stream = primitives.Stream("selftest")
    for k in [1, 2, 3, curve.N - 1] + [stream.scalar() for _ in range(8)]:
        point = curve.multiply(k)
        assert curve.is_on_curve(point) and curve.decode(curve.encode(point)) == point
        # OpenSSL's secp256k1, through `cryptography`.
        other = ec.derive_private_key(k, ec.SECP256K1())
        numbers = other.public_key().public_numbers()
        assert (numbers.x, numbers.y) == point
        peer = stream.scalar()
        shared = other.exchange(ec.ECDH(), ec.derive_private_key(peer, ec.SECP256K1()).public_key())
        assert curve.multiply(k, curve.multiply(peer))[0] == int.from_bytes(shared, "big")


if __name__ == "__main__":
    run()
    print("the building blocks agree with RFC 5869, RFC 8032, RFC 8452 and OpenSSL's secp256k1")
