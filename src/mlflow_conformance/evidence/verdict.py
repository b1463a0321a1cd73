# SPDX-License-Identifier: Apache-2.0
"""Verdicts, computed from an evidence log and nothing else.

The rules:

- ``pass`` and ``fail`` need positive evidence: at least one observation with a bound.
- ``unknown`` when a check could not observe, ended with an exception, or never reported.
- ``waived`` replaces a fail or an unknown that the profile excuses by name before its expiry.
- Exit codes: 0 all pass or waived, 1 a fail, 2 no fail but an unknown.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Event,
    Expected,
    Mutation,
    Observation,
    Phase,
    RunEnded,
    RunStarted,
    WaiverRecord,
)


class Verdict(StrEnum):
    """The outcome of one check, or of a whole run."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    WAIVED = "waived"


_SEVERITY = {Verdict.PASS: 0, Verdict.WAIVED: 1, Verdict.UNKNOWN: 2, Verdict.FAIL: 3}
_EXIT_CODE = {Verdict.PASS: 0, Verdict.WAIVED: 0, Verdict.UNKNOWN: 2, Verdict.FAIL: 1}


def holds(bound: Bound, observed: JsonValue) -> bool:  # noqa: PLR0911 - one per operator
    """Whether an observed value satisfies its bound.

    Equality is that of JSON: ``true`` is not ``1``, ``1`` is ``1.0``, and values of two kinds
    differ. Such a difference breaks ``==``, but it never satisfies ``!=``: a check that saw
    another kind of value than it meant to see has not shown what it promised.

    Raises:
        TypeError: the two cannot be compared, for example a number with a string by ``<=``.
        re.error: the bound is no regular expression.
    """
    match bound.op:
        case "==":
            return _same(observed, bound.value)
        case "!=":
            if _kind(observed) != _kind(bound.value):
                raise TypeError(f"{_text(observed)} and {_text(bound.value)} are of two kinds")
            return not _same(observed, bound.value)
        case "<=":
            return _number(observed) <= _number(bound.value)
        case ">=":
            return _number(observed) >= _number(bound.value)
        case "in":
            return any(_same(observed, item) for item in _items(bound.value))
        case "contains":
            if isinstance(observed, str):
                return _string(bound.value) in observed
            return any(_same(bound.value, item) for item in _items(observed))
        case "matches":
            return re.fullmatch(_string(bound.value), _string(observed), re.DOTALL) is not None


def _kind(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def _same(left: JsonValue, right: JsonValue) -> bool:
    # Python's == takes true for 1, at every depth.
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    return _kind(left) == _kind(right) and left == right


def _number(value: JsonValue) -> float:
    # NaN is a string in a record (see model.Json) and so it is no number here either.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{_text(value)} is not a number")
    return value


def _string(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_text(value)} is not a string")
    return value


def _items(value: JsonValue) -> Iterable[JsonValue]:
    if not isinstance(value, list | dict):
        raise TypeError(f"{_text(value)} is not a collection")
    return value


@dataclass(frozen=True)
class Judged:
    """One check's verdict and why.

    Attributes:
        verdict: after waivers.
        raw: before waivers.
        reason: one line for a person.
        check: the record, or None when the check never reported.
    """

    id: str
    promise: str
    verdict: Verdict
    raw: Verdict
    reason: str
    check: CheckFinished | None
    waiver: WaiverRecord | None

    @property
    def failed_observations(self) -> Sequence[Observation]:
        """The observations that broke their bound or could not be compared with it."""
        if self.check is None:
            return ()
        return [o for o in self.check.observations if outcome(o) in ("broken", "incomparable")]


@dataclass(frozen=True)
class RunVerdict:
    """A whole run, as its evidence tells it."""

    run: RunStarted
    checks: Sequence[Judged]
    phases: Sequence[Phase]
    mutations: Sequence[Mutation]
    end: RunEnded | None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all; a run in which nothing was judged is unknown."""
        if not self.checks and not self.mutations:
            return Verdict.UNKNOWN
        worst = max((c.verdict for c in self.checks), key=_SEVERITY.__getitem__, default=None)
        if self.survivors:
            return Verdict.FAIL
        if self.end is None or self.end.interrupted:
            return Verdict.FAIL if worst is Verdict.FAIL else Verdict.UNKNOWN
        return worst or Verdict.PASS

    @property
    def survivors(self) -> Sequence[Mutation]:
        """Mutants that their check did not prove to notice.

        A kill is a pass on the healthy target and a fail on the mutant by the observation that it
        is about, whatever the record claims: an unknown on the mutant shows a check that is
        blind, and another broken observation one that noticed something else.
        """
        return [m for m in self.mutations if not _killed(m)]

    @property
    def exit_code(self) -> int:
        """0 all pass or waived, 1 a fail, 2 no fail but an unknown."""
        return _EXIT_CODE[self.verdict]

    def part(self, checks: Iterable[Judged]) -> "RunVerdict":
        """The same run, as some of its checks tell it."""
        return replace(self, checks=list(checks), mutations=[])

    def count(self, verdict: Verdict) -> int:
        """How many checks have this verdict."""
        return sum(c.verdict is verdict for c in self.checks)


def _killed(mutation: Mutation) -> bool:
    verdicts = (mutation.healthy, mutation.mutated) == (Verdict.PASS, Verdict.FAIL)
    return mutation.killed and verdicts and mutation.because in (*mutation.broke, "")


def judge_check(record: CheckFinished) -> tuple[Verdict, str]:
    """The verdict of one record before waivers, with a one-line reason."""
    bounded = [(o, outcome(o)) for o in record.observations if o.bound]
    broken = [o for o, result in bounded if result == "broken"]
    incomparable = [o for o, result in bounded if result == "incomparable"]
    # A broken bound is positive evidence, also where the check could not finish afterwards.
    if broken:
        return Verdict.FAIL, _listed(broken)
    if record.undecided is not None:
        return Verdict.UNKNOWN, _line(record.undecided) or "could not observe, and gave no reason"
    if record.error is not None:
        return Verdict.UNKNOWN, "ended with " + _last_line(record.error)
    if incomparable:
        return Verdict.UNKNOWN, "cannot be compared: " + _listed(incomparable)
    if not bounded:
        return Verdict.UNKNOWN, "observed nothing that has a bound"
    plural = "" if len(bounded) == 1 else "s"
    return Verdict.PASS, f"{len(bounded)} observation{plural} within bounds"


Outcome = Literal["informs", "holds", "broken", "incomparable"]


def outcome(observation: Observation) -> Outcome:
    """What one observation says: `incomparable` is neither evidence for nor against."""
    if observation.bound is None:
        return "informs"
    try:
        return "holds" if holds(observation.bound, observation.observed) else "broken"
    except (TypeError, re.error):
        return "incomparable"


def _listed(observations: Sequence[Observation], most: int = 3) -> str:
    more = f"; and {len(observations) - most} more" if len(observations) > most else ""
    return "; ".join(describe(o) for o in observations[:most]) + more


def _line(text: str) -> str:
    return " ".join(text.split())


def _last_line(traceback: str) -> str:
    lines = traceback.strip().splitlines()
    return _line(lines[-1]) if lines else "an exception that left no traceback"


def judge(events: Iterable[Event]) -> RunVerdict:
    """Compute every verdict of a run.

    Raises:
        ValueError: the first event is not the start of a run, or a second start follows.
    """
    run: RunStarted | None = None
    end: RunEnded | None = None
    phases: list[Phase] = []
    mutations: list[Mutation] = []
    reported: dict[str, list[CheckFinished]] = {}
    for event in events:
        if run is None and not isinstance(event, RunStarted):
            raise ValueError("the evidence does not begin with the start of a run")
        match event:
            case RunStarted():
                if run is not None:
                    raise ValueError("the evidence holds two runs")
                run = event
            case Phase():
                phases.append(event)
            case CheckFinished():
                reported.setdefault(event.id, []).append(event)
            case Mutation():
                mutations.append(event)
            case RunEnded():
                end = end if end and end.interrupted else event
    if run is None:
        raise ValueError("the evidence is empty")
    expected = list(run.expected)
    expected += [
        Expected(id=i, promise=r[0].promise)
        for i, r in reported.items()
        if i not in {e.id for e in run.expected}
    ]
    waivers = {w.id: w for w in sorted(run.waivers, key=lambda w: w.expires)}
    return RunVerdict(
        run=run,
        checks=[_judge_id(run, e, reported.get(e.id, []), waivers.get(e.id)) for e in expected],
        phases=phases,
        mutations=mutations,
        end=end,
    )


def _judge_id(
    run: RunStarted, row: Expected, records: Sequence[CheckFinished], waiver: WaiverRecord | None
) -> Judged:
    check: CheckFinished | None = None
    if not records:
        raw, reason = Verdict.UNKNOWN, "the profile expects this check and it never reported"
    else:
        judged = [(judge_check(r), r) for r in records]
        (raw, reason), check = max(judged, key=lambda j: _SEVERITY[j[0][0]])
    verdict = raw
    live = waiver if waiver and run.started.astimezone(UTC).date() <= waiver.expires else None
    if raw is not Verdict.PASS and waiver:
        if live:
            verdict = Verdict.WAIVED
            reason = f"{_line(live.reason)} (until {live.expires}); was {raw}: {reason}"
        else:
            reason += f" (its waiver ended on {waiver.expires})"
    return Judged(row.id, row.promise, verdict, raw, reason, check, live)


_WORDS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "in": "one of", "contains": "containing"}


def describe(observation: Observation) -> str:
    """One observation in one line: what was seen and what was promised."""
    seen = f"{observation.name}: {_with_unit(observation.observed, observation.unit)}"
    if observation.bound is None:
        return _line(seen)
    return _line(f"{seen}, promised {promised(observation.bound, observation.unit)}")


def promised(bound: Bound, unit: str = "", *, limit: int = 120) -> str:
    """A bound as a person writes it, for example ``≤ 2 s``, cut at `limit` characters."""
    word = _WORDS.get(bound.op, bound.op)
    return f"{word} {_with_unit(bound.value, unit, limit)}"


def _with_unit(value: JsonValue, unit: str, limit: int = 120) -> str:
    return f"{_text(value, limit)} {unit}".rstrip()


def _text(value: JsonValue, limit: int = 120) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"
