# SPDX-License-Identifier: Apache-2.0
"""The table of faults, from the evidence of the checks that made them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict
from mlflow_conformance.report.lines import lines

OBSERVATION = "disruption"
"""Name of the observation that a check under a fault writes one line of the table into."""
TIME_LINE_RECORD = "disruption.json"
"""What the time line is drawn from; beside the evidence."""
TIME_LINE = "disruption.html"


@dataclass(frozen=True)
class Disruption:
    """One line: what was done, what shows it, and what came of it. Times are seconds.

    Attributes:
        proof: what shows that the fault happened; empty when nothing does.
        outage_s: the longest span without a success.
        failing_s: from the first to the last failed request.
        lost: acknowledged writes that a door does not show; None where one showed none of a kind.
        whole_s: until every part was ready again, from the fault; None when it was not.
    """

    id: str
    verdict: Verdict
    scenario: str
    proof: str
    requests: int
    failed: int
    outage_s: float
    failing_s: float
    acknowledged: int
    lost: int | None
    whole_s: float | None


def disruptions(run: RunVerdict) -> list[Disruption]:
    """Every fault of a run, in the order of its checks."""
    return lines(run, OBSERVATION, _line)


def on_time_line(run: RunVerdict) -> list[Judged]:
    """The checks that refer to the page that draws all faults on one axis."""
    return [
        c for c in run.checks if c.check and any(a.path == TIME_LINE for a in c.check.attachments)
    ]


def _line(check_id: str, verdict: Verdict, told: Mapping[str, Any]) -> Disruption | None:
    """A line, or None of a record that is not as this version writes it."""
    try:
        whole, lost = told["whole_s"], told["lost"]
        return Disruption(
            id=check_id,
            verdict=verdict,
            scenario=str(told["scenario"]),
            proof=str(told["proof"] or ""),
            requests=int(told["requests"]),
            failed=int(told["failed"]),
            outage_s=float(told["outage_s"]),
            failing_s=float(told["failing_s"]),
            acknowledged=int(told["acknowledged"]),
            lost=None if lost is None else int(lost),
            whole_s=None if whole is None else float(whole),
        )
    except (KeyError, TypeError, ValueError):
        return None
