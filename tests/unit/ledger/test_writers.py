# SPDX-License-Identifier: Apache-2.0
"""What writers must find again, and that they go on when the server does not answer."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, NewRun
from mlflow_conformance.ledger.history import Operation, Outcome
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.readback import served_artifacts
from mlflow_conformance.ledger.writers import (
    KINDS,
    Pace,
    Writers,
    content_of,
    digest_of,
    value_of,
)
from mlflow_conformance.ledger.writes_kept import judge_artifacts, judge_metrics, judge_named
from senders import Always


def _batch(first: int, outcome: Outcome = "acknowledged", run: str = "r") -> list[Operation]:
    """Three metrics of one request."""
    return [
        Operation("w", run, "add", step, first, first + 1, outcome)
        for step in range(first, first + 3)
    ]


def _points(*steps: int) -> list[tuple[int, float]]:
    return [(step, value_of(step)) for step in steps]


def test_all_there() -> None:
    seen = judge_metrics("sql", _batch(0), {"r": _points(0, 1, 2)})
    assert seen.holds
    assert seen.broken == []
    assert seen.finding.acknowledged == 3


def test_one_lost_is_also_half_a_request() -> None:
    seen = judge_metrics("sql", _batch(0), {"r": _points(0, 2)})
    assert seen.finding.lost == [["r", 1]]
    assert seen.broken == ["sql, add: 1 lost, 1 half there"]


@pytest.mark.parametrize("steps", [(), (0, 1, 2)])
def test_a_request_without_an_answer_may_be_there_or_not(steps: tuple[int, ...]) -> None:
    assert judge_metrics("sql", _batch(0, "open"), {"r": _points(*steps)}).holds


def test_a_request_without_an_answer_is_never_half_there() -> None:
    seen = judge_metrics("sql", _batch(0, "open"), {"r": _points(0)})
    assert seen.broken == ["sql, add: 1 half there"]


def test_requests_of_two_runs_at_one_moment_are_two() -> None:
    operations = _batch(0, "open") + _batch(0, "open", run="other")
    assert judge_metrics("sql", operations, {"r": _points(0, 1, 2), "other": []}).holds


def test_what_nobody_wrote_what_was_refused_and_what_is_there_twice() -> None:
    operations = _batch(0) + _batch(3, "refused")
    seen = judge_metrics("mlflow", operations, {"r": _points(0, 0, 1, 2, 3, 4, 5, 9)})
    assert seen.broken == ["mlflow, add: 4 invented, 1 doubled"]


def test_a_changed_value() -> None:
    seen = judge_metrics("sql", _batch(0), {"r": [(0, 9.0), *_points(1, 2)]})
    assert seen.broken == ["sql, add: 1 changed"]


def test_artifacts() -> None:
    put = Operation("u", "s", "put", 4, 0, 1, "acknowledged")
    assert judge_artifacts("bucket", [put], {4: digest_of(4)}).holds
    assert judge_artifacts("bucket", [put], {}).broken == ["bucket, put: 1 lost"]
    assert judge_artifacts("bucket", [put], {4: digest_of(5)}).broken == ["bucket, put: 1 changed"]
    assert judge_artifacts("bucket", [replace(put, outcome="open")], {}).holds


@pytest.mark.parametrize("kind", ["param", "tag", "version", "alias"])
def test_what_has_a_name(kind: str) -> None:
    written = [Operation("w", "r", kind, n, 0, 1, "acknowledged") for n in (3, 4)]
    held = {"3": "1" if kind == "alias" else "3", "4": "1" if kind == "alias" else "4"}
    there = [(f"turn-{n}", value) for n, value in held.items()]
    assert judge_named("sql", kind, written, [*there, ("mlflow.user", "x")]).holds
    assert judge_named("sql", kind, written, there[:1]).broken == [f"sql, {kind}: 1 lost"]
    other = judge_named("sql", kind, written, [there[0], ("turn-4", "9")])
    assert other.broken == [f"sql, {kind}: 1 changed"]


S3_SAYS = b"An error occurred (404) when calling the HeadObject operation: Not Found"


@pytest.mark.parametrize(
    ("status", "body", "there"),
    [(200, content_of(3), {3: digest_of(3)}), (404, b"", {}), (500, S3_SAYS, {})],
)
def test_an_artifact_is_there_or_not(status: int, body: bytes, there: dict[int, str]) -> None:
    store = NewRun("r", "mlflow-artifacts:/1/r/artifacts")
    assert served_artifacts(store, MlflowApi("http://x", Always(status, body), {}), [3]) == there


@pytest.mark.parametrize(("status", "body"), [(503, b""), (500, b"no connection"), (403, S3_SAYS)])
def test_another_failure_is_no_word_on_an_artifact(status: int, body: bytes) -> None:
    store = NewRun("r", "mlflow-artifacts:/1/r/artifacts")
    with pytest.raises(ApiError):
        served_artifacts(store, MlflowApi("http://x", Always(status, body), {}), [3])


class _Server:
    """Answers as it is told to; knows what it took."""

    def __init__(self, answer: Callable[[str], int]) -> None:
        self.answer = answer
        self.lock = threading.Lock()
        self.steps: list[int] = []

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None,
        timeout_s: float,
    ) -> Reply:  # fmt: skip
        if url.endswith("registered-models/create"):
            return Reply(200, {}, b"{}", 0)
        if url.endswith("model-versions/create") and json.loads(body or b"{}")["description"] == "":
            return Reply(200, {}, b"{}", 0)
        if url.endswith("runs/create"):
            info: JsonValue = {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts"}
            return Reply(200, {}, json.dumps({"run": {"info": info}}).encode(), 0)
        status = self.answer(url)
        if status == 0:
            raise NoReply("reset", "closed", 0)
        if status == 200 and url.endswith("log-batch"):
            with self.lock:
                self.steps += [m["step"] for m in json.loads(body or b"{}")["metrics"]]
        return Reply(status, {}, b"{}", 0)


PACE = Pace(writers=2, batch=5, every_s=0.01, artifacts_every_s=0.01, others_every_s=0.01)


def _write(path: Path, server: _Server, count: int) -> list[Operation]:
    api = MlflowApi("http://x", server, {})
    with Ledger(path, sync=False) as ledger, Writers(ledger, [api, api], "1", PACE) as writers:
        Waiter().until(
            "written", writers.pacer.acknowledged, done=lambda n: n.total() >= count,
            timeout="api reply", interval_s=0.01,
        )  # fmt: skip
    return read(path)


def test_what_is_acknowledged_was_taken(tmp_path: Path) -> None:
    server = _Server(lambda _: 200)
    operations = _write(tmp_path / "l", server, 100)
    adds = [o for o in operations if o.kind == "add"]
    assert all(o.acknowledged for o in operations)
    assert sorted(int(str(o.value)) for o in adds) == sorted(server.steps)
    assert len({o.invoked_ns for o in adds}) * 5 >= len(adds)


def test_writers_go_on_over_an_outage(tmp_path: Path) -> None:
    turns = iter(range(10**6))
    answers = [200, 0, 503, 400]
    operations = _write(tmp_path / "l", _Server(lambda _: answers[next(turns) % 4]), 50)
    assert {o.outcome for o in operations} == {"acknowledged", "open", "refused"}
    assert {o.kind for o in operations} == set(KINDS)


def test_a_defect_of_a_writer_is_no_silence(tmp_path: Path) -> None:
    def broken(_: str) -> int:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        _write(tmp_path / "l", _Server(broken), 1)
