# SPDX-License-Identifier: Apache-2.0
"""The table of alerts, from the evidence of the checks that made what each is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.report.lines import lines

OBSERVATION = "alert"
"""Name of the observation that such a check writes one line of the table into."""


@dataclass(frozen=True)
class AlertTold:
    """One line: an alert, what was broken, and when people were told. Times are seconds.

    Attributes:
        for_s: how long its expression must hold before it fires, as the deployment has it.
        hurried_s: the same as it was tested.
        fired_s, arrived_s: from the beginning of the fault; None when it never did.
        resolved_s: from the fault's end, less than 0 before it; None when nobody was told.
        pending_s: from the beginning of the fault until it waited to fire; None when it was not
            seen to, or the run did not look.
        lasted_s: from the beginning of the fault to its end; None when the run did not say.
    """

    id: str
    verdict: Verdict
    alert: str
    fault: str
    for_s: float | None
    hurried_s: float | None
    fired_s: float | None
    arrived_s: float | None
    resolved_s: float | None
    pending_s: float | None
    lasted_s: float | None


def alerts(run: RunVerdict) -> list[AlertTold]:
    """Every alert whose fault was made, in the order of its checks."""
    return lines(run, OBSERVATION, _line)


def _line(check_id: str, verdict: Verdict, told: Mapping[str, Any]) -> AlertTold | None:
    """A line, or None of a record that is not as this version writes it."""
    try:
        return AlertTold(
            id=check_id,
            verdict=verdict,
            alert=str(told["alert"]),
            fault=str(told["fault"]),
            for_s=_time(told["for_s"]),
            hurried_s=_time(told["hurried_s"]),
            fired_s=_time(told["fired_s"]),
            arrived_s=_time(told["arrived_s"]),
            resolved_s=_time(told["resolved_s"]),
            # Runs of before these were told have none.
            pending_s=_time(told.get("pending_s")),
            lasted_s=_time(told.get("lasted_s")),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _time(value: Any) -> float | None:
    return None if value is None else float(value)
