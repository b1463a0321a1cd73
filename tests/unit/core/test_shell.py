# SPDX-License-Identifier: Apache-2.0
"""Running other programs: their output, their end, and what is said when they fail."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mlflow_conformance.core import shell


def ends(told: Path) -> None:
    """Wait until the process whose number was written there runs no more."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(told.read_text()))
        deadline = time.monotonic() + 30
        while process.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "it runs on"
            time.sleep(0.02)


def test_output_and_environment_come_through(tmp_path: Path) -> None:
    done = shell.run(
        ["sh", "-c", "cat; echo $WORD; pwd; echo wrong >&2"],
        timeout_s=10,
        cwd=tmp_path,
        env={"WORD": "given"},
        stdin="in\n",
    )
    assert done.stdout.splitlines() == ["in", "given", str(tmp_path)]
    assert (done.stderr, done.code) == ("wrong\n", 0)


def test_a_failure_shows_the_last_lines() -> None:
    with pytest.raises(shell.CommandFailed, match="exit code 3") as caught:
        shell.run(["sh", "-c", "seq 100 >&2; exit 3"], timeout_s=10)
    assert str(caught.value).splitlines()[-12:] == [str(n) for n in range(89, 101)]
    assert caught.value.completed.code == 3


def test_a_failure_can_be_looked_at_instead() -> None:
    assert shell.run(["false"], timeout_s=10, check=False).code == 1


def test_a_time_limit_ends_the_program_and_its_children(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with pytest.raises(shell.CommandFailed, match="not finished within its time limit"):
        shell.run(["sh", "-c", f"sleep 90 & echo $! >{told}; wait"], timeout_s=1)
    ends(told)


def test_another_thread_can_end_it() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    begun = time.monotonic()
    with pytest.raises(shell.CommandFailed, match="another part of the work failed"):
        shell.run(["sleep", "30"], timeout_s=30, stop=stop)
    assert time.monotonic() - begun < 5


def test_a_child_that_stays_does_not_hold_up_the_caller() -> None:
    begun = time.monotonic()
    done = shell.run(["sh", "-c", "sleep 3 & echo started"], timeout_s=10)
    assert done.stdout == "started\n"
    assert time.monotonic() - begun < 2


def test_a_program_that_is_not_there_is_not_a_failure_of_it() -> None:
    with pytest.raises(FileNotFoundError):
        shell.run(["no-such-program-anywhere"], timeout_s=1)


def test_a_killed_caller_takes_its_program_along(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        "from mlflow_conformance.core import shell\n"
        f"shell.run(['sh', '-c', 'echo $$ >{told}; exec sleep 90'], timeout_s=99)"
    )
    caller = subprocess.Popen([sys.executable, "-c", code])
    while not (told.exists() and told.read_text()):
        assert caller.poll() is None
        time.sleep(0.01)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    ends(told)
