# SPDX-License-Identifier: Apache-2.0
"""Requests to every replica while something else is looked at, so many in each second."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Thread

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Outcome, Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi

_AT_ONCE = 8
_PATIENCE_S = 120.0


@contextmanager
def asking(
    inside: Inside, replicas: Sequence[MlflowApi], search: str, per_s: int
) -> Iterator[Counter[int]]:
    """Ask for as long as the context lasts; statuses with how often each came, whole at its end.

    Replicas are asked in turn, past the Service: one that is not ready is asked as well.

    Args:
        search: what is searched, such as ``experiments``.

    Raises:
        InsideFailed: the runner did not carry requests out.
    """
    statuses: Counter[int] = Counter()
    over = Event()
    batches: list[Future[list[Outcome]]] = []
    requests = [
        Request.to(
            replicas[n % len(replicas)], "GET", f"/api/2.0/mlflow/{search}/search?max_results=1"
        )
        for n in range(per_s)
    ]

    def ask(pool: ThreadPoolExecutor) -> None:
        while True:
            # A server that is behind is not given more to be behind with.
            if sum(not batch.done() for batch in batches) < _AT_ONCE:
                batches.append(
                    pool.submit(
                        send_many, inside, requests, concurrency=_AT_ONCE, patience_s=_PATIENCE_S
                    )
                )
            if over.wait(1):
                return

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asker = Thread(target=ask, args=(pool,))
        asker.start()
        try:
            yield statuses
        finally:
            over.set()
            asker.join()
        for batch in batches:
            statuses.update(outcome.status for outcome in batch.result())
