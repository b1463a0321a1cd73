# SPDX-License-Identifier: Apache-2.0
"""What others took of this machine's CPU time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_conformance.load.machine import (
    SPAN_S,
    CpuReading,
    OthersCpu,
    most_taken,
    reading,
    taken_by_others,
)


@pytest.mark.parametrize(
    ("busy_s", "own_s", "cluster_s", "taken"),
    [
        (20, 4, 16, 0.0),  # all of two CPUs, and nobody else had any
        (20, 4, 6, 0.5),
        (3, 4, 0, 0.0),  # clocks that tick at different moments
    ],
)
def test_others_took_what_neither_the_load_nor_the_cluster_did(
    busy_s: float, own_s: float, cluster_s: float, taken: float
) -> None:
    before = CpuReading(at_s=5, cpus=2, busy_s=100, own_s=7, cluster_s=40)
    after = CpuReading(15, 2, 100 + busy_s, 7 + own_s, 40 + cluster_s)
    assert taken_by_others(before, after) == pytest.approx(taken)


def test_what_the_machine_stood_still_went_to_others() -> None:
    before = CpuReading(at_s=5, cpus=2, busy_s=100, own_s=7, cluster_s=40, stalled_s=1)
    after = CpuReading(15, 2, busy_s=120, own_s=11, cluster_s=56, stalled_s=4)
    assert taken_by_others(before, after) == pytest.approx(0.15)


def _second(at_s: float, busy_s: float) -> CpuReading:
    return CpuReading(at_s, cpus=2, busy_s=busy_s, own_s=0, cluster_s=0)


def test_a_burst_of_seconds_is_seen_within_minutes_of_rest() -> None:
    busy = [0.0] * 60 + [1.0, 2.0, 3.0, 4.0] + [4.0] * 60  # one of two CPUs for four seconds
    readings = [_second(at, used) for at, used in enumerate(busy)]
    assert taken_by_others(readings[0], readings[-1]) < 0.02
    assert most_taken(readings) == pytest.approx(4 / (2 * SPAN_S))


@pytest.mark.parametrize(
    ("readings", "most"),
    [
        ([], None),
        ([_second(0, 0)], None),
        ([_second(0, 0), _second(2, 3)], 0.75),  # less than a span is all that there is
        ([_second(0, 0), _second(20, 3), _second(21, 4)], 4 / 42),
    ],
)
def test_what_is_looked_at_is_never_less_than_a_span(
    readings: list[CpuReading], most: float | None
) -> None:
    assert most_taken(readings) == (most if most is None else pytest.approx(most))


def test_a_watch_looks_at_its_beginning_and_at_its_end() -> None:
    cluster = iter((0.0, 0.0, 1e6))
    with OthersCpu(lambda: next(cluster, 0.0)) as others:
        pass
    if reading(0) is None:
        pytest.skip("this kernel has no /proc/stat")
    assert others.most() is not None
    assert others.most(float("inf")) is None


def test_nobody_watches_a_cluster_that_is_elsewhere() -> None:
    with OthersCpu(None) as others:
        pass
    assert others.most() is None


def test_time_of_low_priority_and_of_waiting_counts_for_nothing(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 900 200 5000 700 10 20 30 0 0\ncpu0 1\ncpu1 1\nintr 5\n")
    found = reading(40.0, stat)
    assert found is not None
    ticks = os.sysconf("SC_CLK_TCK")
    assert (found.cpus, found.busy_s, found.cluster_s) == (2, 360 / ticks, 40.0)


def test_a_child_that_has_ended_is_ours() -> None:
    before = reading(0)
    work = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    after = reading(0)
    if before is None or after is None:
        pytest.skip("this kernel has no /proc/stat")
    assert after.own_s - before.own_s >= 0.25  # the kernel counts in hundredths


def test_a_child_that_goes_on_is_ours_too() -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    before = reading(0)
    with subprocess.Popen(
        [sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        after = reading(0)
        child.communicate(b"\n")
    if before is None or after is None:
        pytest.skip("this kernel has no /proc/stat")
    assert after.own_s - before.own_s >= 0.25  # the kernel counts in hundredths


def test_a_kernel_that_does_not_count_says_nothing(tmp_path: Path) -> None:
    assert reading(0, tmp_path / "absent") is None
