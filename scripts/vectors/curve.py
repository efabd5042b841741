"""secp256k1 in affine coordinates, from SEC 2 (section 2.4.1) and SEC 1 (sections 2.3.3, 2.3.4).

Slow and not constant time: it makes test vectors and checks another implementation.
A point is a pair (x, y); the identity is None and has no encoding here.
"""

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
B = 7
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def is_on_curve(point):
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - x * x * x - B) % P == 0


def add(p, q):
    if p is None:
        return q
    if q is None:
        return p
    (x1, y1), (x2, y2) = p, q
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = 3 * x1 * x1 * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def multiply(k, point=G):
    """k * point, by double and add."""
    result = None
    for bit in bin(k % N)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def encode(point):
    """SEC 1 compressed, 33 bytes. The identity has no encoding."""
    if point is None:
        raise ValueError("the identity")
    x, y = point
    return bytes([2 + (y & 1)]) + x.to_bytes(32, "big")


def decode(data):
    """The inverse of `encode`; ValueError says which rule `data` breaks."""
    if len(data) != 33:
        raise ValueError("a point has 33 bytes")
    if data[0] not in (2, 3):
        raise ValueError("the tag is not 02 or 03")
    x = int.from_bytes(data[1:], "big")
    if x >= P:
        raise ValueError("x >= p")
    square = (x * x * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise ValueError("not on the curve")
    if y & 1 != data[0] & 1:
        y = P - y
    return x, y


def encode_scalar(k):
    if not 0 < k < N:
        raise ValueError("a scalar is in 1..n")
    return k.to_bytes(32, "big")


def decode_scalar(data):
    if len(data) != 32:
        raise ValueError("a scalar has 32 bytes")
    k = int.from_bytes(data, "big")
    if k == 0:
        raise ValueError("zero")
    if k >= N:
        raise ValueError(">= n")
    return k


def invert(k):
    return pow(k, -1, N)
