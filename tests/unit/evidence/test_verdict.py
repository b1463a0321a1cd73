# SPDX-License-Identifier: Apache-2.0
"""The rules of promises.md: what is not proven never passes, and nothing hides behind it."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from mlflow_conformance.evidence.bounds import holds, outcome
from mlflow_conformance.evidence.describing import describe
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
    WaiverRecord,
)
from mlflow_conformance.evidence.verdict import Verdict, judge, judge_check

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SEVERITY = [Verdict.PASS, Verdict.WAIVED, Verdict.UNKNOWN, Verdict.FAIL]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def seen(observed: JsonValue, op: Operator = "<=", value: JsonValue = 2) -> Observation:
    return Observation(
        name="seen", observed=observed, bound=Bound(op=op, value=value, source="TRK-1")
    )


observed_lists = st.lists(json_values.map(seen) | st.just(seen(1)), max_size=5)


def check(
    *observations: Observation,
    id: str = "TRK-1",  # noqa: A002 - the field's name
    undecided: str | None = None,
    error: str | None = None,
) -> CheckFinished:
    return CheckFinished(
        id=id,
        title="A title",
        nodeid="suites/x.py::test_x",
        started=START,
        duration_s=1,
        promise="a promise",
        impact="an impact",
        remedy="a remedy",
        observations=list(observations),
        undecided=undecided,
        error=error,
    )


def start(
    *expected: str, waivers: list[WaiverRecord] | None = None, started: datetime = START
) -> RunStarted:
    return RunStarted(
        run_id="r",
        started=started,
        tool_version="1",
        command=["gate"],
        profile="k3d",
        profile_sha256="0",
        target={},
        seed=1,
        expected=[Expected(id=i, promise="p") for i in expected],
        waivers=waivers or [],
    )


END = RunEnded(ended=START)


def mutation(
    *,
    healthy: str = "pass",
    mutated: str = "fail",
    killed: bool = True,
    because: Sequence[str] = (),
    broke: Sequence[str] = (),
) -> Mutation:
    return Mutation(
        mutant="m",
        check="TRK-1",
        breaks="b",
        healthy=healthy,
        mutated=mutated,
        because=list(because),
        broke=list(broke),
        killed=killed,
        duration_s=1,
    )


PASSING, FAILING, UNDECIDED = check(seen(1)), check(seen(3)), check(undecided="no canary")


@pytest.mark.parametrize(
    ("op", "observed", "value", "expected"),
    [
        ("==", 1, 1, True),
        ("==", 1, 1.0, True),
        ("==", 1, "1", False),
        ("==", True, 1, False),
        ("==", [True], [1], False),
        ("==", {"a": [0]}, {"a": [False]}, False),
        ("==", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ("==", [1, 2], [2, 1], False),
        ("==", None, "x", False),
        ("!=", "a", "b", True),
        ("!=", "a", "a", False),
        ("<=", 2, 2, True),
        ("<=", 2.1, 2, False),
        (">=", 2, 2, True),
        (">=", 1, 2, False),
        ("in", 404, [403, 404], True),
        ("in", 200, [403, 404], False),
        ("in", True, [1], False),
        ("contains", [1, 2], 2, True),
        ("contains", {"Allow": 1}, "Allow", True),
        ("contains", "DisruptionBudget", "Budget", True),
        ("contains", "DisruptionBudget", "budget", False),
        ("matches", "v1\n", "v1", False),
        ("matches", "v1.2", r"v1\.\d", True),
        ("matches", "xv1.2", r"v1\.\d", False),
    ],
)
def test_each_operator_as_json_means_it(
    op: Operator, observed: JsonValue, value: JsonValue, expected: bool
) -> None:
    assert holds(Bound(op=op, value=value, source="s"), observed) is expected


@pytest.mark.parametrize(
    ("op", "observed", "value"),
    [
        ("<=", "1", 2),
        ("<=", 1, "2"),
        ("<=", True, 2),
        ("<=", None, 2),
        ("<=", math.nan, 2),
        (">=", math.inf, 2),
        (">=", 2, math.nan),
        ("!=", None, "a"),
        ("!=", math.nan, 3),
        ("!=", 1, True),
        ("in", "a", "abc"),
        ("in", "a", None),
        ("contains", None, "a"),
        ("contains", 5, 5),
        ("contains", "5", 5),
        ("matches", 5, "5"),
        ("matches", "5", 5),
        ("matches", "5", "("),
    ],
)
def test_what_cannot_be_compared_is_unknown(
    op: Operator, observed: JsonValue, value: JsonValue
) -> None:
    verdict, reason = judge_check(check(seen(observed, op, value)))
    assert verdict is Verdict.UNKNOWN
    assert "cannot be compared: seen:" in reason


@given(json_values, st.sampled_from(["==", "!=", "<=", ">=", "in", "contains", "matches"]))
def test_any_observation_against_any_bound_gets_a_verdict(value: JsonValue, op: Operator) -> None:
    for observed, bound in ((value, 2), ("a", value), (value, value), ([value], value)):
        verdict, reason = judge_check(check(seen(observed, op, bound)))
        assert verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN)
        assert reason
        assert "\n" not in reason


@given(json_values, json_values)
def test_equality_and_inequality_never_both_pass(left: JsonValue, right: JsonValue) -> None:
    equal, _ = judge_check(check(seen(left, "==", right)))
    unequal, _ = judge_check(check(seen(left, "!=", right)))
    assert (equal, unequal).count(Verdict.PASS) <= 1


@given(json_values, json_values, st.sampled_from(["==", "!=", "<=", ">=", "in", "contains"]))
def test_the_verdict_is_the_same_after_the_file(
    observed: JsonValue, bound: JsonValue, op: Operator
) -> None:
    record = check(seen(observed, op, bound))
    again = CheckFinished.model_validate_json(record.model_dump_json())
    assert judge_check(again) == judge_check(record)


@given(st.lists(json_values, max_size=5), st.none() | st.text(), st.none() | st.text())
def test_no_pass_without_a_bounded_observation(
    values: list[JsonValue], undecided: str | None, error: str | None
) -> None:
    unbounded = [Observation(name="n", observed=v) for v in values]
    verdict, reason = judge_check(check(*unbounded, undecided=undecided, error=error))
    assert verdict is Verdict.UNKNOWN
    assert reason.strip()


@given(observed_lists, st.none() | st.text(), st.none() | st.text())
def test_a_pass_needs_every_bound_held_and_nothing_else_said(
    observations: list[Observation], undecided: str | None, error: str | None
) -> None:
    verdict, _ = judge_check(check(*observations, undecided=undecided, error=error))
    kept = bool(observations) and all(outcome(o) == "holds" for o in observations)
    assert (verdict is Verdict.PASS) == (kept and undecided is None and error is None)


@given(observed_lists, observed_lists)
def test_what_else_was_seen_never_makes_a_fail_better(
    before: list[Observation], after: list[Observation]
) -> None:
    assert judge_check(check(*before, seen(3), *after))[0] is Verdict.FAIL


def test_a_broken_bound_counts_also_beside_one_that_cannot_be_compared() -> None:
    verdict, reason = judge_check(check(seen("x"), seen(3)))
    assert verdict is Verdict.FAIL
    assert reason == "seen: 3, promised ≤ 2"


def test_a_broken_bound_counts_also_when_the_check_ended_with_an_exception() -> None:
    assert judge_check(check(seen(3), error="E: x"))[0] is Verdict.FAIL
    assert judge_check(check(seen(1), error="Traceback\nOSError: gone"))[1] == (
        "ended with OSError: gone"
    )


def test_the_reason_names_the_exception_and_not_the_last_line_of_what_it_says() -> None:
    said = (
        'Traceback\n  File "a.py", line 1, in b\n    c()\nE: no column\n[SQL: x]\n(Background: url)'
    )
    assert judge_check(check(seen(1), error=said))[1] == "ended with E: no column"


def test_no_more_than_three_broken_bounds_are_told_in_the_reason() -> None:
    _, reason = judge_check(check(*[seen(n) for n in range(3, 8)]))
    assert reason.endswith("seen: 5, promised ≤ 2; and 2 more")


def test_a_missing_check_is_unknown() -> None:
    run = judge([start("TRK-1", "NET-1"), PASSING, END])
    assert [(c.id, c.verdict) for c in run.checks] == [
        ("TRK-1", Verdict.PASS),
        ("NET-1", Verdict.UNKNOWN),
    ]
    assert run.checks[1].check is None
    assert (run.verdict, run.exit_code) == (Verdict.UNKNOWN, 2)


@given(st.sets(st.sampled_from(["A-1", "B-1", "C-1", "D-1"])))
def test_a_run_passes_only_when_every_expected_check_reported(reported: set[str]) -> None:
    expected = ["A-1", "B-1", "C-1", "D-1"]
    run = judge([start(*expected), *[check(seen(1), id=i) for i in sorted(reported)], END])
    assert (run.verdict is Verdict.PASS) == (reported == set(expected))


def test_a_check_that_the_profile_does_not_expect_is_judged_too() -> None:
    assert judge([start(), FAILING, END]).verdict is Verdict.FAIL


@pytest.mark.parametrize("records", [[PASSING, FAILING], [FAILING, PASSING]])
def test_of_several_records_of_one_check_the_worst_counts(records: list[Event]) -> None:
    run = judge([start("TRK-1"), *records, END])
    assert [c.verdict for c in run.checks] == [Verdict.FAIL]


@given(st.lists(st.sampled_from([PASSING, FAILING, UNDECIDED])), st.booleans())
def test_the_run_is_never_better_than_its_worst_check(
    records: list[CheckFinished], ended: bool
) -> None:
    named = [r.model_copy(update={"id": f"TRK-{n}"}) for n, r in enumerate(records)]
    run = judge([start(*[r.id for r in named]), *named, *([END] if ended else [])])
    worst = max((SEVERITY.index(c.verdict) for c in run.checks), default=2)
    assert SEVERITY.index(run.verdict) >= worst
    assert run.exit_code == {"pass": 0, "waived": 0, "fail": 1, "unknown": 2}[run.verdict]
    if not ended:
        assert run.verdict is not Verdict.PASS


@pytest.mark.parametrize(
    ("record", "raw"), [(FAILING, Verdict.FAIL), (UNDECIDED, Verdict.UNKNOWN), (None, "unknown")]
)
def test_a_waiver_excuses_fail_unknown_and_missing(
    record: CheckFinished | None, raw: Verdict
) -> None:
    waiver = WaiverRecord(id="TRK-1", reason="known", expires=date(2026, 12, 1))
    run = judge([start("TRK-1", waivers=[waiver]), *([record] if record else []), END])
    assert (run.checks[0].verdict, run.checks[0].raw) == (Verdict.WAIVED, raw)
    assert run.checks[0].reason.startswith("known (until 2026-12-01); was ")
    assert (run.verdict, run.exit_code) == (Verdict.WAIVED, 0)


def test_a_waiver_does_not_touch_a_pass_or_another_check() -> None:
    waiver = WaiverRecord(id="TRK-1", reason="known", expires=date(2026, 12, 1))
    other = check(seen(3), id="NET-1")
    run = judge([start("TRK-1", "NET-1", waivers=[waiver]), PASSING, other, END])
    assert [c.verdict for c in run.checks] == [Verdict.PASS, Verdict.FAIL]


@given(st.integers(-400, 400))
def test_a_waiver_holds_until_the_end_of_its_last_day(days: int) -> None:
    waiver = WaiverRecord(id="TRK-1", reason="r", expires=START.date() + timedelta(days=days))
    run = judge([start("TRK-1", waivers=[waiver]), FAILING, END])
    assert (run.checks[0].verdict is Verdict.WAIVED) == (days >= 0)
    assert ("its waiver ended on" in run.checks[0].reason) == (days < 0)


def test_a_waiver_expires_by_utc_and_not_by_the_clock_of_the_machine() -> None:
    waiver = WaiverRecord(id="TRK-1", reason="r", expires=date(2026, 11, 22))
    ahead = datetime(2026, 11, 23, 1, 0, tzinfo=timezone(timedelta(hours=2)))  # 23:00 UTC the 22nd
    behind = datetime(2026, 11, 22, 23, 0, tzinfo=timezone(-timedelta(hours=2)))  # 01:00 UTC 23rd
    assert judge([start("TRK-1", waivers=[waiver], started=ahead), FAILING]).checks[0].waiver
    assert not judge([start("TRK-1", waivers=[waiver], started=behind), FAILING]).checks[0].waiver


def test_a_run_cut_short_is_unknown_and_a_fail_in_it_stays_one() -> None:
    assert judge([start("TRK-1"), PASSING]).verdict is Verdict.UNKNOWN
    assert judge([start("TRK-1"), FAILING]).verdict is Verdict.FAIL
    stopped = RunEnded(ended=START, interrupted="SIGTERM")
    assert judge([start("TRK-1"), PASSING, stopped]).verdict is Verdict.UNKNOWN
    assert judge([start("TRK-1"), PASSING, stopped, END]).verdict is Verdict.UNKNOWN


def test_a_run_in_which_nothing_was_judged_is_unknown() -> None:
    assert judge([start(), END]).exit_code == 2


def test_a_mutant_is_killed_only_by_a_pass_and_then_a_fail() -> None:
    assert judge([start(), mutation(), END]).verdict is Verdict.PASS
    for survivor in (
        mutation(killed=False),
        mutation(mutated="unknown"),
        mutation(mutated="pass"),
        mutation(healthy="fail"),
        mutation(healthy="waived"),
        mutation(because=["one", "two"], broke=["two"]),
    ):
        run = judge([start(), mutation(), survivor, END])
        assert list(run.survivors) == [survivor]
        assert run.verdict is Verdict.FAIL


@pytest.mark.parametrize("events", [[], [END], [PASSING, start()], [start(), start()]])
def test_evidence_that_is_not_of_one_run_is_refused(events: list[Event]) -> None:
    with pytest.raises(ValueError, match="evidence"):
        judge(events)


def test_an_observation_is_told_in_one_line_and_as_json() -> None:
    observation = Observation(
        name="ready", observed=True, bound=Bound(op="==", value=None, source="s")
    )
    assert describe(observation) == "ready: true, promised = null"
    assert describe(Observation(name="a\nb", observed="c\n d", unit="s")) == "a b: c d s"
    assert len(describe(Observation(name="n", observed="x" * 1000))) < 200
