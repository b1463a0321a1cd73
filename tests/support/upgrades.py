# SPDX-License-Identifier: Apache-2.0
"""Recorded upgrades: the folder of one, with the evidence logs of its stages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Event,
    Expected,
    Json,
    Observation,
    Phase,
    RunEnded,
    RunStarted,
)

START = datetime(2026, 11, 29, 20, 0, tzinfo=UTC)
GOOD = Observation(
    id="lost",
    name="acknowledged writes lost",
    observed=0,
    bound=Bound(op="==", value=0, source="profile k3d"),
)
BAD = Observation(
    id="trace.failed",
    name="trace: failed requests",
    observed=12,
    bound=Bound(op="==", value=0, source="profile k3d"),
)

Checks = Mapping[str, Sequence[Observation]]
"""What each check saw, by its ID; one that saw nothing could not observe."""


def seconds(name: str, value: float) -> Observation:
    """A time that a check measured."""
    return Observation(name=name, observed=value, unit="s")


def note(name: str, value: Json) -> Observation:
    """Something that decides nothing."""
    return Observation(name=name, observed=value)


def record(folder: Path, checks: Checks, *, ended: bool = True, left_out: int = 0) -> None:
    """Write the log of one stage."""
    events: list[Event] = [
        _started(checks, {"kind": "kind"}, {f"TRK-{n}": "not selected" for n in range(left_out)})
    ]
    events += [_check(check_id, seen) for check_id, seen in checks.items()]
    _write(folder, events, ended=ended)


def upgrade(
    folder: Path,
    *,
    before: Checks | None,
    forward: Checks | None,
    after: Checks | None,
    back: Checks | None,
    failed: str = "",
) -> Path:
    """Write the logs of an upgrade from 3.16.1 to 3.17.2.

    Args:
        before, forward, after, back: what each stage saw; None for one that was not run.
        failed: why the first stage that was not run was not.
    """
    stages = {"a": before, "forward": forward, "b": after, "back": back}
    pair: dict[str, Json] = {"from": "3.16.1", "to": "3.17.2", "way": "rolling"}
    events: list[Event] = [_started({}, {"kind": "kind", "upgrade": pair}, {})]
    for name, checks in stages.items():
        outcome = "failed" if checks is None else "done"
        events.append(
            Phase(name=name, started=START, duration_s=60, outcome=outcome, detail=failed)
        )
        if checks is None:
            break
        record(folder / name, checks, left_out=3)
    _write(folder, events, ended=True)
    return folder


def _started(checks: Checks, target: dict[str, Json], left_out: dict[str, str]) -> RunStarted:
    return RunStarted(
        run_id="20261129T200000Z-3f9a",
        started=START,
        tool_version="0.1.0",
        command=["mlflow-conformance", "upgrade"],
        profile="k3d",
        profile_sha256="0" * 64,
        target=target,
        seed=7,
        expected=[Expected(id=i, promise=f"Promise of {i}") for i in checks],
        left_out=left_out,
    )


def _check(check_id: str, seen: Sequence[Observation]) -> CheckFinished:
    return CheckFinished(
        id=check_id,
        title=f"Title of {check_id}",
        nodeid=f"suites/upgrade/test_it.py::{check_id}",
        started=START,
        duration_s=30,
        promise=f"Promise of {check_id}",
        impact="Somebody notices.",
        remedy="Hold traces back.",
        observations=list(seen),
        undecided=None if seen else "there was nothing to see",
    )


def _write(folder: Path, events: Sequence[Event], *, ended: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with EvidenceLog(folder / "evidence.jsonl") as log:
        for event in events:
            log.append(event)
        if ended:
            log.append(RunEnded(ended=START + timedelta(minutes=4)))
