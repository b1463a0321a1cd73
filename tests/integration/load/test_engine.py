# SPDX-License-Identifier: Apache-2.0
"""Locust as the engine of an open model: what it offered, what it saw, and when it must not count.

Times on a shared machine vary: these tests assert directions and bounds.
"""

import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from http_server import Exchange, Server, stalling
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.load.analysis import SendingBounds, analyse
from mlflow_conformance.load.arrivals import Process, RateStep
from mlflow_conformance.load.engine import running
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.workload import Connection, Workload

BUSY = SendingBounds(lateness_p99_s=1.0)
"""For runs whose numbers are compared coarsely: the machine of a test may be busy."""


def plan(
    server: Server,
    rate: float,
    seconds: float,
    *,
    arrivals: Process = "constant",
    connection: Connection = "close",
    timeout_s: float = 5,
    workers: int = 1,
    max_in_flight: int = 4000,
) -> LoadPlan:
    workload = Workload(
        name="health",
        description="d",
        source="s",
        connection=connection,
        arrivals=arrivals,
        timeout_s=timeout_s,
        mix={"health": 1},
    )
    return LoadPlan(
        url=server.url,
        workload=workload,
        steps=[RateStep(rate=rate, duration_s=seconds)],
        seed=11,
        workers=workers,
        max_in_flight=max_in_flight,
    )


def result(plan: LoadPlan, folder: Path, bounds: SendingBounds = BUSY) -> LoadResult:
    with running(plan, folder) as load:
        return analyse(load.wait(), bounds)


def closed_model_p99(url: str, seconds: float, folder: Path) -> float:
    """Seconds, by plain Locust's own statistics."""
    subprocess.run(
        [
            sys.executable, "-m", "locust",
            "-f", str(Path(__file__).with_name("closed_model.py")), "--host", url,
            "--headless", "--only-summary", "--users", "2", "--spawn-rate", "2",
            "--run-time", f"{seconds:g}s", "--json-file", str(folder / "closed"),
        ],
        cwd=folder, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    [stats] = json.loads((folder / "closed.json").read_text())
    times = sorted((float(ms), count) for ms, count in stats["response_times"].items())
    rank = 0.99 * stats["num_requests"]
    for ms, count in times:
        rank -= count
        if rank <= 0:
            return ms / 1000
    raise AssertionError("no request was made")


def test_a_stall_that_a_closed_model_hides(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with Server(stalling(2, every=10)) as server:
        closed: list[float] = []
        other = threading.Thread(
            target=lambda: closed.append(closed_model_p99(server.url, 11, tmp_path))
        )
        other.start()
        ours = result(plan(server, 100, 10), tmp_path)
        other.join()
    p99 = ours.overall.percentile(99).seconds
    assert p99 is not None
    record_property("p99 closed model, s", closed[0])
    record_property("p99 open model, s", p99)
    assert ours.void == []
    assert ours.overall.failed == 0
    # Of 10 s the server is away for 2: a fifth of all who came waited, up to 2 s.
    assert 1.5 < p99 < 4
    assert 1.9 < ours.outage.silence.seconds < 4
    assert closed[0] < 0.5 * p99


def test_everything_planned_is_sent_once_and_recorded_without_credentials(tmp_path: Path) -> None:
    with Server() as server:
        bare = plan(server, 100, 1, arrivals="poisson")
        secret = bare.model_copy(update={"headers": {"Authorization": "hunter2x"}})
        seen = result(secret, tmp_path)
        assert seen.sending.sent == seen.sending.offered == server.requests
        assert server.connections == server.requests
    assert seen.void == []
    assert seen.overall.failed == 0
    assert "hunter2x" not in repr(secret)
    for path in tmp_path.iterdir():
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        assert content
        assert b"hunter2x" not in content


def test_workers_share_one_plan_and_their_records_are_merged(tmp_path: Path) -> None:
    with Server() as server:
        seen = result(plan(server, 200, 1, workers=2), tmp_path)
        assert server.requests == 200
    assert seen.void == []
    assert seen.workers == 2
    assert seen.sending.sent == seen.overall.requests == 200


def test_failures_are_recorded_and_never_retried(tmp_path: Path) -> None:
    async def behave(exchange: Exchange) -> None:
        match exchange.number % 4:
            case 0:
                await exchange.reply(status=503)
            case 1:
                await exchange.close()
            case _:
                await exchange.reply()

    with Server(behave) as server:
        seen = result(plan(server, 100, 1, connection="keep-alive"), tmp_path)
        assert server.requests == 100
    assert seen.overall.failed == 50
    assert seen.overall.failures == {"reset": 25, "status": 25}
    assert seen.overall.statuses == {"200": 50, "503": 25}


def test_an_outage_is_as_long_as_the_server_was_away(tmp_path: Path) -> None:
    with Server() as server, running(plan(server, 50, 3), tmp_path) as load:
        load.started(Waiter())
        away = threading.Event()
        away.wait(1.2)
        server.shut()
        away.wait(1.0)
        server.open()
        seen = analyse(load.wait(), BUSY)
    assert seen.outage.resolution_s <= 0.05
    assert 0.95 <= seen.outage.silence.seconds <= 2
    assert 40 <= seen.overall.failed <= 100
    assert set(seen.overall.failures) <= {"refused", "reset"}


def test_a_sender_that_cannot_keep_up_voids_the_run(tmp_path: Path) -> None:
    with Server() as server:
        seen = result(plan(server, 15_000, 0.2), tmp_path, SendingBounds())
    assert any("late" in reason or "not offered" in reason for reason in seen.void)


def test_a_sender_that_was_held_up_voids_the_run(tmp_path: Path) -> None:
    with Server() as server, running(plan(server, 100, 2), tmp_path) as load:
        load.started(Waiter())
        held = threading.Event()
        held.wait(0.8)
        load.process.send_signal(signal.SIGSTOP)
        held.wait(0.5)
        load.process.send_signal(signal.SIGCONT)
        seen = analyse(load.wait())
    assert any("late" in reason for reason in seen.void)


def test_more_in_flight_than_the_sender_can_hold_voids_the_run(tmp_path: Path) -> None:
    with Server(stalling(10, every=10)) as server:
        seen = result(plan(server, 100, 1, timeout_s=1, max_in_flight=20), tmp_path)
    assert any("not offered" in reason for reason in seen.void)
    assert seen.overall.failures == {"timeout": seen.overall.requests}


def test_a_sender_that_was_ended_leaves_an_incomplete_record(tmp_path: Path) -> None:
    with Server() as server, running(plan(server, 100, 20), tmp_path) as load:
        load.started(Waiter())
        threading.Event().wait(1.5)
        load.process.send_signal(signal.SIGTERM)
        seen = analyse(load.wait())
    assert 50 < seen.overall.requests < 500
    assert any("cut short" in reason for reason in seen.void)


def test_leaving_early_ends_the_load(tmp_path: Path) -> None:
    with Server() as server, running(plan(server, 10, 60), tmp_path) as load:
        load.started(Waiter())
    assert load.process.poll() is not None


def test_load_that_never_began_is_undecided_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('no such plan')\n")
    monkeypatch.setattr("mlflow_conformance.load.engine.LOCUSTFILE", broken)
    with Server() as server, running(plan(server, 10, 1), tmp_path) as load:
        with pytest.raises(Undecided, match="no such plan"):
            load.started(Waiter())
        with pytest.raises(Undecided, match="the load did not begin"):
            load.wait()


def test_a_sender_without_the_right_to_precedence_goes_on_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlflow_conformance.load.sender import take_precedence

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("os.sched_setscheduler", refuse)
    assert take_precedence() is False
