"""Lets an MCP server accept only the gateway: verifies the assertion that it sends.

Needs the package `cryptography` and nothing else. Call `verify(token, keys, audience, now)` for each request, with the bearer token of its
Authorization header, the gateway's keys (the JSON at its /.well-known/jwks.json, fetched over TLS or copied), the address that the gateway
forwards to, and the time. It returns the claims, or raises `Refused`.
"""

import base64
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

TYPE = "writ-upstream+jwt"
LIFE = 60  # seconds: no assertion lives longer
SKEW = 60  # seconds that the clocks may differ


class Refused(Exception):
    """The request does not come from the gateway."""


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _key(keys, kid):
    for key in keys["keys"]:
        if key.get("kid") == kid and key.get("kty") == "EC" and key.get("crv") == "P-256":
            x, y = (int.from_bytes(_decoded(key[part]), "big") for part in ("x", "y"))
            return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    raise Refused("signed with a key that is not the gateway's")


def verify(token, keys, audience, now):
    try:
        head, body, signature = token.split(".")
        header, raw = json.loads(_decoded(head)), _decoded(signature)
        claims = json.loads(_decoded(body))
    except ValueError as error:
        raise Refused("no assertion") from error
    # The type and the algorithm are ours to choose, not the sender's.
    if header.get("typ") != TYPE or header.get("alg") != "ES256" or len(raw) != 64:
        raise Refused("another kind of token")
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    try:
        signed = f"{head}.{body}".encode()
        _key(keys, header.get("kid")).verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
    except InvalidSignature as error:
        raise Refused("the signature does not fit") from error
    if claims.get("aud") != audience:
        raise Refused("for another server")
    issued, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(ends, int) or ends - issued > LIFE:
        raise Refused("lives too long")
    if not issued - SKEW <= now < ends + SKEW:
        raise Refused("has ended, or has not begun")
    return claims


if __name__ == "__main__":
    import sys

    # One JSON document on standard input: {"token": …, "keys": …, "audience": …, "now": …}
    asked = json.load(sys.stdin)
    try:
        print(json.dumps(verify(asked["token"], asked["keys"], asked["audience"], asked["now"])))
    except Refused as refused:
        sys.exit(f"refused: {refused}")
