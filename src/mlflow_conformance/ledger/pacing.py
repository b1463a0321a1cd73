# SPDX-License-Identifier: Apache-2.0
"""Clients that go on sending whatever happens to the server, each at a pace of its own.

A client sends its next request when the one before has ended, at the earliest when it is due.
Clients may take turns at one pace. Nothing is sent twice.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.ledger.writing import raise_problems

_MOST = 64
_LOOK_S = 0.05


@dataclass(frozen=True)
class SentRequest:
    """One request; moments of the monotonic clock.

    Attributes:
        count: writes in it.
        status: of HTTP; 0 without an answer.
        right: the answer, where there was one, held what was asked for.
    """

    kind: str
    began_ns: int
    ended_ns: int
    count: int
    status: int
    right: bool = True

    @property
    def acknowledged(self) -> bool:
        """The server said yes, and what it was asked for."""
        return self.status == 200 and self.right


@dataclass(frozen=True)
class _Turns:
    """Every so many'th turn of a pace, from the first one on."""

    first: int
    clients: int
    every_s: float


class Pacer(Closing):
    """Clients that send until it is closed; 64 at the most."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._attempts: list[SentRequest] = []
        self._held: frozenset[str] = frozenset()
        self._pool = ThreadPoolExecutor(_MOST)
        self._jobs: list[Future[None]] = []

    def add(
        self,
        kind: str,
        every_s: float,
        send: Callable[[int], Reply | None],
        count: int = 1,
        right: Callable[[Reply], bool] = lambda _: True,
        clients: int = 1,
    ) -> None:
        """Start one more client, or several that take turns.

        Of clients that take turns one request that is late delays every so many'th alone: what the
        others get says whether the server served meanwhile.

        Args:
            every_s: from the start of a request to that of the next one, at the least.
            send: sends the request of a turn, from 0; turn modulo `clients` says which client
                sends. None is no answer.
            count: writes in one request.
            right: whether a reply with status 200 holds what was asked for.
        """
        for first in range(clients):
            turns = _Turns(first, clients, every_s)
            self._jobs.append(self._pool.submit(self._go_on, kind, turns, send, count, right))

    def acknowledged(self, since_ns: int = 0) -> Counter[str]:
        """Writes whose requests began after a moment of the monotonic clock, by kind."""
        seen: Counter[str] = Counter()
        for sent in self.attempts():
            if sent.acknowledged and sent.began_ns >= since_ns:
                seen[sent.kind] += sent.count
        return seen

    def attempts(self) -> list[SentRequest]:
        """Every request that has ended until now."""
        raise_problems(self._jobs)
        with self._lock:
            return list(self._attempts)

    @contextmanager
    def holding(self, kinds: Collection[str]) -> Iterator[None]:
        """Send nothing of these kinds for as long as the context lasts."""
        self._held = frozenset(kinds)
        try:
            yield
        finally:
            self._held = frozenset()

    def close(self) -> None:
        """Stop, and wait until every request has ended or timed out."""
        self._stop.set()
        self._pool.shutdown(wait=True)
        raise_problems(self._jobs)

    def _go_on(
        self,
        kind: str,
        turns: _Turns,
        send: Callable[[int], Reply | None],
        count: int,
        right: Callable[[Reply], bool],
    ) -> None:
        turn, wait_s = turns.first, turns.first * turns.every_s
        due = time.monotonic() + wait_s
        self._stop.wait(wait_s)
        while not self._stop.is_set():
            if kind in self._held:
                self._stop.wait(_LOOK_S)
                continue
            began_ns = time.monotonic_ns()
            reply = send(turn)
            ended_ns, status = time.monotonic_ns(), reply.status if reply is not None else 0
            good = status != 200 or reply is None or right(reply)
            with self._lock:
                self._attempts.append(SentRequest(kind, began_ns, ended_ns, count, status, good))
            turn += turns.clients
            due = max(due + turns.clients * turns.every_s, time.monotonic())
            self._stop.wait(max(0.0, due - time.monotonic()))
