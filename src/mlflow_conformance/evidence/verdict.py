# SPDX-License-Identifier: Apache-2.0
"""Verdicts, computed from an evidence log and nothing else.

The rules:

- ``pass`` and ``fail`` need positive evidence: at least one observation with a bound.
- ``unknown`` when a check could not observe, ended with an exception, or never reported.
- ``waived`` replaces a fail or an unknown that the profile excuses by name before its expiry.
- Exit codes: 0 all pass or waived, 1 a fail, 2 no fail but an unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from enum import StrEnum

from mlflow_conformance.core.brevity import REASON, brief, one_line
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.describing import describe
from mlflow_conformance.evidence.model import (
    CandidateSeen,
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


SEVERITY = {Verdict.PASS: 0, Verdict.WAIVED: 1, Verdict.UNKNOWN: 2, Verdict.FAIL: 3}
"""A greater number is worse."""

_EXIT_CODE = {Verdict.PASS: 0, Verdict.WAIVED: 0, Verdict.UNKNOWN: 2, Verdict.FAIL: 1}


@dataclass(frozen=True)
class Judged:
    """One check's verdict and why.

    Attributes:
        verdict: after waivers.
        raw: before waivers.
        reason: one line for a person.
        check: the record, or None when the check never reported.
        barred: the run was not allowed to run it.
    """

    id: str
    promise: str
    verdict: Verdict
    raw: Verdict
    reason: str
    check: CheckFinished | None
    waiver: WaiverRecord | None
    barred: bool = False

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
    candidates: Sequence[CandidateSeen]
    end: RunEnded | None

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all; a run in which nothing was judged is unknown."""
        if not (self.checks or self.mutations or self.candidates):
            return Verdict.UNKNOWN
        worst = max((c.verdict for c in self.checks), key=SEVERITY.__getitem__, default=None)
        if self.survivors or self.unnoticed:
            return Verdict.FAIL
        if self.end is None or self.end.interrupted:
            return Verdict.FAIL if worst is Verdict.FAIL else Verdict.UNKNOWN
        return worst or Verdict.PASS

    @property
    def promised(self) -> int:
        """How many checks the profile has."""
        return len({c.id for c in self.checks} | set(self.run.left_out))

    @property
    def not_run(self) -> Sequence[str]:
        """The checks of the profile that were not run, by choice or for want of permission."""
        barred = [c.id for c in self.checks if c.check is None and c.barred]
        return [*self.run.left_out, *barred]

    @property
    def survivors(self) -> Sequence[Mutation]:
        """Mutants that their check did not prove to notice.

        A kill is a pass on the healthy target and a fail on the mutant by the observation that it
        is about, whatever the record claims: an unknown on the mutant shows a check that is
        blind, and another broken observation one that noticed something else.
        """
        return [m for m in self.mutations if not _killed(m)]

    @property
    def taken(self) -> Sequence[CandidateSeen]:
        """Candidates that the cluster took."""
        return [c for c in self.candidates if c.fate in ("tried", "stopped")]

    @property
    def unnoticed(self) -> Sequence[CandidateSeen]:
        """Those of `taken` that no check noticed and nobody judged harmless.

        To notice is as to kill a mutant: to pass on the healthy target and to fail on this one.
        """
        return [c for c in self.taken if not (noticed(c) or c.harmless)]

    @property
    def exit_code(self) -> int:
        """0 all pass or waived, 1 a fail, 2 no fail but an unknown."""
        return _EXIT_CODE[self.verdict]

    def part(self, checks: Iterable[Judged]) -> "RunVerdict":
        """The same run, as some of its checks tell it."""
        return replace(self, checks=list(checks), mutations=[], candidates=[])

    def count(self, verdict: Verdict) -> int:
        """How many checks have this verdict."""
        return sum(c.verdict is verdict for c in self.checks)


def noticed(candidate: CandidateSeen) -> Sequence[str]:
    """The checks that noticed a candidate."""
    return [
        check_id
        for check_id, seen in candidate.checks.items()
        if (seen.healthy, seen.changed) == (Verdict.PASS, Verdict.FAIL)
    ]


def _killed(mutation: Mutation) -> bool:
    verdicts = (mutation.healthy, mutation.mutated) == (Verdict.PASS, Verdict.FAIL)
    return mutation.killed and verdicts and set(mutation.because) <= set(mutation.broke)


def judge_check(record: CheckFinished) -> tuple[Verdict, str]:
    """The verdict of one record before waivers, with a one-line reason."""
    bounded = [(o, outcome(o)) for o in record.observations if o.bound]
    broken = [o for o, result in bounded if result == "broken"]
    incomparable = [o for o, result in bounded if result == "incomparable"]
    # A broken bound is positive evidence, also where the check could not finish afterwards.
    if broken:
        return Verdict.FAIL, _listed(broken)
    if record.undecided is not None:
        why = brief(record.undecided, REASON)
        return Verdict.UNKNOWN, why or "could not observe, and gave no reason"
    if record.error is not None:
        return Verdict.UNKNOWN, "ended with " + _exception_in(record.error)
    if incomparable:
        return Verdict.UNKNOWN, "cannot be compared: " + _listed(incomparable)
    if not bounded:
        return Verdict.UNKNOWN, "observed nothing that has a bound"
    plural = "" if len(bounded) == 1 else "s"
    return Verdict.PASS, f"{len(bounded)} observation{plural} within bounds"


def _listed(observations: Sequence[Observation], most: int = 3) -> str:
    more = f"; and {len(observations) - most} more" if len(observations) > most else ""
    return "; ".join(describe(o) for o in observations[:most]) + more


def _exception_in(traceback: str) -> str:
    """The line that names the exception: what it says may go on for many more."""
    lines = traceback.strip().splitlines()
    if not lines:
        return "an exception that left no traceback"
    frames = [n for n, line in enumerate(lines) if line.startswith('  File "')]
    after = lines[frames[-1] + 1 :] if frames else []
    named = [line for line in after if not line.startswith(" ")]
    return brief(named[0] if named else lines[-1], REASON)


def judge(events: Iterable[Event]) -> RunVerdict:
    """Compute every verdict of a run.

    Raises:
        ValueError: the first event is not the start of a run, or a second start follows.
    """
    run: RunStarted | None = None
    end: RunEnded | None = None
    phases: list[Phase] = []
    mutations: list[Mutation] = []
    candidates: list[CandidateSeen] = []
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
            case CandidateSeen():
                candidates.append(event)
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
        candidates=candidates,
        end=end,
    )


def _judge_id(
    run: RunStarted, row: Expected, records: Sequence[CheckFinished], waiver: WaiverRecord | None
) -> Judged:
    check: CheckFinished | None = None
    if not records:
        never = "the profile expects this check and it never reported"
        raw, reason = Verdict.UNKNOWN, one_line(row.barred) or never
    else:
        judged = [(judge_check(r), r) for r in records]
        (raw, reason), check = max(judged, key=lambda j: SEVERITY[j[0][0]])
    verdict = raw
    live = waiver if waiver and run.started.astimezone(UTC).date() <= waiver.expires else None
    if raw is not Verdict.PASS and waiver:
        if live:
            verdict = Verdict.WAIVED
            reason = f"{one_line(live.reason)} (until {live.expires}); was {raw}: {reason}"
        else:
            reason += f" (its waiver ended on {waiver.expires})"
    return Judged(row.id, row.promise, verdict, raw, reason, check, live, barred=bool(row.barred))
