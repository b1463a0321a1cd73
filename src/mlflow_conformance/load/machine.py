# SPDX-License-Identifier: Apache-2.0
"""What of this machine's CPU time went to others, while it carried both a load and its cluster.

Linux counts the CPU time of all processes in ``/proc/stat``. What is left of it without this
process, its children and the cluster's nodes went to somebody else. The time of processes that
were told to wait for all others (a nice value above 0) does not count: they took what was left.
Time in which the processors stood still (`stalls`) went to others as well.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlflow_conformance.load.stalls import watched

_STAT = Path("/proc/stat")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


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


def cpu_now(cpu: Callable[[], float] | None) -> CpuReading | None:
    """What the machine's processors have done until now; None where nobody can tell.

    Args:
        cpu: reads the CPU time of the cluster's nodes, seconds; None where they are elsewhere.
    """
    return reading(cpu()) if cpu else None


def taken_by_others(before: CpuReading | None, after: CpuReading | None) -> float | None:
    """The share of all CPU time between two readings that went to others, 0 to 1.

    None where one of the two could not be taken.
    """
    if before is None or after is None:
        return None
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
