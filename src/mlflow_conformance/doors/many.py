# SPDX-License-Identifier: Apache-2.0
"""Many HTTP requests, sent by the runner several at once.

One call to the runner carries all of them, so that what is measured is the server and not the way
to the runner. Like every request of the suite, each is sent once and on a connection of its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import Inside, http_arguments, reply_of
from mlflow_conformance.doors.mlflow import MlflowApi, need_known_host


@dataclass(frozen=True)
class Request:
    """One HTTP request that is still to be sent.

    Attributes:
        timeout_s: for connecting, and for each read, seconds.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None
    timeout_s: float = 30

    @classmethod
    def to(
        cls,
        api: MlflowApi,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str | None = None,
    ) -> Self:
        """What `MlflowApi.request` would send at once."""
        headers = {**api.headers, **({"Content-Type": content_type} if content_type else {})}
        return cls(method, api.base_url + path, headers, body, api.timeout_s)

    @classmethod
    def post(cls, api: MlflowApi, call: str, **fields: Any) -> Self:
        """What `MlflowApi.post` would send at once."""
        return cls.to(
            api,
            "POST",
            f"/api/2.0/mlflow/{call}",
            body=json.dumps(fields).encode(),
            content_type="application/json",
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        reply: what came back, or why nothing did; both have `elapsed_s`.
        started_ns: when it began, on a clock of the runner that only goes forward, nanoseconds.
    """

    reply: Reply | NoReply
    started_ns: int

    @property
    def status(self) -> int:
        """The HTTP status; 0 without a reply."""
        return self.reply.status if isinstance(self.reply, Reply) else 0

    def need_reply(self) -> Reply:
        """The reply.

        Raises:
            NoReply: none came.
        """
        if isinstance(self.reply, NoReply):
            raise self.reply
        return self.reply


def send_many(
    inside: Inside, requests: Sequence[Request], *, concurrency: int, patience_s: float = 60
) -> list[Outcome]:
    """Send requests from the runner and wait for all of them; outcomes in the order of requests.

    Args:
        concurrency: how many are under way at once, at most; with 1 they go out in their order.
        patience_s: how long to wait for the runner to have done all of them, seconds.

    Raises:
        InsideFailed: the runner itself did not answer, and what the requests did is not known.
        Undecided: MLflow does not know the name that it was called by.
    """
    if not requests:
        return []
    answers = inside.call(
        "http_many",
        patience_s=patience_s,
        requests=[
            http_arguments(r.method, r.url, r.headers, r.body, r.timeout_s) for r in requests
        ],
        concurrency=concurrency,
    )
    outcomes = [_outcome(a) for a in cast(list[dict[str, Any]], answers)]
    for request, outcome in zip(requests, outcomes, strict=True):
        if isinstance(outcome.reply, Reply):
            need_known_host(outcome.reply, request.url, request.headers)
    return outcomes


def _outcome(answer: dict[str, Any]) -> Outcome:
    try:
        reply: Reply | NoReply = reply_of(answer)
    except NoReply as none:
        reply = none
    return Outcome(reply, answer["started_ns"])
