# SPDX-License-Identifier: Apache-2.0
"""Requests to MLflow while something else is looked at, so many in each second."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Outcome, Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi

Mix = Mapping[str, int]
"""How often in each second something is searched, such as ``experiments``."""
_AT_ONCE = 8
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class SentSearch:
    """One request.

    Attributes:
        at: when it began, as `time.monotonic` of this process has it, seconds.
        took_s: until there was a reply, or none to be waited for.
        status: the HTTP status; 0 without a reply.
    """

    at: float
    took_s: float
    status: int


@contextmanager
def asking(inside: Inside, doors: Sequence[MlflowApi], mix: Mix) -> Iterator[list[SentSearch]]:
    """Ask for as long as the context lasts; what was sent, whole at its end.

    Args:
        doors: they are asked in turn. Replicas past the Service are asked also when they are not
            ready; the Service is what people get.
        mix: what is searched, such as ``experiments``, and how often in each second.

    Raises:
        InsideFailed: the runner did not carry requests out.
    """
    sent: list[SentSearch] = []
    over = Event()
    batches: list[tuple[float, Future[list[Outcome]]]] = []
    requests = [
        Request.to(doors[n % len(doors)], "GET", f"/api/2.0/mlflow/{search}/search?max_results=1")
        for n, search in enumerate(search for search, times in mix.items() for _ in range(times))
    ]

    def ask(pool: ThreadPoolExecutor) -> None:
        while True:
            # A server that is behind is not given more to be behind with.
            if sum(not batch.done() for _, batch in batches) < _AT_ONCE:
                asked = pool.submit(
                    send_many, inside, requests, concurrency=_AT_ONCE, patience_s=_PATIENCE_S
                )
                batches.append((time.monotonic(), asked))
            if over.wait(1):
                return

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asker = Thread(target=ask, args=(pool,))
        asker.start()
        try:
            yield sent
        finally:
            over.set()
            asker.join()
        sent += on_this_clock([(at, batch.result()) for at, batch in batches])


def on_this_clock(batches: Sequence[tuple[float, Sequence[Outcome]]]) -> list[SentSearch]:
    """The requests of batches that were each handed over at a moment of this process's clock.

    The runner has another clock. None of its requests began before it was handed over, so that
    the least time in between, over all batches, tells the two clocks apart to within that time.
    """
    ahead_s = min(
        (min(o.started_ns for o in each) / 1e9 - at for at, each in batches if each), default=0.0
    )
    return [
        SentSearch(o.started_ns / 1e9 - ahead_s, o.reply.elapsed_s, o.status)
        for _, each in batches
        for o in each
    ]


def statuses(sent: Sequence[SentSearch]) -> dict[str, int]:
    """How often each status came; 0 stands for no reply."""
    return {str(status): n for status, n in sorted(Counter(s.status for s in sent).items())}
