# SPDX-License-Identifier: Apache-2.0
"""Tokens read, and changed so that nobody may accept them."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mlflow_conformance.artifacts.tokens import Token, with_changed_signature

# The example of RFC 7515, appendix A.1.
RFC = (
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def issued(pem: str, **claims: object) -> str:
    return jwt.encode({"sub": "mlflow", **claims}, pem, "RS256", {"kid": "k"})


def test_a_token_is_read() -> None:
    token = Token.read(RFC + "\n")
    assert token.header == {"typ": "JWT", "alg": "HS256"}
    assert token.claims["iss"] == "joe"
    assert Token.read(RFC.rsplit(".", 1)[0]) == token


@pytest.mark.parametrize("text", ["", "a.b.c", "no token"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(jwt.InvalidTokenError):
        Token.read(text)


def test_a_changed_signature_is_well_formed_and_wrong(key: RSAPrivateKey, pem: str) -> None:
    token = issued(pem)
    changed = with_changed_signature(token)
    assert Token.read(changed) == Token.read(token)
    assert len(changed) == len(token)
    jwt.decode(token, key.public_key(), ["RS256"])
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(changed, key.public_key(), ["RS256"])


def test_a_token_signed_anew_says_the_same_but_for_what_is_given(
    key: RSAPrivateKey, pem: str
) -> None:
    token = Token.read(issued(pem, exp=4102444800))
    same = token.signed(pem)
    assert Token.read(same) == token
    assert jwt.decode(same, key.public_key(), ["RS256"]) == token.claims
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token.signed(pem, exp=1), key.public_key(), ["RS256"])


def test_a_key_of_another_kind_is_refused(pem: str) -> None:
    with pytest.raises(jwt.InvalidKeyError):
        Token.read(issued(pem)).signed("no key")
