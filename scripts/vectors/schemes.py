"""ElGamal, splitting and proofs, from docs/spec/pre.md, one section after the other."""

import curve
import formats
from curve import N, add, decode, decode_scalar, encode, encode_scalar, multiply
from formats import BBS98
from primitives import h512_mod_n, sha256

TAG = 0xE1
CHUNK, MESSAGE = 30, 7679


def negate(point):
    x, y = point
    return x, curve.P - y


def subtract(p, q):
    return add(p, negate(q))


# ElGamal


def elgamal_key_id(A):
    return sha256(b"nucypher/v1/elgamal-key-id" + encode(A))[:8]


def elgamal_encrypt(A, M, r):
    return multiply(r, A), add(M, multiply(r))


def elgamal_reencrypt(rk, ciphertext):
    C1, C2 = ciphertext
    return multiply(rk, C1), C2


def elgamal_decrypt(a, ciphertext):
    C1, C2 = ciphertext
    M = subtract(C2, multiply(curve.invert(a), C1))
    if M is None:
        raise ValueError("the identity")
    return M


def encode_ciphertext(ciphertext):
    return encode(ciphertext[0]) + encode(ciphertext[1])


def decode_ciphertext(data):
    if len(data) != 66:
        raise ValueError("a ciphertext has 66 bytes")
    return decode(data[:33]), decode(data[33:])


def encode_chunk(chunk, counters):
    """The point of a chunk and the counters that were tried, out of an iterator."""
    assert len(chunk) <= CHUNK
    tried = []
    for counter in counters:
        tried.append(counter)
        x = bytes([len(chunk)]) + chunk + bytes(CHUNK - len(chunk)) + bytes([counter])
        try:
            return decode(b"\x02" + x), tried
        except ValueError:
            continue


def decode_chunk(point):
    data = encode(point)
    if data[0] != 2:
        raise ValueError("y is odd")
    length, text = data[1], data[2:32]
    if length > CHUNK:
        raise ValueError("length above 30")
    if any(text[length:]):
        raise ValueError("padding is not zero")
    return text[:length]


def cut(message):
    """Full chunks, and one that is not full."""
    if len(message) > MESSAGE:
        raise ValueError("too long")
    count = len(message) // CHUNK
    return [message[CHUNK * i : CHUNK * (i + 1)] for i in range(count + 1)]


def join(points):
    chunks = [decode_chunk(point) for point in points]
    if not chunks or len(chunks[-1]) == CHUNK:
        raise ValueError("no end")
    if any(len(chunk) != CHUNK for chunk in chunks[:-1]):
        raise ValueError("an end before the end")
    return b"".join(chunks)


def tagged(data, size):
    if len(data) != size:
        raise ValueError(f"wanted {size} bytes")
    if data[0] != TAG:
        raise ValueError("the tag is not e1")
    return data[1:]


def decode_elgamal_public(data):
    return decode(tagged(data, 34))


def decode_elgamal_secret(data):
    return decode_scalar(tagged(data, 33))


def decode_elgamal_rekey(data):
    """(A, B, rk), verified."""
    body = tagged(data, 99)
    A, B, rk = decode(body[:33]), decode(body[33:66]), decode_scalar(body[66:])
    if A == B:
        raise ValueError("delegator and delegatee are the same")
    if multiply(rk, A) != B:
        raise ValueError("rk does not lead from A to B")
    return A, B, rk


# Splitting


def relation(rekey):
    """(P, Q) with rk P = Q."""
    A, T = decode(rekey.A), decode(rekey.T)
    return (A, T) if rekey.suite == BBS98 else (T, A)


def split_row(rekey, drawn):
    """One `ReKey` for each proxy; `drawn` are f_1 to f_(k-1)."""
    keys, source, rest = [], rekey.A, rekey.rk
    for f in drawn:
        U = multiply(f if rekey.suite == BBS98 else curve.invert(f), decode(source))
        U = encode(U)
        keys.append(formats.ReKey(rekey.suite, formats.INTERACTIVE, source, U, formats.ZERO_POINT, U, f))
        rest = rest * curve.invert(f) % N
        source = U
    keys.append(formats.ReKey(rekey.suite, rekey.state, source, rekey.B, rekey.X, rekey.T, rest))
    return keys


class Sharing:
    def __init__(self, suite, state, t, n, A, B, X, T, F):
        self.suite, self.state, self.t, self.n = suite, state, t, n
        self.A, self.B, self.X, self.T, self.F = A, B, X, T, F

    def encode(self):
        head = bytes([1, self.suite, self.state, self.t, self.n])
        return head + self.A + self.B + self.X + self.T + b"".join(map(encode, self.F))

    @classmethod
    def decode(cls, data):
        if len(data) < 137:
            raise ValueError("too short")
        version, suite, state, t, n = data[:5]
        A, B, X, T = (data[at : at + 33] for at in (5, 38, 71, 104))
        if version != 1 or suite not in (1, 2) or state not in (1, 2):
            raise ValueError("version, suite or state")
        if not 2 <= t <= n:
            raise ValueError("threshold")
        if len(data) != 137 + 33 * (t - 1):
            raise ValueError("length")
        for point in (A, B, T) + ((X,) if state == 2 else ()):
            decode(point)
        if state == 1 and (X != formats.ZERO_POINT or T != B):
            raise ValueError("an interactive key has no X, and T = B")
        if A == B:
            raise ValueError("delegator and delegatee are the same")
        F = [decode(data[at : at + 33]) for at in range(137, len(data), 33)]
        return cls(suite, state, t, n, A, B, X, T, F)

    def digest(self):
        return sha256(b"nucypher/v1/sharing" + self.encode())

    def relation(self):
        A, T = decode(self.A), decode(self.T)
        return (A, T) if self.suite == BBS98 else (T, A)

    def V(self, i):
        """Q + i F_1 + i^2 F_2 + ..."""
        if not 1 <= i <= self.n:
            raise ValueError("no such share")
        _, total = self.relation()
        for k, F_k in enumerate(self.F, 1):
            total = add(total, multiply(pow(i, k, N), F_k))
        if total is None:
            raise ValueError("the identity")
        return total

    def check_share(self, data):
        if len(data) != 33:
            raise ValueError("a share has 33 bytes")
        i, s = data[0], decode_scalar(data[1:])
        if multiply(s, self.relation()[0]) != self.V(i):
            raise ValueError("not the share of this sharing")
        return i, s

    def fragment_body(self, i, C, C_i):
        context = bytes([self.suite, i]) + self.digest()
        return body(b"nucypher/v1/fragment-proof", context, self.relation()[0], self.V(i), C, C_i)

    def check_fragment(self, data, C):
        if len(data) != 98:
            raise ValueError("a fragment has 98 bytes")
        i, C_i = data[0], decode(data[1:34])
        P = self.relation()[0]
        check_proof(self.fragment_body(i, C, C_i), [(P, self.V(i)), (C, C_i)], data[34:])
        return i, C_i


def share(rekey, n, drawn):
    """The sharing and s_1 .. s_n; `drawn` are a_1 to a_(t-1)."""
    P, _ = relation(rekey)
    F = [multiply(a_k, P) for a_k in drawn]
    sharing = Sharing(
        rekey.suite, rekey.state, len(drawn) + 1, n, rekey.A, rekey.B, rekey.X, rekey.T, F
    )
    shares = [
        (rekey.rk + sum(a_k * i**k for k, a_k in enumerate(drawn, 1))) % N for i in range(1, n + 1)
    ]
    return sharing, shares


def lagrange(i, indices):
    value = 1
    for j in indices:
        if j != i:
            value = value * j * curve.invert((j - i) % N) % N
    return value


def combine(t, fragments):
    """C' from (i, C_i): the first t of them."""
    indices = [i for i, _ in fragments]
    if len(set(indices)) != len(indices):
        raise ValueError("an index twice")
    if len(fragments) < t:
        raise ValueError("too few")
    total = None
    for i, C_i in fragments[:t]:
        total = add(total, multiply(lagrange(i, indices[:t]), C_i))
    return total


# Verifiable re-encryption


def body(label, context, P1, Q1, P2, Q2):
    return label + context + encode(P1) + encode(Q1) + encode(P2) + encode(Q2)


def prove(statement, bases, w, u):
    """c || z, and k."""
    k = h512_mod_n(b"nucypher/v1/proof-nonce" + encode_scalar(w) + u + statement)
    R = b"".join(encode(multiply(k, base)) for base in bases)
    c = h512_mod_n(statement + R)
    return encode_scalar(c) + encode_scalar((k + c * w) % N), k


def check_proof(statement, pairs, proof):
    if len(proof) != 64:
        raise ValueError("a proof has 64 bytes")
    c, z = decode_scalar(proof[:32]), decode_scalar(proof[32:])
    R = b""
    for base, image in pairs:
        R += encode(subtract(multiply(z, base), multiply(c, image)))
    if h512_mod_n(statement + R) != c:
        raise ValueError("the proof does not hold")


def reencryption_body(suite, A, T, C, C_prime):
    P, Q = (A, T) if suite == BBS98 else (T, A)
    return body(b"nucypher/v1/reencryption-proof", bytes([suite]), P, Q, C, C_prime), (P, Q)


def check_reencryption(suite, A, T, C, C_prime, proof):
    A, T, C, C_prime = map(decode, (A, T, C, C_prime))
    statement, first = reencryption_body(suite, A, T, C, C_prime)
    check_proof(statement, [first, (C, C_prime)], proof)
