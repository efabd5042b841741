"""Shares of an administrator's secrets (docs/spec/registry.md): Shamir over GF(2^8) with the polynomial
x^8 + x^4 + x^3 + x^2 + 1, by shifts and additions, without tables."""

import hashlib

from pem import encode_pem

LABEL = "NUCYPHER ADMINISTRATOR SHARE"


def times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
        b >>= 1
    return product


def evaluate(coefficients, x):
    """The constant term comes first."""
    value = 0
    for coefficient in reversed(coefficients):
        value = times(value, x) ^ coefficient
    return value


def stream(label, length):
    return hashlib.shake_256(f"nucypher test vector share {label}".encode()).digest(length)


def case(name, threshold, numbers):
    master, signing = stream(f"{name} master", 32), stream(f"{name} signing", 32)
    secrets = master + signing
    set_id, signer = stream(f"{name} set", 8), stream(f"{name} signer", 8)
    check = hashlib.sha256(b"nucypher/v1/administrator-share-check" + secrets).digest()[:8]
    random = stream(f"{name} coefficients", 64 * (threshold - 1))
    polynomials = [
        [secret, *random[at * (threshold - 1) : (at + 1) * (threshold - 1)]] for at, secret in enumerate(secrets)
    ]

    def share(x):
        y = bytes(evaluate(polynomial, x) for polynomial in polynomials)
        return encode_pem(LABEL, bytes([1, threshold, x]) + set_id + signer + check + y)

    return {
        "name": name,
        "threshold": threshold,
        "master": master.hex(),
        "signing": signing.hex(),
        "shares": [share(x) for x in numbers],
    }


def shares():
    yield case("2 of 3, without the second", 2, [1, 3])
    yield case("3 of 5, and one more than needed", 3, [5, 2, 4, 1])
    yield case("4 of 255", 4, [255, 254, 128, 7])


FILES = {"share.json": shares}
