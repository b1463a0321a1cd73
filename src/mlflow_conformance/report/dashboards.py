# SPDX-License-Identifier: Apache-2.0
"""The record of what dashboards showed, and its lines in the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.report.lines import lines

RECORD = "dashboards over time"
"""Name of the attachment that a check keeps such a record in."""
PAGE = "dashboards.html"
"""The page that draws them, beside the evidence."""
OBSERVATION = "dashboard"
"""Name of the observation that such a check writes one line of the report into."""
MOST_PANELS, MOST_SERIES, MOST_POINTS = 40, 20, 60
"""Panels of all dashboards together, series of a panel, and points of a series."""


class Chosen(Strict):
    """A variable of a dashboard, and what it was drawn for."""

    label: str
    value: str
    choices: int = Field(description="how many values there are to choose from")


class SeriesShown(Strict):
    """One series of a panel, as its legend names it; null where it has no number."""

    name: str
    values: list[float | None] = Field(max_length=MOST_POINTS)


class PanelShown(Strict):
    """One panel, or the heading of a row of them (`kind` is ``row``)."""

    title: str
    kind: str = Field(description="what Grafana draws, such as timeseries or stat")
    unit: str = Field(description="Grafana's name of it, such as percentunit; empty for none")
    column: int = Field(ge=0, le=23, description="of the 24 that a dashboard has")
    columns: int = Field(ge=1, le=24, description="how many of them it is wide")
    queries: int = Field(ge=0, description="of it that are not hidden")
    series: list[SeriesShown] = Field(max_length=MOST_SERIES)
    left_out: int = Field(ge=0, description="series beyond the most that are kept")
    problem: str = Field(description="why a query brought nothing; empty when each was taken")


class DashboardShown(Strict):
    """One dashboard: `points` moments from `since`, `step_s` seconds apart."""

    title: str
    variables: list[Chosen]
    since: AwareDatetime
    step_s: float = Field(gt=0)
    points: int = Field(ge=1, le=MOST_POINTS)
    panels: list[PanelShown]


class DashboardsRecord(Strict):
    """Every dashboard; of all their panels at most 40, and `left_out` more that are not here."""

    schema_version: Literal["1"] = "1"
    dashboards: list[DashboardShown]
    left_out: int = Field(ge=0)


@dataclass(frozen=True)
class DashboardTold:
    """One line: a dashboard, how many panels with queries it has, and those without data."""

    id: str
    verdict: Verdict
    dashboard: str
    panels: int
    empty: Sequence[str]


def line_of(shown: DashboardShown) -> dict[str, Any]:
    """What is observed of one, for `told`."""
    asked = [panel for panel in shown.panels if panel.queries]
    return {
        "dashboard": shown.title,
        "panels": len(asked),
        "empty": [panel.title for panel in asked if not has_data(panel)],
    }


def has_data(panel: PanelShown) -> bool:
    """Whether there is a number to be drawn."""
    return any(value is not None for series in panel.series for value in series.values)


def told(run: RunVerdict) -> list[DashboardTold]:
    """Every dashboard that was drawn, in the order of the checks."""
    return lines(run, OBSERVATION, _line)


def _line(check_id: str, verdict: Verdict, seen: Mapping[str, Any]) -> DashboardTold | None:
    """A line, or None of a record that is not as this version writes it."""
    try:
        return DashboardTold(
            id=check_id,
            verdict=verdict,
            dashboard=str(seen["dashboard"]),
            panels=int(seen["panels"]),
            empty=[str(title) for title in seen["empty"]],
        )
    except (KeyError, TypeError, ValueError):
        return None
