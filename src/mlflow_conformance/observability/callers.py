# SPDX-License-Identifier: Apache-2.0
"""Requests of callers that trace themselves: the header `traceparent` (W3C, "Trace Context")."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mlflow_conformance.doors.many import Request
from mlflow_conformance.doors.mlflow import MlflowApi

_SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@dataclass(frozen=True)
class Caller:
    """The span that a request is sent in.

    Attributes:
        trace: the ID of its trace, as 32 hexadecimal digits.
        span: its own, as 16.
        sampled: whether the caller's trace is kept, so that those it calls keep theirs.
    """

    trace: str
    span: str
    sampled: bool

    @property
    def header(self) -> str:
        """What it sends as `traceparent`."""
        return f"00-{self.trace}-{self.span}-{int(self.sampled):02x}"


def searching(replicas: Sequence[MlflowApi], count: int) -> Iterator[Request]:
    """Searches, which ask the database, sent to the replicas in turn."""
    for number in range(count):
        yield Request.to(replicas[number % len(replicas)], "GET", _SEARCH)


def called(request: Request, rng: random.Random, *, sampled: bool) -> tuple[Request, Caller]:
    """A request, sent by a caller that traces itself, with a trace of its own."""
    # IDs of zeros alone are none.
    caller = Caller(
        trace=f"{rng.randrange(1, 1 << 128):032x}",
        span=f"{rng.randrange(1, 1 << 64):016x}",
        sampled=sampled,
    )
    return replace(request, headers={**request.headers, "traceparent": caller.header}), caller


def labelled(request: Request, label: str) -> Request:
    """A request of a caller that does not trace itself, known by its user agent."""
    return replace(request, headers={**request.headers, "User-Agent": label})
