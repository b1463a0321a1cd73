# SPDX-License-Identifier: Apache-2.0
"""Verdicts, computed from an evidence log and nothing else.

The rules (promises.md, Verdicts):

- ``pass`` and ``fail`` need positive evidence: at least one observation with a bound.
- ``unknown`` when a check could not observe, ended with an exception, or never reported.
- ``waived`` replaces a fail or an unknown that the profile excuses by name before its expiry.
- Exit codes: 0 all pass or waived, 1 a fail, 2 no fail but an unknown.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

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


def holds(bound: Bound, observed: JsonValue) -> bool:
    """Whether an observed value satisfies its bound.

    Raises:
        TypeError: the two cannot be compared, for example a number with a string.
    """
    match bound.op:
        case "==":
            return _same(observed, bound.value)
        case "!=":
            return not _same(observed, bound.value)
        case "<=":
            return _number(observed) <= _number(bound.value)
        case ">=":
            return _number(observed) >= _number(bound.value)
        case "in":
            return any(_same(observed, item) for item in _container(bound.value))
        case "contains":
            return any(_same(bound.value, item) for item in _container(observed)) or (
                isinstance(observed, str)
                and isinstance(bound.value, str)
                and bound.value in observed
            )
        case "matches":
            if not isinstance(observed, str) or not isinstance(bound.value, str):
                raise TypeError(f"cannot match {observed!r} against {bound.value!r}")
            return re.fullmatch(bound.value, observed, re.DOTALL) is not None


def _same(left: JsonValue, right: JsonValue) -> bool:
    # JSON tells true from 1; Python's == does not.
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right


def _number(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    if value != value:  # NaN compares false with everything, which would read as a fail
        raise TypeError("NaN is not a number")
    return value


def _container(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, list | dict):
        return value
    if isinstance(value, str):
        return ()
    raise TypeError(f"{value!r} is not a collection")


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
        """The observations that did not satisfy their bound."""
        if self.check is None:
            return ()
        return [o for o in self.check.observations if o.bound and not _holds(o)]


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
        if any(not m.killed for m in self.mutations):
            return Verdict.FAIL
        if self.end is None or self.end.interrupted:
            return Verdict.FAIL if worst is Verdict.FAIL else Verdict.UNKNOWN
        return worst or Verdict.PASS

    @property
    def exit_code(self) -> int:
        """0 all pass or waived, 1 a fail, 2 no fail but an unknown."""
        return _EXIT_CODE[self.verdict]

    def count(self, verdict: Verdict) -> int:
        """How many checks have this verdict."""
        return sum(c.verdict is verdict for c in self.checks)


def judge_check(record: CheckFinished) -> tuple[Verdict, str]:
    """The verdict of one record before waivers, with a one-line reason."""
    bounded = [o for o in record.observations if o.bound]
    try:
        broken = [o for o in bounded if o.bound and not holds(o.bound, o.observed)]
    except (TypeError, re.error) as problem:
        return Verdict.UNKNOWN, f"an observation cannot be compared with its bound: {problem}"
    # A broken bound is positive evidence, also where the check could not finish afterwards.
    if broken:
        return Verdict.FAIL, "; ".join(describe(o) for o in broken[:3]) + (
            f"; and {len(broken) - 3} more" if len(broken) > 3 else ""
        )
    if record.undecided:
        return Verdict.UNKNOWN, record.undecided
    if record.error:
        return Verdict.UNKNOWN, "ended with " + record.error.strip().splitlines()[-1]
    if not bounded:
        return Verdict.UNKNOWN, "observed nothing that has a bound"
    return Verdict.PASS, f"{len(bounded)} observations within their bounds"


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
                end = event
    if run is None:
        raise ValueError("the evidence does not say which run it is of")
    expected = list(run.expected)
    expected += [
        Expected(id=i, promise=r[0].promise)
        for i, r in reported.items()
        if i not in {e.id for e in run.expected}
    ]
    waivers = {w.id: w for w in run.waivers}
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
    live = waiver if waiver and run.started.date() <= waiver.expires else None
    if live and raw is not Verdict.PASS:
        verdict, reason = Verdict.WAIVED, f"{live.reason} (until {live.expires}); was: {reason}"
    return Judged(row.id, row.promise, verdict, raw, reason, check, live)


def _holds(observation: Observation) -> bool:
    if observation.bound is None:
        return True
    try:
        return holds(observation.bound, observation.observed)
    except (TypeError, re.error):
        return False


def describe(observation: Observation) -> str:
    """One observation as a sentence: what was seen and what was promised."""
    unit = f" {observation.unit}" if observation.unit else ""
    seen = f"{observation.name}: {_short(observation.observed)}{unit}"
    if observation.bound is None:
        return seen
    return f"{seen}, promised {observation.bound.op} {_short(observation.bound.value)}{unit}"


def _short(value: JsonValue, limit: int = 120) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
