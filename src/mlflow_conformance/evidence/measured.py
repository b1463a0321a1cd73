# SPDX-License-Identifier: Apache-2.0
"""What was measured of a healthy deployment, beside the bounds that it was held against.

A bound is a number that somebody chose. Whether it binds shows beside what healthy runs measured:
one that is far from it lets a deployment become much worse and still pass. What was measured is
kept in a file beside the profile, and a bound that is looser than twice the worst value says why in
its row (`loose`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from mlflow_conformance.config.documents import Kind, Strict
from mlflow_conformance.config.profile import Row
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.model import Observation
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict

LOOSE = 2.0
"""A bound this many times the worst value that was measured, or more, has to say why."""

Order = Literal["<=", ">="]


class MeasuredRange(Strict):
    """What was measured of one observation, of all its subjects and in all runs.

    Attributes:
        thresholds: of the row; the value of one of them was the bound.
    """

    op: Order
    min: float
    max: float
    n: int = Field(ge=1)
    thresholds: list[str] = Field(min_length=1)

    @property
    def worst(self) -> float:
        """The value that was nearest to its bound."""
        return self.max if self.op == "<=" else self.min


class MeasuredValues(Strict):
    """All that was measured against a profile: by check, and by the ID of the observation."""

    runs: list[str] = Field(min_length=1)
    checks: dict[str, dict[str, list[MeasuredRange]]]


_KIND = Kind(MeasuredValues, "a file of measured values", "docs/profiles.md")


@dataclass(frozen=True)
class Looseness:
    """A bound that is far from what was measured.

    Attributes:
        reason: that its row gives; empty for none.
    """

    check: str
    observation: str
    op: Order
    bound: float
    worst: float
    reason: str

    def __str__(self) -> str:
        promised = "at most" if self.op == "<=" else "at least"
        return (
            f"{self.check} {self.observation}: {promised} {self.bound:g} is promised, and the "
            f"worst that was measured is {self.worst:g}"
        )


def measured(runs: Sequence[RunVerdict]) -> MeasuredValues:
    """What healthy runs of one profile measured, wherever a threshold was the bound.

    A check that did not pass has measured nothing.

    Raises:
        Unusable: a run is no healthy one, or they are of different profiles.
    """
    profiles = {run.run.profile for run in runs}
    if len(profiles) != 1:
        raise Unusable(
            f"The runs are of different profiles: {', '.join(sorted(profiles))}",
            remedy="Measure those of one profile",
        )
    for run in runs:
        if run.mutations or run.candidates or run.run.target.get("mutant"):
            raise Unusable(
                f"The run {run.run.run_id} is of a deployment that was broken on purpose",
                remedy="Measure runs of a healthy one",
            )
    found: dict[str, dict[tuple[str, tuple[str, ...]], list[tuple[Order, float]]]] = {}
    for check_id, observation, op, value, thresholds in _all(runs):
        ranges = found.setdefault(check_id, {})
        ranges.setdefault((observation, thresholds), []).append((op, value))
    checks: dict[str, dict[str, list[MeasuredRange]]] = {}
    for check_id, ranges in found.items():
        for (observation, thresholds), seen in ranges.items():
            values = [value for _, value in seen]
            entry = MeasuredRange(
                op=seen[0][0],
                min=min(values),
                max=max(values),
                n=len(values),
                thresholds=list(thresholds),
            )
            checks.setdefault(check_id, {}).setdefault(observation, []).append(entry)
    return MeasuredValues(runs=[run.run.run_id for run in runs], checks=checks)


def path_of(profile: Path) -> Path:
    """Where the measured values of a profile are kept, given the profile's own file."""
    return profile.parent / "measured" / profile.name


def read(profile: Path) -> MeasuredValues | None:
    """What was measured of a profile, given its file; None when nothing was.

    Raises:
        Unusable: the file cannot be used.
    """
    path = path_of(profile)
    return _KIND.read(path)[0] if path.is_file() else None


def written(values: MeasuredValues, profile: str) -> str:
    """The text of a file of measured values."""
    lines = [
        f"# What healthy runs of the profile {profile} measured. Written by",
        "# `mlflow-conformance profile measure`; why a bound is loose is in the profile's rows.",
        f"runs: {json.dumps(values.runs)}",
        "checks:",
    ]
    for check_id, observations in values.checks.items():
        lines.append(f"  {check_id}:")
        for observation, ranges in observations.items():
            lines.append(f"    {observation}:")
            lines += [f"      - {json.dumps(r.model_dump())}" for r in ranges]
    return "\n".join(lines) + "\n"


def loose(values: MeasuredValues, rows: Mapping[str, Row]) -> list[Looseness]:
    """The bounds of a profile that are looser than twice what was measured, in its order.

    Where the value of several thresholds could have been the bound it is the loosest of them, as
    their numbers are now.
    """
    found: list[Looseness] = []
    for check_id, row in rows.items():
        for observation, ranges in values.checks.get(check_id, {}).items():
            for seen in ranges:
                numbers = dict(_numbers(row.thresholds))
                now = [numbers[name] for name in seen.thresholds if name in numbers]
                if not now:
                    continue
                bound = max(now) if seen.op == "<=" else min(now)
                if _is_loose(seen, bound):
                    reason = row.loose.get(observation, "")
                    found.append(
                        Looseness(check_id, observation, seen.op, bound, seen.worst, reason)
                    )
    return found


def _is_loose(seen: MeasuredRange, bound: float) -> bool:
    if seen.op == "<=":
        return bound > LOOSE * seen.worst
    return bound * LOOSE < seen.worst


def _all(runs: Sequence[RunVerdict]) -> Iterator[tuple[str, str, Order, float, tuple[str, ...]]]:
    for run in runs:
        rows = {row.id: row.thresholds or {} for row in run.run.expected}
        for judged in run.checks:
            if judged.raw is not Verdict.PASS or judged.check is None:
                continue
            numbers = list(_numbers(rows.get(judged.id, {})))
            for seen in judged.check.observations:
                if (held := _held(seen)) is None:
                    continue
                op, value, bound = held
                thresholds = tuple(name for name, number in numbers if number == bound)
                if thresholds:
                    yield judged.id, seen.id, op, value, thresholds


def _held(seen: Observation) -> tuple[Order, float, float] | None:
    """How an observation that is a number was held against another one."""
    if seen.bound is None or not (_is_number(seen.observed) and _is_number(seen.bound.value)):
        return None
    match seen.bound.op:
        case "<=" | ">=" as op:
            return op, float(str(seen.observed)), float(str(seen.bound.value))
        case _:
            return None


def _numbers(thresholds: Mapping[str, JsonValue], above: str = "") -> Iterator[tuple[str, float]]:
    """Every number among thresholds, by its name: ``record_writes.outage_s``."""
    for name, value in thresholds.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{above}{name}.")
        elif _is_number(value):
            yield f"{above}{name}", float(str(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
