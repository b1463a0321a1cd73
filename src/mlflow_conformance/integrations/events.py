# SPDX-License-Identifier: Apache-2.0
"""Events of MLflow's registry as its webhooks tell them, and such as nobody may believe."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.doors.http import Sender
from mlflow_conformance.doors.webhooks import signature_of


@dataclass(frozen=True)
class RegistryEvent:
    """One delivery of a webhook.

    Attributes:
        headers: of the post, those of the signature among them.
    """

    headers: Mapping[str, str]
    body: bytes

    def sent(self, send: Sender, url: str, timeout_s: float) -> int:
        """Post it; the status of the answer.

        Raises:
            NoReply: no complete answer came.
        """
        return send("POST", url, headers=self.headers, body=self.body, timeout_s=timeout_s).status


def alias_set(name: str, version: str, secret: str, *, age_s: float = 0) -> RegistryEvent:
    """That an alias was set to a version of a model, as MLflow tells it.

    Args:
        secret: by which it is signed.
        age_s: how long ago, seconds.
    """
    data = {"name": name, "version": version, "alias": "conformance"}
    body = _body("model_version_alias", "created", data)
    delivery, at = secrets.token_hex(16), str(int(time.time() - age_s))
    return RegistryEvent(
        {
            "Content-Type": "application/json",
            "X-MLflow-Delivery-Id": delivery,
            "X-MLflow-Timestamp": at,
            "X-MLflow-Signature": signature_of(secret, delivery, at, body),
        },
        body,
    )


def forged(name: str, secret: str, *, old_s: float) -> dict[str, RegistryEvent]:
    """Events about a model that nobody may believe, each by what is wrong with it.

    Each says another version, so that a workflow that it starts is told from the others.

    Args:
        secret: the real one.
        old_s: age of the one that is too old, seconds.
    """
    right = alias_set(name, "1", secret)
    unsigned = {k: v for k, v in right.headers.items() if k != "X-MLflow-Signature"}
    changed = _body("model_version_alias", "created", {"name": name, "version": "3"})
    return {
        "not signed": RegistryEvent(unsigned, right.body),
        "signed by another secret": alias_set(name, "2", secrets.token_hex(16)),
        "changed after it was signed": RegistryEvent(right.headers, changed),
        "signed long ago": alias_set(name, "4", secret, age_s=old_s),
    }


def _body(entity: str, action: str, data: Mapping[str, str]) -> bytes:
    return json.dumps({"entity": entity, "action": action, "data": dict(data)}).encode()
