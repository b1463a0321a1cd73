# SPDX-License-Identifier: Apache-2.0
"""Tokens read and made, held against an independent implementation."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mlflow_conformance.artifacts.tokens import (
    Token,
    exchange,
    hmac_sha256,
    new_rsa_key,
    rsa_sha256,
)
from mlflow_conformance.doors.http import Reply

# The example of RFC 7515, appendix A.1.
RFC = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


def test_a_token_is_read() -> None:
    token = Token.read(RFC + "\n")
    assert token.header == {"typ": "JWT", "alg": "HS256"}
    assert token.claims["iss"] == "joe"
    assert Token.read(RFC.rsplit(".", 1)[0]) == token


@pytest.mark.parametrize("text", ["", "a.b.c", "no token"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its message is the library's
        Token.read(text)


def test_a_signature_is_over_header_and_claims() -> None:
    pem = new_rsa_key()
    text = Token.read(RFC).with_claims(exp=1).signed("RS256", rsa_sha256(pem), key_id="k")
    content, _, signature = text.rpartition(".")
    assert Token.read(text).header == {"typ": "JWT", "alg": "RS256", "kid": "k"}
    assert Token.read(text).claims["exp"] == 1
    public = load_pem_private_key(pem, None).public_key()
    assert isinstance(public, RSAPublicKey)
    import base64

    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    public.verify(raw, content.encode(), PKCS1v15(), SHA256())


def test_a_token_without_signature_ends_in_a_dot() -> None:
    assert Token({}, {}).signed("none", lambda _: b"").endswith(".")
    assert Token({}, {}).signed("HS256", hmac_sha256(b""))


KEYS = (
    "<AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey><SessionToken>C</SessionToken>"
)


@pytest.mark.parametrize(
    ("status", "body", "code", "keys"),
    [
        (200, KEYS, "", {"access_key": "A", "secret_key": "B", "session_token": "C"}),
        (400, "<Error><Code>InvalidParameterValue</Code></Error>", "InvalidParameterValue", {}),
        (200, "<AccessKeyId>A</AccessKeyId>", "", {}),
        (403, "", "", {}),
    ],
)
def test_an_answer_of_the_sts(status: int, body: str, code: str, keys: dict[str, str]) -> None:
    asked: dict[str, Any] = {}

    def sender(method: str, url: str, **given: Any) -> Reply:
        asked.update(given, method=method, url=url)
        return Reply(status, {}, body.encode(), 0)

    seen = exchange(sender, "http://sts", "t.o.k", "arn:aws:iam::1:role/r")
    assert (seen.status, seen.code, dict(seen.keys)) == (status, code, keys)
    assert asked["url"] == "http://sts/"
    assert b"WebIdentityToken=t.o.k" in asked["body"]
    assert "t.o.k" not in json.dumps(str(seen))
