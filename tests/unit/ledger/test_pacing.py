# SPDX-License-Identifier: Apache-2.0
"""Clients that take turns: one late request is not a span without a write."""

import threading
import time

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.ledger.pacing import Pacer

OK = Reply(status=200, headers={}, body=b"", elapsed_s=0.0)


def test_clients_that_take_turns_send_every_turn_once() -> None:
    turns: list[int] = []

    def send(turn: int) -> Reply:
        turns.append(turn)
        return OK

    with Pacer() as pacer:
        pacer.add("tag", 0.01, send, clients=3)
        while len(turns) < 30:
            time.sleep(0.005)

    assert len(turns) == len(set(turns))
    assert set(range(20)) <= set(turns)


def test_one_late_request_keeps_the_other_clients_from_nothing() -> None:
    go_on, others = threading.Event(), threading.Event()
    sent: list[int] = []

    def send(turn: int) -> Reply:
        if turn == 0:
            go_on.wait(30)
        sent.append(turn)
        if len(sent) >= 4:
            others.set()
        return OK

    with Pacer() as pacer:
        pacer.add("tag", 0.01, send, clients=2)
        assert others.wait(30)
        assert {turn % 2 for turn in sent} == {1}
        go_on.set()
