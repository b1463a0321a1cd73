# SPDX-License-Identifier: Apache-2.0
"""Asks for operations: of an agent in a pod, or of this process."""

import base64
import itertools
import json
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from queue import SimpleQueue
from typing import Any, Protocol, cast

from pydantic import JsonValue

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.operations import OPERATIONS, Operation

_TO_END_S = 3.0  # an agent that takes longer to end is killed


class InsideFailed(Exception):  # noqa: N818 - an observation rather than a defect
    """An operation could not be carried out; what it was to observe is not known."""


class Inside(Protocol):
    """The runner, wherever it is."""

    def call(self, op: str, /, *, patience_s: float = 60, **arguments: Any) -> JsonValue:
        """Carry out one operation of `mlflow_conformance.doors.operations`, once.

        Args:
            patience_s: how long to wait for the runner's answer, seconds.

        Raises:
            InsideFailed: it raised, did not answer in time, or the way to the runner broke.
        """
        ...

    def close(self) -> None:
        """Let go of the runner."""
        ...


class LocalInside:
    """The operations of this very process, for a target on this machine."""

    def __init__(self, operations: Mapping[str, Operation] = OPERATIONS) -> None:
        """Know these operations."""
        self._operations = operations

    def call(
        self,
        op: str,
        /,
        *,
        patience_s: float = 60,  # noqa: ARG002 - the protocol has it
        **arguments: Any,
    ) -> JsonValue:
        """See `Inside.call`; `patience_s` is left to the operation's own time-outs."""
        try:
            return self._operations[op](**arguments)
        except Exception as problem:
            raise InsideFailed(f"{op}: {type(problem).__name__}: {problem}") from problem

    def close(self) -> None:
        """Nothing to let go of."""


class ClosedInside:
    """No runner at all."""

    def __init__(self, why: str) -> None:
        """Know why there is none."""
        self._why = why

    def call(
        self,
        op: str,
        /,
        *,
        patience_s: float = 60,  # noqa: ARG002 - the protocol has it
        **arguments: Any,  # noqa: ARG002
    ) -> JsonValue:
        """See `Inside.call`.

        Raises:
            InsideFailed: always.
        """
        raise InsideFailed(f"{op}: {self._why}")

    def close(self) -> None:
        """Nothing to let go of."""


class AgentInside:
    """An agent reached through a command's standard input and output, such as `kubectl exec -i`."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start the command; the first call tells whether the agent is there."""
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            env=env,
            # Ctrl-C in the terminal must not cut the line that the clean-up still needs.
            start_new_session=True,
        )
        self._ids = itertools.count(1)
        self._waiting: dict[int, Future[JsonValue]] = {}
        self._requests: SimpleQueue[str | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._said: deque[str] = deque(maxlen=20)
        self._closed = False
        # A thread of its own writes: an agent that stops reading must not outlast a time-out.
        self._writer = threading.Thread(target=self._write_requests, daemon=True)
        self._listener = threading.Thread(target=self._read_errors, daemon=True)
        self._threads = [
            self._writer,
            self._listener,
            threading.Thread(target=self._read_replies, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def call(self, op: str, /, *, patience_s: float = 60, **arguments: Any) -> JsonValue:
        """See `Inside.call`."""
        future: Future[JsonValue] = Future()
        with self._lock:
            if self._closed:
                raise InsideFailed(f"{op}: {self._why()}")
            number = next(self._ids)
            self._waiting[number] = future
        self._requests.put(json.dumps({"id": number, "op": op, "arguments": arguments}) + "\n")
        try:
            return future.result(patience_s)
        except FutureTimeout:
            raise InsideFailed(f"{op}: no answer from the runner within {patience_s:g} s") from None
        except InsideFailed as problem:
            raise InsideFailed(f"{op}: {problem}") from problem
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """End the command that was started; waits until it is gone."""
        with self._lock:
            self._closed = True
        self._requests.put(None)
        self._writer.join(_TO_END_S)
        if self._writer.is_alive():  # the agent does not read
            self._process.kill()
        try:
            self._process.wait(_TO_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(_TO_END_S)

    def _why(self) -> str:
        said = " ".join(list(self._said)[-3:]).strip()
        return "the way to the runner is closed" + (f": {said}" if said else "")

    def _write_requests(self) -> None:
        assert self._process.stdin is not None
        try:
            with self._process.stdin as stdin:
                while (line := self._requests.get()) is not None:
                    stdin.write(line)
                    stdin.flush()
        except BrokenPipeError:
            return  # the agent is gone: the end of its replies tells those who wait

    def _read_replies(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._settle(line)
        # Why it ended stands on the other stream, which may be read a moment later.
        self._listener.join(2)
        with self._lock:
            self._closed = True
            waiting = list(self._waiting.values())
        self._requests.put(None)
        for future in waiting:
            future.set_exception(InsideFailed(self._why()))

    def _settle(self, line: str) -> None:
        try:
            reply = json.loads(line)
            future = self._waiting.get(reply["id"])
            if future is None or future.done():
                return  # its caller gave up
            if "error" in reply:
                future.set_exception(InsideFailed(reply["error"]))
            else:
                future.set_result(reply["result"])
        except (ValueError, TypeError, LookupError):
            self._said.append(line.strip()[:500])  # not a reply: kubectl or the shell said it

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                self._said.append(line.strip())


class InsideSender:
    """Sends HTTP requests from the runner (a `mlflow_conformance.doors.http.Sender`)."""

    def __init__(self, inside: Inside, ca_file: str | None = None) -> None:
        self._inside = inside
        self._ca_file = ca_file

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Reply:
        """Send once.

        Raises:
            NoReply: no complete reply came.
            InsideFailed: the runner itself did not answer.
        """
        answer = self._inside.call(
            "http",
            patience_s=2 * timeout_s + 10,
            **http_arguments(method, url, headers, body, timeout_s, self._ca_file),
        )
        return reply_of(cast(dict[str, Any], answer))


def http_arguments(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    timeout_s: float,
    ca_file: str | None = None,
) -> dict[str, Any]:
    """The arguments of the operations `http` and, one per request, `http_many`."""
    return {
        "method": method,
        "url": url,
        "timeout_s": timeout_s,
        "headers": dict(headers),
        "body_base64": base64.b64encode(body).decode() if body is not None else None,
        "ca_file": ca_file,
    }


def reply_of(answer: Mapping[str, Any]) -> Reply:
    """The reply that an `http` operation brought.

    Raises:
        NoReply: it brought none.
    """
    if "failure" in answer:
        raise NoReply(answer["failure"], answer["detail"], answer["elapsed_s"])
    return Reply(
        answer["status"],
        answer["headers"],
        base64.b64decode(answer["body_base64"]),
        answer["elapsed_s"],
    )
