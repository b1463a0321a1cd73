# SPDX-License-Identifier: Apache-2.0
"""Holds a result of load against what a profile promises, in a check's evidence.

A run that was not offered as planned decides nothing, and a percentile with too few samples beyond
it is not judged: both leave the check `unknown`.
"""

import math
import re
from collections.abc import Iterator

from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.model import Door
from mlflow_conformance.load.analysis import BEYOND, PERCENTILES
from mlflow_conformance.load.result import LoadResult

_PERCENTILE = re.compile(r"(?P<all>all_)?p(?P<p>\d+(?:\.\d+)?)_s")
RESOLUTION_S = 0.05
"""An outage is judged only where arrivals are dense enough to tell it to within this."""


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


def expect_offered(evidence: Evidence, result: LoadResult, door: Door) -> None:
    """The server took all that was planned (LAT-3): thresholds `achieved` and `lateness_p99_s`.

    A sender in time that still could not send is held up by the server, which keeps so many
    requests open that there is room for no more: that is a fail.

    Raises:
        Undecided: the sender itself was late or cut short, so nothing is known about the server.
    """
    sending = result.sending
    latest = evidence.number("lateness_p99_s")
    late = sending.lateness_p99_s is None or sending.lateness_p99_s > latest
    if result.incomplete or late:
        evidence.undecided("; ".join(result.void) or "no request was sent")
    evidence.expect(
        "lateness-sender-p99",
        "lateness of the sender, p99",
        sending.lateness_p99_s,
        "<=",
        latest,
        unit="s",
        door=door,
    )
    evidence.expect(
        "achieved-offered-requests", "achieved of offered requests", sending.achieved, ">=", evidence.number("achieved"),
        door=door,
    )  # fmt: skip


def expect_latency(evidence: Evidence, result: LoadResult, door: Door) -> None:
    """Every operation keeps its percentiles and its share of errors (LAT-1).

    Thresholds: `p95_s` and the like, in seconds, `all_p99.5_s` and the like for all operations
    together, and `errors`, a share of requests.

    Raises:
        Undecided: the load was not offered, or an operation has too few samples.
    """
    _whole(evidence, result)
    few = [*_percentiles(evidence, result, door), *_errors(evidence, result, door)]
    if few:
        evidence.undecided("; ".join(few))


def expect_outage(evidence: Evidence, result: LoadResult, door: Door) -> None:
    """No silence longer than the threshold `outage_s`, and at most `failed` requests (DIS-*).

    Raises:
        Undecided: the load was not offered, or arrivals were too sparse to tell.
    """
    _whole(evidence, result)
    outage = result.outage
    if outage.resolution_s > RESOLUTION_S:
        evidence.undecided(
            f"arrivals were too sparse: an outage is known to within {outage.resolution_s:.3f} s, "
            f"and {RESOLUTION_S} s is needed"
        )
    if "outage_s" in evidence.thresholds:
        evidence.expect(
            "longest-span-without-success", "longest span without a success", round(outage.silence.seconds, 3), "<=",
            evidence.number("outage_s"), unit="s", door=door,
        )  # fmt: skip
    evidence.expect(
        "failed-requests",
        "failed requests",
        result.overall.failed,
        "<=",
        evidence.number("failed"),
        door=door,
    )


def expect_errors(evidence: Evidence, result: LoadResult, door: Door, when: str) -> None:
    """Of all requests together at most the threshold `errors` failed (HPA-7).

    Args:
        when: what went on meanwhile, as it reads after "failed".

    Raises:
        Undecided: the load was not offered, or was too little to tell.
    """
    _whole(evidence, result)
    limit, overall = evidence.number("errors"), result.overall
    if overall.error_ratio is None or (limit and overall.requests < _needed(limit)):
        evidence.undecided(
            f"too few requests {when}: {overall.requests} of {_needed(limit) if limit else 1}"
        )
    evidence.expect(
        "failed", f"failed {when}, of {overall.requests}", round(overall.error_ratio, 6), "<=", limit,
        door=door,
    )  # fmt: skip
    if overall.failures:
        evidence.note(f"failures {when}", overall.failures, door=door)


def _whole(evidence: Evidence, result: LoadResult) -> None:
    if result.void:
        evidence.undecided("; ".join(result.void))


def _percentiles(evidence: Evidence, result: LoadResult, door: Door) -> Iterator[str]:
    for name in evidence.thresholds:
        if not (matched := _PERCENTILE.fullmatch(name)):
            continue
        limit, p = evidence.number(name), float(matched["p"])
        if p not in map(float, PERCENTILES):
            evidence.undecided(f"the threshold {name} names a percentile that is not computed")
        few = []
        for found in [result.overall] if matched["all"] else result.operations:
            seen = found.percentile(p)
            if not seen.enough:
                few.append(f"{found.name} {seen.samples}")
                continue
            evidence.expect(
                "p", f"{found.name}, p{p:g} of {seen.samples}", seen.seconds, "<=", limit,
                unit="s", door=door,
            )  # fmt: skip
        yield from _too_few(few, f"p{p:g}", 1 - p / 100)


def _errors(evidence: Evidence, result: LoadResult, door: Door) -> Iterator[str]:
    if "errors" not in evidence.thresholds:
        return
    limit = evidence.number("errors")
    few = []
    for found in result.operations:
        # At the bound itself ten failures must be expected, or one more or less would decide.
        if found.error_ratio is None or (limit and found.requests < _needed(limit)):
            few.append(f"{found.name} {found.requests}")
            continue
        evidence.expect(
            "failed", f"{found.name}, failed of {found.requests}", round(found.error_ratio, 6), "<=", limit,
            door=door,
        )  # fmt: skip
    yield from _too_few(few, f"errors of at most {limit:g}", limit)


def _needed(share: float) -> int:
    return math.ceil(round(BEYOND / share, 6))


def _too_few(few: list[str], what: str, share: float) -> Iterator[str]:
    if few:
        needed = _needed(share) if share else 1
        yield f"too few samples for {what} ({needed} needed): {', '.join(few)}"
