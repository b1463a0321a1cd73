# SPDX-License-Identifier: Apache-2.0
"""The inside door: the real agent over pipes, and agents that misbehave."""

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mlflow_conformance.doors import inside as door
from mlflow_conformance.doors import operations as ops
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import (
    AgentInside,
    Inside,
    InsideFailed,
    InsideSender,
    LocalInside,
)
from mlflow_conformance.doors.s3 import Bucket, Digest, StoredObject
from mlflow_conformance.doors.sql import Sql

Start = Callable[..., AgentInside]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts Python with a script as the agent; every one is closed in the end."""
    agents: list[AgentInside] = []

    def begin(script: str) -> AgentInside:
        agents.append(AgentInside([sys.executable, "-S", "-c", dedent(script)]))
        return agents[-1]

    yield begin
    for agent in agents:
        agent.close()


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentInside]:
    """The real agent, with operations that only a test needs."""
    script = """
        import os, sys, time
        from mlflow_conformance.doors import operations as ops
        def slow(seconds): time.sleep(seconds); return seconds
        def noisy(): print("a library says hello"); os.write(2, b"and so does C\\n"); return 1
        def odd(): return {1, 2}
        ops.OPERATIONS.update(slow=slow, noisy=noisy, odd=odd, die=lambda code: os._exit(code))
        import runpy
        runpy.run_module("mlflow_conformance.run.agent", run_name="__main__")
        """
    inside = AgentInside([sys.executable, "-c", dedent(script)])
    yield inside
    inside.close()


def test_it_answers(agent: AgentInside) -> None:
    assert agent.call("ping") == "pong"


def test_replies_come_as_they_are_ready(agent: AgentInside) -> None:
    order: list[float] = []
    with ThreadPoolExecutor(3) as pool:
        for seconds in (0.4, 0.2, 0):
            pool.submit(lambda s: order.append(float(str(agent.call("slow", seconds=s)))), seconds)
    assert order == [0, 0.2, 0.4]


def test_many_callers_get_their_own_reply(agent: AgentInside) -> None:
    with ThreadPoolExecutor(16) as pool:
        sent = [n / 10**6 for n in range(200)]
        assert list(pool.map(lambda s: agent.call("slow", seconds=s), sent)) == sent


def test_what_an_operation_prints_is_no_reply(agent: AgentInside) -> None:
    assert agent.call("noisy") == 1


@pytest.mark.parametrize(
    ("op", "arguments", "told"),
    [
        ("tpc", {}, "tpc: KeyError: 'tpc'"),
        ("ping", {"loudly": True}, "ping: TypeError: .*unexpected keyword argument 'loudly'"),
        ("odd", {}, "odd: TypeError: Object of type set is not JSON serializable"),
        ("slow", {"seconds": "x"}, "slow: TypeError: "),
    ],
)
def test_an_operation_that_raises(
    agent: AgentInside, op: str, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(InsideFailed, match=told):
        agent.call(op, **arguments)
    assert agent.call("ping") == "pong"


def test_an_operation_that_is_late(agent: AgentInside) -> None:
    with pytest.raises(InsideFailed, match=r"slow: no answer from the runner within 0\.1 s"):
        agent.call("slow", seconds=0.3, patience_s=0.1)
    assert agent.call("ping") == "pong"


def test_a_request_larger_than_a_pipe(agent: AgentInside) -> None:
    with pytest.raises(InsideFailed, match="unexpected keyword"):
        agent.call("ping", body="x" * 3_000_000)


def test_an_agent_that_dies_fails_every_caller_at_once(start: Start) -> None:
    inside = start("""
        import os, sys, time
        for _ in range(3): sys.stdin.readline()
        sys.stderr.write("command terminated: node is gone\\n"); sys.stderr.flush()
        time.sleep(0.1)
        os._exit(137)
        """)
    with ThreadPoolExecutor(3) as pool:
        started = time.monotonic()
        calls = [pool.submit(inside.call, "ping", patience_s=30) for _ in range(3)]
        problems = [str(call.exception()) for call in calls]
    assert time.monotonic() - started < 10
    assert (
        problems == ["ping: the way to the runner is closed: command terminated: node is gone"] * 3
    )


def test_a_call_after_the_end(start: Start) -> None:
    inside = start("raise SystemExit('no such pod')")
    for _ in range(2):
        with pytest.raises(
            InsideFailed, match="ping: the way to the runner is closed: no such pod"
        ):
            inside.call("ping", patience_s=10)


@pytest.mark.parametrize(
    "noise",
    ["Defaulted container", "{", "42", "[]", "null", "{}", '{"id": []}', '{"id": 1}', "\\udcff"],
)
def test_lines_that_are_no_reply_are_passed_over(start: Start, noise: str) -> None:
    inside = start(f"""
        import json, sys
        sys.stdout.reconfigure(errors="surrogateescape")
        number = json.loads(sys.stdin.readline())["id"]
        print({noise!r}.encode().decode("unicode_escape"))
        print(json.dumps({{"id": 10**6, "result": "of another"}}))
        print(json.dumps({{"id": number, "result": "mine"}}), flush=True)
        sys.stdin.readline()
        """)
    assert inside.call("ping", patience_s=10) == "mine"


def test_a_second_reply_to_one_request_is_passed_over(start: Start) -> None:
    inside = start("""
        import json, sys
        for line in sys.stdin:
            reply = json.dumps({"id": json.loads(line)["id"], "result": line[:7]})
            print(reply + "\\n" + reply, flush=True)
        """)
    for _ in range(20):
        assert inside.call("ping", patience_s=10) == '{"id": '


def test_an_agent_that_does_not_read_cannot_outlast_a_time_out(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_TO_END_S", 0.2)
    inside = start("import time; time.sleep(60)")
    with pytest.raises(InsideFailed, match="no answer"):
        inside.call("ping", body="x" * 1_000_000, patience_s=0.2)
    started = time.monotonic()
    inside.close()
    assert time.monotonic() - started < 10


def test_close_ends_the_agent_and_can_be_repeated(start: Start) -> None:
    inside = start("import sys\nfor line in sys.stdin: pass")
    inside.close()
    inside.close()
    with pytest.raises(InsideFailed, match="closed"):
        inside.call("ping")
    assert inside._process.poll() == 0


def test_close_ends_an_agent_that_ignores_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_TO_END_S", 0.2)
    inside = start("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
        """)
    inside.close()
    assert inside._process.poll() == -signal.SIGKILL


def test_ctrl_c_does_not_reach_the_agent(start: Start) -> None:
    inside = start("import sys\nfor line in sys.stdin: pass")
    assert os.getpgid(inside._process.pid) != os.getpgid(0)


def test_a_malformed_request_is_answered_and_the_agent_lives() -> None:
    from io import StringIO

    from mlflow_conformance.run.agent import serve

    replies = StringIO()
    serve(StringIO('nonsense\n[]\n{"id": 1}\n{"id": 2, "op": "ping", "arguments": {}}\n'), replies)
    said = [json.loads(line) for line in replies.getvalue().splitlines()]
    assert {"id": 2, "result": "pong"} in said
    assert sorted(s.get("id") or 0 for s in said if "error" in s) == [0, 0, 1]


def test_the_operations_of_this_process(server: str) -> None:
    inside = LocalInside()
    assert inside.call("ping") == "pong"
    with pytest.raises(InsideFailed, match="nothing: KeyError"):
        inside.call("nothing")
    inside.close()


@pytest.mark.parametrize("where", ["agent", "local"])
def test_requests_through_the_door(agent: AgentInside, server: str, where: str) -> None:
    inside: Inside = agent if where == "agent" else LocalInside()
    send = InsideSender(inside)
    reply = send("GET", server, headers={}, body=None, timeout_s=5)
    assert (reply.status, reply.body) == (200, b"OK")
    with pytest.raises(NoReply) as told:
        send("GET", "http://127.0.0.1:1", headers={}, body=b"\xff", timeout_s=5)
    assert told.value.failure == "refused"


def test_tcp_probes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        seen = ops.tcp("127.0.0.1", port, 5)
        assert isinstance(seen, dict)
        assert seen["outcome"] == "open"
    seen = ops.tcp("127.0.0.1", port, 5)
    assert isinstance(seen, dict)
    assert seen["outcome"] == "refused"


class Fake:
    """Records what a client asks for, and gives prepared answers."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, dict[str, object]]]()

    def call(self, op: str, /, *, patience_s: float = 60, **arguments: object) -> object:
        self.asked.append((op, arguments))
        return self.answers.pop(0)

    def close(self) -> None: ...


def test_sql_gives_rows_columns_and_one_value() -> None:
    fake = Fake([[1, "a"], [2, "b"]], [[1], [2]], [[7]], [])
    sql = Sql(fake, {"host": "h", "port": 1, "dbname": "d", "password": "hidden-word"})  # type: ignore[arg-type]
    assert sql.rows("select %s", 1) == [[1, "a"], [2, "b"]]
    assert fake.asked[0][1]["parameters"] == [1]
    assert sql.column("q") == [1, 2]
    assert sql.one("q") == 7
    with pytest.raises(LookupError, match="one value expected, 0 rows came"):
        sql.one("q")
    assert "hidden-word" not in repr(sql)


def test_a_bucket_says_what_it_holds() -> None:
    door = {"endpoint": "http://s3", "bucket": "b", "secret_key": "hidden-word"}
    fake = Fake(
        [{"key": "p/a", "size": 1, "etag": "e"}], {"p/a": {"sha256": "s", "size": 1}, "p/b": None}
    )
    bucket = Bucket(fake, door, "p/")  # type: ignore[arg-type]
    assert bucket.objects("x") == [StoredObject("p/a", 1, "e")]
    assert fake.asked[0][1]["prefix"] == "p/x"
    assert bucket.digests(["p/a", "p/b"]) == {"p/a": Digest("s", 1), "p/b": None}
    assert "hidden-word" not in repr(bucket)


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    inside = AgentInside([sys.executable, "-S", "-c", "import sys\nfor line in sys.stdin: pass"])
    inside.close()
    assert set(threading.enumerate()) <= before  # those of earlier tests may end meanwhile


def test_of_two_agents_with_one_lock_the_first_one_stays(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mlflow_conformance.run.agent", str(tmp_path / "lock")]
    first = AgentInside(argv)
    try:
        assert first.call("ping") == "pong"
        second = AgentInside(argv)
        with pytest.raises(InsideFailed, match="another run uses this runner"):
            second.call("ping")
        second.close()
        assert first.call("ping") == "pong"
    finally:
        first.close()
    third = AgentInside(argv)
    try:
        assert third.call("ping") == "pong"
    finally:
        third.close()
