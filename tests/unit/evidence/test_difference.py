# SPDX-License-Identifier: Apache-2.0
"""Two runs differ in what they promise and how it ends, never in what merely varies."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlflow_conformance.evidence.difference import CheckChange, Difference, difference
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Event,
    Expected,
    Mutation,
    Observation,
    Operator,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.varying import masked, shape
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from repository import RECORDS

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def saw(
    id: str,  # noqa: A002 - the field's name
    name: str,
    observed: JsonValue,
    op: Operator = "==",
    bound: JsonValue = 0,
) -> Observation:
    limit = Bound(op=op, value=bound, source="promise A-1")
    return Observation(id=id, name=name, observed=observed, bound=limit)


def check(*seen: Observation, id: str = "A-1", undecided: str | None = None) -> CheckFinished:  # noqa: A002
    return CheckFinished(
        id=id, title="t", nodeid="n", started=START, duration_s=1, promise="p", impact="i",
        remedy="r", observations=list(seen), undecided=undecided,
    )  # fmt: skip


def run(
    *events: Event,
    sha: str = "one",
    thresholds: dict[str, JsonValue] | None = None,
    left_out: dict[str, str] | None = None,
    ended: bool = True,
) -> RunVerdict:
    ids = dict.fromkeys(e.id for e in events if isinstance(e, CheckFinished))
    started = RunStarted(
        run_id="r", started=START, tool_version="1", command=[], profile="k3d", profile_sha256=sha,
        target={}, seed=1, left_out=left_out or {},
        expected=[Expected(id=i, promise="p", thresholds=thresholds) for i in ids],
    )  # fmt: skip
    return judge([started, *events, *([RunEnded(ended=START)] if ended else [])])


def of_one(before: Iterable[Observation], after: Iterable[Observation]) -> Sequence[CheckChange]:
    return difference(run(check(*before)), run(check(*after))).checks


def changes(found: Difference) -> list[tuple[str, str | None, str | None]]:
    return [
        (
            o.change,
            o.before.sentence if o.before else None,
            o.after.sentence if o.after else None,
        )
        for c in found.checks
        for o in c.observations
    ]


@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.jsonl")), ids=lambda p: p.stem)
def test_a_run_does_not_differ_from_itself(path: Path) -> None:
    judged = judge(read(path))
    found = difference(judged, judged, values=True)
    assert (found.checks, found.mutants, found.worse) == ([], [], False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([saw("rows", "rows", 12, ">=", 10)], [saw("rows", "rows", 99, ">=", 10)]),
        (
            [saw("ready", f"pod mlflow-5d8f7c9b64-{p}: ready", 0) for p in ("zbcdf", "x2x4z")],
            [saw("ready", f"pod mlflow-7d9cf5b4f8-{p}: ready", 0) for p in ("q7rkl", "mnp2v")],
        ),
        ([saw("size", "size", 812, "==", 812)], [saw("size", "size", 833, "==", 833)]),
        (
            [saw("kept", "kept", ["b/20261122T0200"], "==", ["b/20261122T0200"])],
            [saw("kept", "kept", ["b/3", "b/4"], "==", ["b/3", "b/4"])],
        ),
        (
            [saw("served", f"replica {n}: served", 0) for n in (1, 2)],
            [saw("served", f"replica {n}: served", 0) for n in (1, 2, 3)],
        ),
        ([saw("word", "said by cat", 0)], [saw("word", "said by dog", 0)]),
        ([saw("word", "told before", 0)], [saw("word", "told since, in other words", 0)]),
        (
            [saw("word", "cat", 1), saw("word", "dog", 0)],
            [saw("word", "owl", 0), saw("word", "bee", 1)],
        ),
        ([saw("a", "a", 0), Observation(name="noted", observed=1)], [saw("a", "a", 0)]),
    ],
)
def test_what_varies_is_no_difference(before: list[Observation], after: list[Observation]) -> None:
    assert of_one(before, after) == []
    assert of_one(after, before) == []


def test_what_varies_is_shown_when_asked_for() -> None:
    before, after = run(check(saw("rows", "rows", 0))), run(check(saw("rows", "rows", 0.0)))
    assert difference(before, after, values=True).checks == []
    after = run(check(saw("rows", "rows", 3, "==", 3)))
    found = difference(before, after, values=True)
    assert changes(found) == [("vary", "rows", "rows")]
    assert not found.worse


def test_a_bound_that_breaks_is_told_with_its_subject() -> None:
    before = [saw("late", f"p{p} of 300", 0) for p in (50, 95)]
    after = [saw("late", "p50 of 412", 0), saw("late", "p95 of 412", 7)]
    (found,) = of_one(before, after)
    assert [(o.change, o.after and o.after.sentence) for o in found.observations] == [
        ("outcome", "p95 of 412")
    ]
    assert (found.before, found.after, found.worse) == ("pass", "fail", True)


def test_one_more_that_is_broken_is_a_difference() -> None:
    before = [saw("late", f"pod {n}", 1) for n in (1, 2)]
    after = [saw("late", f"pod {n}", 1) for n in (3, 4, 5)]
    (found,) = of_one(before, after)
    assert [o.change for o in found.observations] == ["new"]
    assert (found.before, found.after, found.worse) == ("fail", "fail", False)


def test_an_observation_is_new_gone_or_has_another_id() -> None:
    found = of_one(
        [saw("a", "a", 0), saw("b", "b is b", 0), saw("c", "c", 0)],
        [saw("c", "c", 0), saw("d", "b is b", 0), saw("e", "e", 0)],
    )
    told = {(o.change, o.before and o.before.id, o.after and o.after.id)
            for o in found[0].observations}  # fmt: skip
    assert told == {("id", "b", "d"), ("gone", "a", None), ("new", None, "e")}


def test_a_log_from_before_ids_is_compared_by_sentences() -> None:
    before = [saw("", "rows", 1), saw("", "pod 1: ready", 0), saw("", "x", 0)]
    after = [saw("restore.rows", "rows", 0), saw("up", "pod 2: ready", 0), saw("x", "y", 0)]
    found = difference(run(check(*before)), run(check(*after)))
    assert sorted(changes(found), key=str) == sorted(
        [("outcome", "rows", "rows"), ("gone", "x", None), ("new", None, "y")], key=str
    )


NUMBERS = (saw("most", "most", 1, "<=", 2),), (saw("most", "most", 1, "<=", 3),)


@pytest.mark.parametrize(
    ("sha", "thresholds", "differs"),
    [
        (("one", "one"), (None, None), False),
        (("one", "two"), (None, None), True),
        (("one", "two"), (None, {"most": 3}), True),
        (("one", "one"), ({"most": 2}, {"most": 3}), True),
        (("one", "two"), ({"most": 2}, {"most": 2.0, "least": None}), False),
    ],
)
def test_a_bound_is_another_one_where_the_promise_is(
    sha: tuple[str, str],
    thresholds: tuple[dict[str, JsonValue] | None, dict[str, JsonValue] | None],
    differs: bool,
) -> None:
    before, after = (
        run(check(*seen), sha=s, thresholds=t)
        for seen, s, t in zip(NUMBERS, sha, thresholds, strict=True)
    )
    found = difference(before, after)
    assert [c[0] for c in changes(found)] == (["bound"] if differs else [])
    assert not found.worse


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (saw("a", "a", 1, "<=", 2), saw("a", "a", 1, "==", 1)),
        (saw("a", "a", True, "==", True), saw("a", "a", False, "==", False)),
        (saw("a", "a", "x", "==", "x"), saw("a", "a", "y", "==", "y")),
        (saw("a", "a", [], "==", []), saw("a", "a", ["x"], "==", ["x"])),
    ],
)
def test_an_operator_or_another_word_is_another_bound_whatever_the_profile_says(
    before: Observation, after: Observation
) -> None:
    assert [c[0] for c in changes(difference(run(check(before)), run(check(after))))] == ["bound"]


def test_checks_are_new_gone_and_left_out() -> None:
    good = saw("a", "a", 0)
    before = run(
        check(good, id="A-1"), check(good, id="A-2"), check(good, id="A-3"),
        left_out={"A-4": "not selected", "A-5": "not selected", "A-6": "not selected"},
    )  # fmt: skip
    after = run(
        check(good, id="A-1"), check(good, id="A-4"), check(good, id="A-7"),
        left_out={"A-3": "not in this tier", "A-5": "not in this tier", "A-6": "not selected"},
    )  # fmt: skip
    found = difference(before, after)
    assert {c.id: (c.before, c.after) for c in found.checks} == {
        "A-2": ("pass", None),
        "A-3": ("pass", "left out"),
        "A-4": ("left out", "pass"),
        "A-5": ("left out", "left out"),
        "A-7": (None, "pass"),
    }
    assert {c.reason_after for c in found.checks if c.after == "left out"} == {"not in this tier"}
    assert not found.worse


def test_worse_is_a_verdict_of_a_check_or_of_the_run() -> None:
    good, bad = check(saw("a", "a", 0)), check(saw("a", "a", 1))
    blind = check(saw("a", "a", 0), undecided="no way in")
    assert difference(run(good), run(bad)).worse
    assert difference(run(good), run(blind)).worse
    assert difference(run(blind), run(bad)).worse
    assert difference(run(good), run(good, ended=False)).worse
    assert difference(run(good), run(good, check(saw("b", "b", 1), id="A-2"))).worse
    assert not difference(run(bad), run(good)).worse
    assert not difference(run(bad), run(blind)).worse


def mutation(mutant: str, *, killed: bool) -> Mutation:
    return Mutation(
        mutant=mutant, check="A-1", breaks="something", healthy="pass",
        mutated="fail" if killed else "pass", killed=killed, duration_s=1,
    )  # fmt: skip


def test_mutants_are_compared_by_how_they_fare() -> None:
    before = run(mutation("a", killed=True), mutation("b", killed=True))
    after = run(mutation("a", killed=False), mutation("c", killed=True))
    found = difference(before, after)
    assert [(m.mutant, m.before, m.after) for m in found.mutants] == [
        ("a", "killed", "survived"),
        ("c", None, "killed"),
        ("b", "killed", None),
    ]
    assert found.worse


@pytest.mark.parametrize(
    ("text", "masks"),
    [
        ("replica 2: lost", "replica #: lost"),
        ("p95 of 1200 samples", "p95 of # samples"),
        ("2 of 3.5", "# of #"),
        ("pod mlflow-5d8f7c9b64-x2x4z", "pod mlflow-#"),
        ("pod backup-zzcpb gone", "pod backup-# gone"),
        ("mlc-20261122t020007z-3f9a-rows", "mlc-#-rows"),
        ("sent to 10.0.3.17:5000", "sent to #"),
        ("backup-restore", "backup-restore"),
        ("s3 and k3d", "s3 and k3d"),
        ("", ""),
    ],
)
def test_what_a_run_makes_is_masked(text: str, masks: str) -> None:
    assert masked(text) == masks


def test_numbers_are_of_account_where_they_are_promised() -> None:
    value: JsonValue = {"pods": [1, 2.5], "of": None}
    other: JsonValue = {"of": None, "pods": [3]}
    assert shape(value, numbers=False) == shape(other, numbers=False)
    assert shape(value, numbers=True) != shape(other, numbers=True)
    assert shape(1, numbers=True) == shape(1.0, numbers=True) != shape(True, numbers=True)
