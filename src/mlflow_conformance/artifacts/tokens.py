# SPDX-License-Identifier: Apache-2.0
"""Tokens of ServiceAccounts: real ones read, and others made that nobody may accept.

JSON Web Tokens (RFC 7519) in their compact form: header, claims and signature, each in base64url.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from mlflow_conformance.doors.http import Reply, Sender

_STS_TIMEOUT_S = 30
_LIFETIME_S = 900  # the shortest that an STS gives keys for


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _object(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@dataclass(frozen=True)
class Token:
    """What a token says, without its signature.

    Attributes:
        header: algorithm and the ID of the key.
        claims: who it is for, who it is, and until when.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a token, or its first two parts; the signature is not looked at.

        Raises:
            ValueError: it is none.
        """
        header, claims, *_ = text.strip().split(".")
        return cls(_object(header), _object(claims))

    def signed(
        self, algorithm: str, sign: Callable[[bytes], bytes], *, key_id: str | None = None
    ) -> str:
        """A token that says the same, signed in another way; `key_id` names the key."""
        header = {**self.header, "alg": algorithm} | ({"kid": key_id} if key_id else {})
        parts = [_encoded(json.dumps(part).encode()) for part in (header, dict(self.claims))]
        content = ".".join(parts)
        return f"{content}.{_encoded(sign(content.encode()))}"

    def with_claims(self, **claims: Any) -> "Token":
        """The same token with other claims."""
        return Token(self.header, {**self.claims, **claims})


def hmac_sha256(key: bytes) -> Callable[[bytes], bytes]:
    """How the algorithm HS256 signs."""
    return lambda content: hmac.new(key, content, hashlib.sha256).digest()


def rsa_sha256(private_key: bytes) -> Callable[[bytes], bytes]:
    """How the algorithm RS256 signs, with a key in PEM.

    Raises:
        ValueError: it is no key of RSA.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(private_key, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the key is none of RSA")  # noqa: TRY004 - it is what the text holds
    return lambda content: key.sign(content, PKCS1v15(), SHA256())


def new_rsa_key() -> bytes:
    """A private key that nobody knows, in PEM."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    return generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


@dataclass(frozen=True)
class Exchange:
    """What an STS answered to a token.

    Attributes:
        code: of its error; empty when it gave keys.
        keys: access key, secret key and session token, by the names that a door to S3 has; empty
            when it gave none.
    """

    status: int
    code: str
    keys: Mapping[str, str]

    def __str__(self) -> str:
        gave = "keys" if self.keys else "neither keys nor an error code"
        return f"HTTP {self.status} {self.code or gave}"


_KEYS = {
    "access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "session_token": "SessionToken"
}  # fmt: skip


def exchange(send: Sender, endpoint: str, token: str, role: str | None) -> Exchange:
    """Ask an STS for keys by a web identity token (AssumeRoleWithWebIdentity).

    Raises:
        NoReply: it did not answer.
    """
    asked = {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15",
        "WebIdentityToken": token, "DurationSeconds": str(_LIFETIME_S),
        **({"RoleArn": role, "RoleSessionName": "mlflow-conformance"} if role else {}),
    }  # fmt: skip
    reply = send(
        "POST",
        endpoint.rstrip("/") + "/",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(asked).encode(),
        timeout_s=_STS_TIMEOUT_S,
    )
    return _read(reply)


def _read(reply: Reply) -> Exchange:
    def element(name: str) -> str:
        found = re.search(rf"<{name}>([^<]*)</{name}>", reply.text)
        return found.group(1) if found else ""

    keys = {key: element(name) for key, name in _KEYS.items()}
    return Exchange(reply.status, element("Code"), keys if all(keys.values()) else {})
