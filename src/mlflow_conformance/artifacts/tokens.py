# SPDX-License-Identifier: Apache-2.0
"""Tokens of ServiceAccounts: what they say, and such as no STS may take.

JSON Web Tokens (RFC 7519) in their compact form, read and written by PyJWT.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import jwt
from jwt.utils import base64url_decode, base64url_encode


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
            jwt.InvalidTokenError: it is none.
        """
        unsigned = ".".join([*text.strip().split(".")[:2], ""])
        said = jwt.decode_complete(unsigned, options={"verify_signature": False})
        return cls(said["header"], said["payload"])

    def signed(self, private_key: str, **claims: Any) -> str:
        """A token that says the same but for these claims, signed by its issuer's own key in PEM.

        Raises:
            jwt.InvalidKeyError: the key is none of the header's algorithm.
        """
        return jwt.encode(
            {**self.claims, **claims}, private_key,
            algorithm=self.header["alg"], headers=dict(self.header),
        )  # fmt: skip


def with_changed_signature(text: str) -> str:
    """A token that says the same, with one bit of its signature changed."""
    content, _, signature = text.strip().rpartition(".")
    *others, last = base64url_decode(signature)
    return f"{content}.{base64url_encode(bytes([*others, last ^ 1])).decode()}"
