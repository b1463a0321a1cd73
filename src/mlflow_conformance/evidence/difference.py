# SPDX-License-Identifier: Apache-2.0
"""What is new, gone and changed between two runs, as their evidence tells it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mlflow_conformance.evidence.bounds import Outcome, outcome, same
from mlflow_conformance.evidence.matching import Change, Pair, pairs
from mlflow_conformance.evidence.model import Bound, Json, Observation
from mlflow_conformance.evidence.verdict import SEVERITY, Judged, RunVerdict, Verdict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Side(_Frozen):
    """One of the two runs."""

    run_id: str
    started: AwareDatetime
    profile: str
    verdict: Verdict


class Seen(_Frozen):
    """What an observation was in one of the two runs."""

    id: str
    sentence: str
    observed: Json
    unit: str
    bound: Bound
    outcome: Outcome


class ObservationChange(_Frozen):
    """An observation with a bound that is another one; `vary` when only its values are."""

    change: Change | Literal["vary"]
    before: Seen | None
    after: Seen | None


Standing = Literal["pass", "fail", "unknown", "waived", "left out"]


class CheckChange(_Frozen):
    """A check that is new, gone, or has another verdict, reason to be left out or observation.

    Attributes:
        before: None in a run that does not know the check.
        worse: it has a verdict in both runs, and the later is worse.
    """

    id: str
    before: Standing | None
    after: Standing | None
    reason_before: str
    reason_after: str
    worse: bool
    observations: Sequence[ObservationChange]


class MutantChange(_Frozen):
    """A mutant of a check that is new, gone, or fares otherwise."""

    mutant: str
    check: str
    before: Literal["killed", "survived"] | None
    after: Literal["killed", "survived"] | None


class Difference(_Frozen):
    """All that differs between two runs.

    Attributes:
        worse: the verdict of the run, of a check or on a mutant got worse.
    """

    schema_version: Literal["1"] = "1"
    before: Side
    after: Side
    worse: bool
    checks: Sequence[CheckChange]
    mutants: Sequence[MutantChange]


def difference(before: RunVerdict, after: RunVerdict, *, values: bool = False) -> Difference:
    """What differs between an earlier and a later run.

    Two healthy runs of one suite do not differ: neither do numbers measured, nor names made anew,
    nor how often a bound held that held in both.

    Args:
        values: also the observations of which nothing but what was measured is another.
    """
    checks = _checks(before, after, values=values)
    mutants = _mutants(before, after)
    worse = (
        SEVERITY[after.verdict] > SEVERITY[before.verdict]
        or any(c.worse for c in checks)
        or any((m.before, m.after) == ("killed", "survived") for m in mutants)
    )
    return Difference(
        before=_side(before), after=_side(after), worse=worse, checks=checks, mutants=mutants
    )


def _side(run: RunVerdict) -> Side:
    return Side(
        run_id=run.run.run_id,
        started=run.run.started,
        profile=run.run.profile,
        verdict=run.verdict,
    )


def _checks(before: RunVerdict, after: RunVerdict, *, values: bool) -> list[CheckChange]:
    earlier, later = ({c.id: c for c in run.checks} for run in (before, after))
    known = [*later, *after.run.left_out, *earlier, *before.run.left_out]
    found = []
    for check_id in dict.fromkeys(known):
        old, new = earlier.get(check_id), later.get(check_id)
        standing_before, reason_before = _standing(before, old, check_id)
        standing_after, reason_after = _standing(after, new, check_id)
        observations = (
            _observations(old, new, numbers=_promises_differ(before, after, check_id))
            if old and new
            else []
        )
        if not values:
            observations = [o for o in observations if o.change != "vary"]
        left_out = standing_before == standing_after == "left out"
        if (
            standing_before != standing_after
            or observations
            or (left_out and reason_before != reason_after)
        ):
            found.append(
                CheckChange(
                    id=check_id,
                    before=standing_before,
                    after=standing_after,
                    reason_before=reason_before,
                    reason_after=reason_after,
                    worse=bool(old and new and SEVERITY[new.verdict] > SEVERITY[old.verdict]),
                    observations=observations,
                )
            )
    return found


def _standing(run: RunVerdict, judged: Judged | None, check_id: str) -> tuple[Standing | None, str]:
    if judged is not None:
        return judged.verdict.value, judged.reason
    reason = run.run.left_out.get(check_id)
    return (None, "") if reason is None else ("left out", reason)


def _promises_differ(before: RunVerdict, after: RunVerdict, check_id: str) -> bool:
    """Whether the numbers that a check is held against may be others in the two runs.

    Where they are not, the bounds that differ are those that a run itself gives: what it counted
    before a fault is what must be there after it.
    """
    first, second = _promised(before, check_id), _promised(after, check_id)
    if first is None or second is None:  # a log from before rows were written down
        return before.run.profile_sha256 != after.run.profile_sha256
    return not same(first, second)


def _promised(run: RunVerdict, check_id: str) -> dict[str, Json] | None:
    """The bounds of a check's row; one that is null is left out on purpose."""
    row = next((e.thresholds for e in run.run.expected if e.id == check_id), None)
    return None if row is None else {k: v for k, v in row.items() if v is not None}


def _observations(before: Judged, after: Judged, *, numbers: bool) -> list[ObservationChange]:
    if before.check is None or after.check is None:
        return []
    found = []
    for pair in pairs(before.check.observations, after.check.observations):
        change = pair.change(numbers=numbers)
        if change or pair.varies:
            found.append(_changed(pair, change or "vary"))
    return found


def _changed(pair: Pair, change: Change | Literal["vary"]) -> ObservationChange:
    return ObservationChange(change=change, before=_seen(pair.before), after=_seen(pair.after))


def _seen(observation: Observation | None) -> Seen | None:
    if observation is None or observation.bound is None:
        return None
    return Seen(
        id=observation.id,
        sentence=observation.name,
        observed=observation.observed,
        unit=observation.unit,
        bound=observation.bound,
        outcome=outcome(observation),
    )


def _mutants(before: RunVerdict, after: RunVerdict) -> list[MutantChange]:
    earlier, later = _fates(before), _fates(after)
    return [
        MutantChange(
            mutant=mutant,
            check=check,
            before=earlier.get((mutant, check)),
            after=later.get((mutant, check)),
        )
        for mutant, check in dict.fromkeys([*later, *earlier])
        if earlier.get((mutant, check)) != later.get((mutant, check))
    ]


def _fates(run: RunVerdict) -> dict[tuple[str, str], Literal["killed", "survived"]]:
    survivors = run.survivors
    return {(m.mutant, m.check): "survived" if m in survivors else "killed" for m in run.mutations}
