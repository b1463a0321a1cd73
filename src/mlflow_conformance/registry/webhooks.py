# SPDX-License-Identifier: Apache-2.0
"""Webhooks of MLflow as they arrive: the headers, the signature, and what was told."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlflow_conformance.doors.webhooks import signature_of


@dataclass(frozen=True)
class Delivery:
    """One post that a receiver kept.

    Attributes:
        event: entity and action, such as ``model_version.created``; empty when it has none.
        data: what the event is about.
        status: what the receiver answered.
    """

    path: str
    id: str
    timestamp: str
    signature: str
    body: bytes
    event: str
    data: Mapping[str, Any]
    status: int

    @classmethod
    def from_post(cls, post: Mapping[str, Any]) -> Self:
        """Read a post of `mlflow_conformance.doors.receiver`; what is missing stays empty."""
        body = base64.b64decode(post["body_base64"])
        headers = post["headers"]
        try:
            told = json.loads(body)
        except ValueError:
            told = {}
        told = told if isinstance(told, dict) else {}
        data = told.get("data")
        return cls(
            path=post["path"],
            id=headers.get("x-mlflow-delivery-id", ""),
            timestamp=headers.get("x-mlflow-timestamp", ""),
            signature=headers.get("x-mlflow-signature", ""),
            body=body,
            event=f"{told['entity']}.{told['action']}" if {"entity", "action"} <= set(told) else "",
            data=data if isinstance(data, dict) else {},
            status=post["status"],
        )

    def signed_by(self, secret: str) -> bool:
        """Whether the signature is that of this secret over this very body."""
        expected = signature_of(secret, self.id, self.timestamp, self.body)
        return hmac.compare_digest(expected, self.signature)
