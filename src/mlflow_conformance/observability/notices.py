# SPDX-License-Identifier: Apache-2.0
"""What Alertmanager tells a receiver, by its webhook (prometheus.io/docs, "webhook_config")."""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from mlflow_conformance.doors.inside import Inside


@dataclass(frozen=True)
class Notice:
    """One alert in one message to the receiver.

    Attributes:
        at: when the message came, as `time.monotonic` of this process has it, seconds; late by as
            long as the runner took to answer.
    """

    alert: str
    status: Literal["firing", "resolved"]
    at: float


@dataclass(frozen=True)
class Notices:
    """A receiver in the runner, to which people's alerts are sent.

    Attributes:
        number: of the receiver, as the runner knows it.
        url: how pods reach it.
    """

    inside: Inside
    number: int
    url: str

    def so_far(self) -> Sequence[Notice]:
        """Everything that was told, the oldest first.

        Raises:
            InsideFailed: the runner does not answer.
        """
        posts = self.inside.call("receiver_posts", number=self.number)
        now = time.monotonic()
        return [n for post in cast(list[dict[str, Any]], posts) for n in notices_in(post, now)]


def notices_in(post: Mapping[str, Any], now: float) -> list[Notice]:
    """The alerts of one message, as the receiver keeps it.

    Args:
        now: of `time.monotonic`, seconds.

    Raises:
        ValueError, KeyError: it is no message of Alertmanager.
    """
    message = json.loads(base64.b64decode(post["body_base64"]))
    at = now - post["age_s"]
    return [Notice(each["labels"]["alertname"], each["status"], at) for each in message["alerts"]]
