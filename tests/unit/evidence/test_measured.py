# SPDX-License-Identifier: Apache-2.0
"""Measured values: which observations count, and which bounds are far from them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlflow_conformance.config.profile import Row
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence import measured
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Expected,
    Observation,
    Operator,
    RunStarted,
)
from mlflow_conformance.evidence.verdict import RunVerdict, judge

NOW = datetime.now(UTC)
THRESHOLDS: dict[str, JsonValue] = {"outage_s": 20, "writes": {"span_s": 6}, "least": 4}


def run(
    seen: Sequence[tuple[str, Operator, JsonValue, JsonValue]],
    *,
    profile: str = "p",
    mutant: str | None = None,
) -> RunVerdict:
    """A run of one check, by ID, operator, observed value and bound of what it saw."""
    observations = [
        Observation(id=i, name=i, observed=o, bound=Bound(op=op, value=b, source="s"))
        for i, op, o, b in seen
    ]
    return judge(
        [
            RunStarted(
                run_id=f"run of {profile}", started=NOW, tool_version="1", command=[],
                profile=profile, profile_sha256="", target={"mutant": mutant}, seed=0,
                expected=[Expected(id="DIS-1", promise="p", thresholds=THRESHOLDS)],
            ),
            CheckFinished(
                id="DIS-1", title="t", nodeid="n", started=NOW, duration_s=0, promise="p",
                impact="i", remedy="r", observations=observations,
            ),
        ]
    )  # fmt: skip


def row(**loose: str) -> dict[str, Row]:
    return {"DIS-1": Row(promise="p", thresholds=THRESHOLDS, loose=loose)}


def test_what_counts_is_a_number_whose_bound_is_a_threshold() -> None:
    values = measured.measured(
        [
            run(
                [
                    ("silence", "<=", 3.5, 20),
                    ("silence", "<=", 9, 20),
                    ("span", "<=", 2, 6),
                    ("count", ">=", 9, 4),
                    ("constant", ">=", 9, 1),  # of the check itself, not of the row
                    ("word", "==", 20, 20),
                ]
            ),
            run([("silence", "<=", 5, 20)]),
        ]
    )
    found = {i: r for i, (r,) in values.checks["DIS-1"].items()}
    assert {i: (r.op, r.min, r.max, r.n, r.thresholds) for i, r in found.items()} == {
        "silence": ("<=", 3.5, 9.0, 3, ["outage_s"]),
        "span": ("<=", 2.0, 2.0, 1, ["writes.span_s"]),
        "count": (">=", 9.0, 9.0, 1, ["least"]),
    }
    assert (found["silence"].worst, found["count"].worst) == (9.0, 9.0)


def test_a_check_that_did_not_pass_has_measured_nothing() -> None:
    assert measured.measured([run([("silence", "<=", 30, 20)])]).checks == {}


def test_a_bound_beyond_twice_the_worst_is_loose_and_tells_its_reason() -> None:
    values = measured.measured(
        [run([("silence", "<=", 9, 20), ("span", "<=", 3, 6), ("count", ">=", 9, 4)])]
    )
    found = measured.loose(values, row(silence="it grows with what there is"))
    assert [(f.observation, f.bound, f.reason) for f in found] == [
        ("silence", 20.0, "it grows with what there is"),
        ("count", 4.0, ""),
    ]
    assert str(found[0]) == (
        "DIS-1 silence: at most 20 is promised, and the worst that was measured is 9"
    )


def test_the_bound_is_the_one_of_today() -> None:
    values = measured.measured([run([("silence", "<=", 9, 20)])])
    tighter = {"DIS-1": Row(promise="p", thresholds={**THRESHOLDS, "outage_s": 18})}
    assert not measured.loose(values, tighter)
    gone = {"DIS-1": Row(promise="p", thresholds={"least": 4})}
    assert not measured.loose(values, gone)


def test_nothing_measured_leaves_every_bound_loose_but_none() -> None:
    values = measured.measured([run([("silence", "<=", 0, 20)])])
    assert [f.observation for f in measured.loose(values, row())] == ["silence"]


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([run([]), run([], profile="q")], "The runs are of different profiles: p, q"),
        ([run([], mutant="slow")], "was broken on purpose"),
    ],
)
def test_what_is_no_healthy_run_of_one_profile_is_refused(
    runs: Sequence[RunVerdict], told: str
) -> None:
    with pytest.raises(Unusable, match=told):
        measured.measured(runs)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    values = measured.measured([run([("silence", "<=", 9, 20), ("span", "<=", 3, 6)])])
    profile = tmp_path / "mine.yaml"
    assert measured.read(profile) is None
    path = measured.path_of(profile)
    path.parent.mkdir()
    path.write_text(measured.written(values, "mine"), encoding="utf-8")
    assert measured.read(profile) == values
