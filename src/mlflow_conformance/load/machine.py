# SPDX-License-Identifier: Apache-2.0
"""What of this machine's CPU time went to others, while it carried both a load and its cluster.

Linux counts the CPU time of all processes in ``/proc/stat``. What is left of it without this
process, its children and the cluster's nodes went to somebody else. The time of processes that
were told to wait for all others (a nice value above 0) does not count: they took what was left.
Time in which the processors stood still (`stalls`) went to others as well.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from mlflow_conformance.load.stalls import watched

_STAT = Path("/proc/stat")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_EVERY_S = 1.0
SPAN_S = 5.0
"""Over which a share is taken: long against the kernel's ticks, and short against an outage."""


@dataclass(frozen=True)
class CpuReading:
    """CPU time used since some moment in the past, in seconds of one CPU.

    Attributes:
        at_s: when it was read, on the monotonic clock.
        cpus: that the machine has.
        busy_s: of everybody, at normal priority or above.
        own_s: of this process and of all that it started.
        cluster_s: of the cluster's nodes.
        stalled_s: in which the machine itself did not run.
    """

    at_s: float
    cpus: int
    busy_s: float
    own_s: float
    cluster_s: float
    stalled_s: float = 0.0


def reading(cluster_s: float, stat: Path = _STAT) -> CpuReading | None:
    """The CPU time used until now; None where the kernel does not count it so.

    Args:
        cluster_s: CPU time of the cluster's nodes, read at this moment.
    """
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    user, _, system, _, _, irq, softirq, steal = map(int, lines[0].split()[1:9])
    return CpuReading(
        at_s=time.monotonic(),
        cpus=sum(line.startswith("cpu") for line in lines) - 1,
        busy_s=(user + system + irq + softirq + steal) * _TICK_S,
        own_s=_own_s(),
        cluster_s=cluster_s,
        stalled_s=watched().seconds(),
    )


class OthersCpu:
    """Watches what others take while something is measured, as a context.

    It looks once a second, since what disturbs may last no longer than a few: the mean of minutes
    would hide it.

    Args:
        cpu: reads the CPU time of the cluster's nodes, seconds; None where they are elsewhere, and
            nothing can be told.
    """

    def __init__(self, cpu: Callable[[], float] | None) -> None:
        self._cpu = cpu
        self._readings: list[CpuReading] = []
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._looking.join()

    def most(self, since_s: float = 0.0) -> float | None:
        """The greatest share, 0 to 1, that others took in `SPAN_S` seconds; None if nobody knows.

        Args:
            since_s: the moment to begin at, on the monotonic clock.
        """
        return most_taken([seen for seen in self._readings if seen.at_s >= since_s])

    def _look(self) -> None:
        last = False
        while self._cpu and not last:
            last = self._over.is_set()
            if seen := reading(self._cpu()):
                self._readings.append(seen)
            self._over.wait(_EVERY_S)


def most_taken(readings: Sequence[CpuReading]) -> float | None:
    """The greatest share that others took between readings `SPAN_S` apart, or from first to last.

    None with less than two of them.
    """
    if len(readings) < 2:
        return None
    shares = [taken_by_others(readings[0], readings[-1])]
    before = 0
    for after in readings:
        while after.at_s - readings[before + 1].at_s >= SPAN_S:
            before += 1
        if after.at_s - readings[before].at_s >= SPAN_S:
            shares.append(taken_by_others(readings[before], after))
    return max(shares)


def taken_by_others(before: CpuReading, after: CpuReading) -> float:
    """The share of all CPU time between two readings that went to others, 0 to 1."""
    whole = (after.at_s - before.at_s) * after.cpus
    if whole <= 0:
        return 0.0
    theirs = (
        (after.busy_s - before.busy_s)
        - (after.own_s - before.own_s)
        - (after.cluster_s - before.cluster_s)
    )
    stalled = after.stalled_s - before.stalled_s
    return min(1.0, (max(0.0, theirs) + stalled) / whole)


def _own_s() -> float:
    """CPU time of this process and of all that it started, whether it goes on or has ended."""
    us = psutil.Process()
    total = 0.0
    for process in (us, *us.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile; a later look finds it as ended
            spent = process.cpu_times()
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return total
