"""SCRAM exchanges (RFC 5802 with the hashes of RFC 7677), as the gateway must speak and check them."""

import base64
import hashlib
import hmac


def b64(data):
    return base64.b64encode(data).decode()


def exchange(name, hash_name, user, password, iterations, nonces, gs2="n,,", extensions=""):
    def mac(key, message):
        return hmac.new(key, message, hash_name).digest()

    client_nonce, server_nonce = nonces
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, iterations)
    client_key = mac(salted, b"Client Key")
    stored_key = hashlib.new(hash_name, client_key).digest()
    server_key = mac(salted, b"Server Key")

    saslname = user.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={saslname},r={client_nonce}{extensions}"
    server_first = f"r={client_nonce}{server_nonce},s={b64(salt)},i={iterations}"
    without_proof = f"c={b64(gs2.encode())},r={client_nonce}{server_nonce}"
    message = ",".join([bare, server_first, without_proof]).encode()
    proof = bytes(a ^ b for a, b in zip(client_key, mac(stored_key, message)))
    return {
        "name": name,
        "mechanism": {"sha256": "SCRAM-SHA-256", "sha512": "SCRAM-SHA-512"}[hash_name],
        "user": user,
        "password": password,
        "client_nonce": client_nonce,
        "server_nonce": server_nonce,
        "credential": f"salt={b64(salt)},stored_key={b64(stored_key)},"
        f"server_key={b64(server_key)},iterations={iterations}",
        "client_first": gs2 + bare,
        "server_first": server_first,
        "client_final": f"{without_proof},p={b64(proof)}",
        "server_final": "v=" + b64(mac(server_key, message)),
    }


RFC_7677 = ("rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")


def scram():
    first = exchange("RFC 7677, section 3", "sha256", "user", "pencil", 4096, RFC_7677)
    assert first["client_final"].endswith("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert first["server_final"] == "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    yield first
    yield exchange("the same with SHA-512", "sha512", "user", "pencil", 4096, RFC_7677)
    odd = ("a,b=c", "Pässwort ,=", 8192, ("client", "server"))
    yield exchange("escaped name, authorization id, extension", "sha256", *odd, "n,a=a=2Cb=3Dc,", ",other=x")
    yield exchange("a client that could bind channels", "sha512", *odd, "y,,")


FILES = {"scram.json": scram}
