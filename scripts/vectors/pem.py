"""PEM (RFC 7468) for re-encryption keys; OpenSSL's forms, through `cryptography`, for the others."""

import base64

import curve
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

REKEY_LABEL = "NUCYPHER REENCRYPTION KEY"


def encode_pem(label, data):
    body = base64.b64encode(data).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def decode_pem(label, pem):
    lines = pem.decode("ascii").strip().splitlines()
    if lines[0] != f"-----BEGIN {label}-----" or lines[-1] != f"-----END {label}-----":
        raise ValueError(f"no PEM block labelled {label}")
    return base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)


def encode_secret(secret, passphrase=None):
    """PKCS#8, encrypted where there is a passphrase."""
    encryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    return ec.derive_private_key(secret, ec.SECP256K1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def encode_public(point):
    """SPKI."""
    key = ec.EllipticCurvePublicNumbers(*point, ec.SECP256K1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def is_secret(pem):
    return b"PRIVATE KEY-----" in pem


def decode_secret(pem, passphrase=None):
    key = serialization.load_pem_private_key(pem, passphrase)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256K1):
        raise ValueError("not a secp256k1 key")
    return key.private_numbers().private_value


def decode_public(pem):
    """The point, of a public key or of a private one."""
    if is_secret(pem):
        return curve.multiply(decode_secret(pem))
    key = serialization.load_pem_public_key(pem)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256K1):
        raise ValueError("not a secp256k1 key")
    numbers = key.public_numbers()
    return numbers.x, numbers.y
