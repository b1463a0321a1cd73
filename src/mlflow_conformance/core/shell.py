# SPDX-License-Identifier: Apache-2.0
"""Run other programs: with a time limit, no shell, and an error that shows why they failed."""

import errno
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_TAIL_LINES = 12
_GRACE_S = 5.0
_POLL_S = 0.2
END_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")
"""Put before a program (setpriv, of util-linux): the kernel ends it with SIGTERM when we die."""


@dataclass(frozen=True)
class Completed:
    """A program that ended, with its exit code and everything it printed."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def tail(self) -> str:
        """The last lines of standard error, or of standard output if that is empty."""
        text = self.stderr.strip() or self.stdout.strip()
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    @property
    def problem(self) -> str:
        """The exit code and the `tail` when it is not 0; else empty."""
        return f"exit code {self.code}: {self.tail}" if self.code else ""


class CommandFailed(Exception):  # noqa: N818 - it says what happened
    """A program ended with another exit code than 0, or was stopped at its time limit."""

    def __init__(self, done: Completed, reason: str) -> None:
        self.completed = done
        shown = shlex.join(done.argv)
        if len(shown) > 200:
            shown = f"{shown[:200]}…"
        super().__init__(f"{shown}: {reason}" + (f"\n{done.tail}" if done.tail else ""))


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its children: they share its process group."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        return


def _wait(
    process: "subprocess.Popen[bytes]", deadline: float, stop: threading.Event | None
) -> str | None:
    """Wait for the end; a reason why it was not waited for is returned."""
    while True:
        left = deadline - time.monotonic()
        try:
            process.wait(max(0.0, left if stop is None else min(left, _POLL_S)))
        except subprocess.TimeoutExpired:
            if stop is not None and stop.is_set():
                return "ended because another part of the work failed"
            if time.monotonic() >= deadline:
                return "not finished within its time limit"
            continue
        return None


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode("utf-8", "replace")


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | bytes = b"",
    check: bool = True,
    stop: threading.Event | None = None,
) -> Completed:
    """Run a program to its end and return what it printed.

    Output goes through temporary files, so that a child that outlives the program and keeps its
    output open cannot hold up the caller. When the caller is interrupted the program's whole
    process group ends with it; when the caller is killed the program is sent SIGTERM.

    Args:
        argv: the program and its arguments; never a shell string.
        timeout_s: seconds after which the program and its children are ended.
        env: variables set in addition to this process's own.
        stdin: what the program reads.
        check: whether another exit code than 0 raises.
        stop: when set, from another thread, the program is ended.

    Raises:
        CommandFailed: the exit code is not 0 (with `check`), the time limit was reached,
            or `stop` was set.
        FileNotFoundError: there is no such program.
    """
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin.encode() if isinstance(stdin, str) else stdin)
        given.seek(0)
        variables = {**os.environ, **(env or {})}
        program = shutil.which(words[0], path=variables.get("PATH"))
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "there is no such program", words[0])
        process = subprocess.Popen(
            (*END_WITH_US, program, *words[1:]),
            cwd=cwd,
            env=variables,
            stdin=given,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            reason = _wait(process, started + timeout_s, stop)
        finally:
            if process.poll() is None:
                _stop(process)
        done = Completed(
            words, process.returncode, _text(out), _text(err), time.monotonic() - started
        )
    if reason:
        raise CommandFailed(done, reason)
    if check and done.code != 0:
        raise CommandFailed(done, f"exit code {done.code}")
    return done
