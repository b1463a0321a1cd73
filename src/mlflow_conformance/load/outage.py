# SPDX-License-Identifier: Apache-2.0
"""Outages, measured from the record of requests and never from the clock of a fault."""

from collections.abc import Sequence
from itertools import pairwise

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load.run_record import RunRecord

_US = 1_000_000
_MOST = 20


class Gap(Strict):
    """A span of the run, in seconds from its start."""

    start_s: float
    seconds: float
    failed: int


class Outage(Strict):
    """What a user would call down time.

    `silence` is the longest span in which no request succeeded, from one success to the next: it
    sees refusals, errors and a server that hangs alike. `failing` lists spans in which one planned
    request after the other failed, the longest first. Both are as exact as arrivals are dense:
    `resolution_s` is twice the longest planned gap between two of them, one for each edge.
    """

    silence: Gap
    failing: list[Gap]
    resolution_s: float


def measure(run: RunRecord) -> Outage:
    """Outages within a run or a window of one."""
    failing = sorted(_failing(run), key=lambda gap: (-gap.seconds, gap.start_s))
    edges = [run.since_us, *run.planned_us, run.until_us]
    return Outage(
        silence=_silence(run),
        failing=failing[:_MOST],
        resolution_s=2 * max(b - a for a, b in pairwise(edges)) / _US,
    )


def _silence(run: RunRecord) -> Gap:
    # A reply that comes after the window still ends a silence that began inside it.
    successes = sorted(r.done_us for r in run.records if not r.failure)
    last = max(run.until_us, successes[-1] if successes else 0)
    edges = [run.since_us, *(max(done, run.since_us) for done in successes), last]
    start, end = max(pairwise(edges), key=lambda edge: edge[1] - edge[0])
    failed = sum(1 for r in run.records if r.failure and start <= r.planned_us < end)
    return _gap(start, end, failed)


def _failing(run: RunRecord) -> Sequence[Gap]:
    gaps: list[Gap] = []
    begin: int | None = None
    failed = 0
    for record in run.records:
        if record.failure:
            begin = record.planned_us if begin is None else begin
            failed += 1
        elif begin is not None:
            gaps.append(_gap(begin, record.planned_us, failed))
            begin, failed = None, 0
    if begin is not None:
        gaps.append(_gap(begin, run.until_us, failed))
    return gaps


def _gap(start_us: int, end_us: int, failed: int) -> Gap:
    return Gap(start_s=start_us / _US, seconds=(end_us - start_us) / _US, failed=failed)
