# SPDX-License-Identifier: Apache-2.0
"""What Alertmanager tells a receiver, by its webhook (prometheus.io/docs, "webhook_config")."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from mlflow_conformance.doors.inside import Inside


@dataclass(frozen=True)
class Notice:
    """One alert in one message to the receiver."""

    alert: str
    status: Literal["firing", "resolved"]


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
        return [n for post in cast(list[dict[str, Any]], posts) for n in notices_in(post)]


def notices_in(post: Mapping[str, Any]) -> list[Notice]:
    """The alerts of one message, as the receiver keeps it.

    Raises:
        ValueError, KeyError: it is no message of Alertmanager.
    """
    message = json.loads(base64.b64decode(post["body_base64"]))
    return [Notice(each["labels"]["alertname"], each["status"]) for each in message["alerts"]]
