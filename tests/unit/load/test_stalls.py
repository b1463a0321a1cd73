# SPDX-License-Identifier: Apache-2.0
"""How long the processors stood still."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from mlflow_conformance.load import stalls
from mlflow_conformance.load.stalls import Stalls


@pytest.fixture
def watch() -> Iterator[Stalls]:
    watch = Stalls()
    yield watch
    watch.close()


def test_standstills_add_up_and_are_never_more_than_there_was_time(watch: Stalls) -> None:
    first = watch.seconds()
    assert 0 <= first <= watch.seconds()


def test_a_machine_that_may_not_be_watched_never_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stalls, "__file__", "/dev/null")  # a program that ends at once
    watch = Stalls()
    watch._watch.wait()
    assert watch.seconds() == 0
    watch.close()


def test_a_processor_that_real_time_work_keeps_busy_stands_still() -> None:
    work = (
        "import os, time\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))\n"
        "until = time.monotonic() + 0.2\n"
        "while time.monotonic() < until: pass\n"
    )
    watch = Stalls()
    before = watch.seconds()
    done = subprocess.run([sys.executable, "-c", work], capture_output=True, check=False)
    stood_s = watch.seconds() - before
    watch.close()
    if done.returncode:
        pytest.skip("real-time scheduling is not allowed here")
    assert stood_s >= 0.1
