# SPDX-License-Identifier: Apache-2.0
"""Clients of an upgrade against a server that loses, refuses or hides traces."""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
from pydantic import JsonValue

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.writers import Pace
from mlflow_conformance.upgrade.clients import WORDS, going
from mlflow_conformance.upgrade.kept import judge_singles, judge_traces
from mlflow_conformance.upgrade.traces import Kind, Traces

PACE = Pace(writers=1, batch=2, every_s=0.01, artifacts_every_s=0.01, others_every_s=0.01)


class _Server:
    """Takes everything; knows artifacts and traces again unless it is blind."""

    def __init__(self, *, otlp: int = 200, blind: bool = False) -> None:
        self.otlp, self.blind = otlp, blind
        self.lock = threading.Lock()
        self.stored: dict[str, bytes] = {}
        self.traces: list[str] = []

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None,
        timeout_s: float,
    ) -> Reply:  # fmt: skip
        with self.lock:
            return self._answer(method, url.partition("/api/")[2] or url, body or b"")

    def _answer(self, method: str, path: str, body: bytes) -> Reply:
        if "/artifacts/" in path:
            if method == "PUT":
                self.stored[path] = body
            return Reply(200, {}, self.stored.get(path, b""), 0)
        if path.endswith("/v1/traces"):
            return Reply(self.otlp, {}, b"", 0)
        answer: JsonValue = {}
        if path.endswith("runs/create"):
            info: JsonValue = {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}
            answer = {"run": {"info": info}}
        elif path.endswith("mlflow/traces"):
            self.traces.append(json.loads(body)["trace"]["trace_info"]["trace_id"])
        elif path.endswith("traces/search") and not self.blind:
            answer = {"traces": [{"trace_id": t} for t in self.traces[:1]]}
        elif path.endswith("runs/search"):
            answer = {"runs": [{"info": {"run_id": "r"}}]}
        return Reply(200, {}, json.dumps(answer).encode(), 0)


def _sent(path: Path, server: _Server) -> tuple[dict[str, int], dict[str, int], list[Operation]]:
    """How many of each kind were sent, how many were acknowledged, and the ledger."""
    api = MlflowApi("http://x", server, {})
    traces = Traces("label", "1")
    with Ledger(path, sync=False) as ledger, going(ledger, [api, api], traces, PACE) as clients:
        Waiter().until(
            "sent", clients.pacer.attempts,
            done=lambda seen: {a.kind for a in seen} == set(WORDS),
            timeout="api reply", interval_s=0.01,
        )  # fmt: skip
    attempts = clients.pacer.attempts()
    sent = {kind: sum(a.kind == kind for a in attempts) for kind in WORDS}
    return sent, dict(clients.pacer.acknowledged()), read(path)


def test_every_kind_is_sent_and_acknowledged(tmp_path: Path) -> None:
    sent, acknowledged, operations = _sent(tmp_path / "ledger", _Server())
    assert all(sent.values())
    assert {k for k in WORDS if acknowledged.get(k)} == set(WORDS)
    assert {o.kind for o in operations} == set(WORDS) - {"search", "load", "find"}


def test_an_empty_answer_to_a_search_is_no_acknowledgement(tmp_path: Path) -> None:
    sent, acknowledged, _ = _sent(tmp_path / "ledger", _Server(blind=True))
    assert sent["find"]
    assert acknowledged.get("find", 0) == 0
    assert acknowledged["search"]


def test_a_server_without_otlp_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises(Undecided, match=re.escape("no traces by OTLP are taken: HTTP 404")):
        _sent(tmp_path / "ledger", _Server(otlp=404))


def test_traces_that_a_door_does_not_show_are_lost() -> None:
    taken = [Operation("w", "label", "trace", n, 0, 1, "acknowledged") for n in range(3)]
    assert judge_traces("mlflow by name", "trace", taken, [0, 1, 2]).holds
    assert judge_traces("mlflow by name", "trace", taken, [2]).broken == [
        "mlflow by name, trace: 2 lost"
    ]


def test_single_metrics_have_the_value_of_their_step() -> None:
    taken = [Operation("w", "r", "metric", n, 0, 1, "acknowledged") for n in range(2)]
    assert judge_singles("sql", taken, [(0, 0.0), (1, 0.125)]).holds
    assert judge_singles("sql", taken, [(1, 9.0)]).broken == ["sql, metric: 1 lost, 1 changed"]


def test_requests_of_one_trace_are_the_same_again() -> None:
    traces = Traces("label", "7")
    assert traces.call("span", 3) == traces.call("span", 3)
    assert len({traces.trace_id(k, n) for k in get_args(Kind) for n in range(9)}) == 18
