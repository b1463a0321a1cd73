# SPDX-License-Identifier: Apache-2.0
"""Holds a result of load against what a profile promises, in a check's evidence.

A run that was not offered as planned decides nothing, and a percentile with too few samples beyond
it is not judged: both leave the check `unknown`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import Door
from mlflow_conformance.load.analysis import BEYOND, PercentileName, SendingBounds
from mlflow_conformance.load.result import LoadResult, OperationResult, Percentile

RESOLUTION = 0.05
"""An outage is judged only where arrivals tell it to within this share of the longest promised."""


@dataclass(frozen=True)
class LatencyBounds:
    """What is promised of the latency of a load.

    Attributes:
        each_operation_s: the most that a percentile of every single operation may take, seconds.
        all_operations_s: likewise of all operations together.
        errors: most of each operation's requests that may fail, as a share; None for any.
    """

    each_operation_s: Mapping[PercentileName, float]
    all_operations_s: Mapping[PercentileName, float]
    errors: float | None


@dataclass(frozen=True)
class OutageBounds:
    """What is promised of a service under a fault.

    Attributes:
        silence_s: the longest span without a success, seconds; None for any.
        failed: most requests that may fail; None for any number.
    """

    silence_s: float | None
    failed: int | None


def note_others(evidence: Evidence, taken: float | None, most: float | None) -> str:
    """Record what others took of this machine's CPU; why that excuses what is too slow, or nothing.

    Args:
        taken: the share of CPU time; None where it is not this machine that carries the cluster.
        most: beyond which a broken bound decides nothing; None for never.
    """
    if taken is not None:
        evidence.note("share of this machine's CPU that others took", round(taken, 3))
    return excuse(taken, most)


def excuse(taken: float | None, most: float | None) -> str:
    """Why what is too slow need not be the target's doing; empty when nothing excuses it.

    Args:
        taken: as of `note_others`.
        most: as of `note_others`.
    """
    if taken is None or most is None or taken <= most:
        return ""
    return f"others took {taken:.0%} of this machine's CPU, and {most:.0%} are allowed"


def note_load(evidence: Evidence, result: LoadResult, door: Door) -> None:
    """Record what was offered and what came of it, without a bound."""
    sending = result.sending
    evidence.note(
        "load",
        f"{result.workload}, {result.arrivals} arrivals, connections {result.connection}, "
        f"{result.until_s - result.since_s:g} s",
        door=door,
    )
    evidence.note("offered requests", sending.offered, door=door)
    evidence.note("offered rate", round(sending.offered_per_s, 3), unit="1/s", door=door)
    evidence.note("achieved rate", round(sending.sent_per_s, 3), unit="1/s", door=door)
    evidence.note("failed requests", result.overall.failed, door=door)
    if result.overall.failures:
        evidence.note("failures by kind", result.overall.failures, door=door)


def expect_offered(
    evidence: Evidence, result: LoadResult, bounds: SendingBounds, door: Door, starved: str = ""
) -> None:
    """The server took all that was planned (LAT-3).

    A sender in time that still could not send is held up by the server, which keeps so many
    requests open that there is room for no more: that is a fail.

    Args:
        starved: as of `expect_latency`.

    Raises:
        Undecided: the sender itself was late or cut short, so nothing is known about the server.
    """
    sending = result.sending
    latest = bounds.lateness_p99_s
    late = sending.lateness_p99_s is None or sending.lateness_p99_s > latest
    if result.incomplete or late:
        evidence.undecided("; ".join(result.void) or "no request was sent")
    evidence.note("lateness of the sender, p99", sending.lateness_p99_s, unit="s", door=door)
    evidence.expect(
        "achieved", "achieved of offered requests", sending.achieved, ">=", bounds.achieved,
        door=door, unless=starved,
    )  # fmt: skip


def expect_latency(
    evidence: Evidence, result: LoadResult, bounds: LatencyBounds, door: Door, starved: str = ""
) -> None:
    """Every operation keeps its percentiles and its share of errors (LAT-1).

    Args:
        starved: why what is too slow need not be the server's doing; empty when nothing excuses.

    Raises:
        Undecided: the load was not offered, or an operation has too few samples.
    """
    _whole(evidence, result)
    few = [
        *_each_operation(evidence, result, bounds.each_operation_s, door, starved),
        *_all_operations(evidence, result, bounds.all_operations_s, door, starved),
        *_errors(evidence, result, bounds.errors, door, starved),
    ]
    if few:
        evidence.undecided("; ".join(few))


def expect_outage(
    evidence: Evidence,
    result: LoadResult,
    bounds: OutageBounds,
    door: Door,
    strays: int = 0,
    starved: str = "",
) -> None:
    """No longer silence and no more failed requests than promised (DIS-*).

    Args:
        strays: failures that the load has without a fault as well, and that are none of it.
        starved: as of `expect_latency`.

    Raises:
        Undecided: the load was not offered, or arrivals were too sparse to tell.
    """
    _whole(evidence, result)
    outage = result.outage
    if bounds.silence_s is not None:
        if outage.resolution_s > (needed_s := RESOLUTION * bounds.silence_s):
            evidence.undecided(
                f"arrivals were too sparse: an outage is known to within "
                f"{outage.resolution_s:.3f} s, and {needed_s:.3f} s is needed to hold it against "
                f"{bounds.silence_s:g} s"
            )
        evidence.expect(
            "silence", "longest span without a success", round(outage.silence.seconds, 3),
            "<=", bounds.silence_s, unit="s", door=door, unless=starved,
        )  # fmt: skip
    failed = result.overall.failed
    if bounds.failed is None:
        return  # `note_load` tells how many
    beyond = f"failed requests, without {strays} that undisturbed load has as well"
    evidence.expect(
        "failed", beyond if strays else "failed requests", max(0, failed - strays),
        "<=", bounds.failed, door=door, unless=starved,
    )  # fmt: skip


def error_share(
    evidence: Evidence, result: LoadResult, bound: float, door: Door, when: str
) -> float:
    """The share of all requests together that failed; notes the kinds of failure.

    Args:
        bound: the share that it is to be held against.
        when: what went on meanwhile, as it reads after "failed".

    Raises:
        Undecided: the load was not offered, or was too little to tell.
    """
    _whole(evidence, result)
    overall = result.overall
    if overall.error_ratio is None or (bound and overall.requests < _needed(bound)):
        evidence.undecided(
            f"too few requests {when}: {overall.requests} of {_needed(bound) if bound else 1}"
        )
    if overall.failures:
        evidence.note(f"failures {when}", overall.failures, door=door)
    return round(overall.error_ratio, 6)


def _whole(evidence: Evidence, result: LoadResult) -> None:
    if result.void:
        evidence.undecided("; ".join(result.void))


def _each_operation(
    evidence: Evidence,
    result: LoadResult,
    bounds: Mapping[PercentileName, float],
    door: Door,
    starved: str,
) -> Iterator[str]:
    for name, bound in bounds.items():
        enough, few = _percentiles(result.operations, name)
        for operation, seen in enough:
            what = f"{operation}, {name} of {seen.samples}"
            evidence.expect(
                "latency", what, seen.seconds, "<=", bound, unit="s", door=door, unless=starved
            )
        yield from few


def _all_operations(
    evidence: Evidence,
    result: LoadResult,
    bounds: Mapping[PercentileName, float],
    door: Door,
    starved: str,
) -> Iterator[str]:
    for name, bound in bounds.items():
        enough, few = _percentiles([result.overall], name)
        for operation, seen in enough:
            what = f"{operation}, {name} of {seen.samples}"
            evidence.expect(
                "latency.all", what, seen.seconds, "<=", bound, unit="s", door=door, unless=starved
            )
        yield from few


def _percentiles(
    operations: Sequence[OperationResult], name: PercentileName
) -> tuple[list[tuple[str, Percentile]], list[str]]:
    """The percentile of each operation by its name; and what there are too few samples for."""
    p = float(name.removeprefix("p"))
    found = [(o.name, o.percentile(p)) for o in operations]
    few = [f"{operation} {seen.samples}" for operation, seen in found if not seen.enough]
    return [(o, seen) for o, seen in found if seen.enough], _too_few(few, name, 1 - p / 100)


def _errors(
    evidence: Evidence, result: LoadResult, bound: float | None, door: Door, starved: str
) -> Iterator[str]:
    if bound is None:
        return
    few = []
    for found in result.operations:
        # At the bound itself ten failures must be expected, or one more or less would decide.
        if found.error_ratio is None or (bound and found.requests < _needed(bound)):
            few.append(f"{found.name} {found.requests}")
            continue
        what, share = f"{found.name}, failed of {found.requests}", round(found.error_ratio, 6)
        evidence.expect("errors", what, share, "<=", bound, door=door, unless=starved)
    yield from _too_few(few, f"errors of at most {bound:g}", bound)


def _needed(share: float) -> int:
    return math.ceil(round(BEYOND / share, 6))


def _too_few(few: list[str], what: str, share: float) -> list[str]:
    if not few:
        return []
    needed = _needed(share) if share else 1
    return [f"too few samples for {what} ({needed} needed): {', '.join(few)}"]
