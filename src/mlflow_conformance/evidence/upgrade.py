# SPDX-License-Identifier: Apache-2.0
"""Go or no-go for an upgrade, computed from the evidence logs of its stages and nothing else.

The rules:

- ``no-go`` when a check of the upgrade failed, or a check that did not fail before fails after it.
- ``undecided`` when anything that must be known is not: a stage that is missing or was cut short,
  a check that could not observe.
- ``go`` otherwise. A check that fails before and after alike is told, and is not the upgrade's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mlflow_conformance.core.brevity import one_line
from mlflow_conformance.evidence.model import Json, Observation
from mlflow_conformance.evidence.verdict import SEVERITY, Judged, RunVerdict, Verdict

NOT_TRIED = "not tried"
"""Name of the observation by which a check of an upgrade says what it left out: one or more
sentences."""


class Decision(StrEnum):
    """What an upgrade is told to be."""

    GO = "go"
    NO_GO = "no-go"
    UNDECIDED = "undecided"


class UpgradeStage(StrEnum):
    """The stages of an upgrade by their folders, in their order; each has a log of its own."""

    BEFORE = "a"
    FORWARD = "forward"
    AFTER = "b"
    BACK = "back"


ABOUT: Mapping[UpgradeStage, str] = {
    UpgradeStage.BEFORE: "the checks on the version before",
    UpgradeStage.FORWARD: "the upgrade",
    UpgradeStage.AFTER: "the checks on the version after",
    UpgradeStage.BACK: "the way back",
}
"""What a stage is about."""

_AS_VERDICT = {
    Decision.GO: Verdict.PASS,
    Decision.NO_GO: Verdict.FAIL,
    Decision.UNDECIDED: Verdict.UNKNOWN,
}
_EXIT_CODE = {Decision.GO: 0, Decision.NO_GO: 1, Decision.UNDECIDED: 2}


@dataclass(frozen=True)
class Cause:
    """One thing for which the upgrade is no go.

    Attributes:
        decision: no-go or undecided.
        about: the check's ID, or what the stage is about.
        reason: one line.
        impact: what it does to people, one sentence; empty when nothing is known.
        remedy: what to do about it; empty when nothing is known.
    """

    decision: Decision
    about: str
    reason: str
    impact: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Compared:
    """One check on both sides; None where it did not run."""

    id: str
    before: Judged | None
    after: Judged | None

    @property
    def changed(self) -> bool:
        """Whether its verdict is another one."""
        return self._verdict(self.before) != self._verdict(self.after)

    @property
    def worse(self) -> bool:
        """It has a verdict on both sides, and the later is worse."""
        if self.before is None or self.after is None:
            return False
        return SEVERITY[self.after.verdict] > SEVERITY[self.before.verdict]

    @staticmethod
    def _verdict(judged: Judged | None) -> Verdict | None:
        return judged.verdict if judged else None


@dataclass(frozen=True)
class Time:
    """A time that a check of the upgrade measured, seconds."""

    check: str
    name: str
    seconds: float
    observation: Observation


@dataclass(frozen=True)
class UpgradeVerdict:
    """A whole upgrade, as the evidence of its stages tells it.

    Attributes:
        run: the upgrade itself: when it began, what its stages took, and how it ended.
        stages: those that have evidence.
    """

    run: RunVerdict
    stages: Mapping[UpgradeStage, RunVerdict]

    @property
    def sides(self) -> tuple[str, str]:
        """What is before and what is after, as they are spelled."""
        match self.run.run.target.get("upgrade"):
            case {"from": before, "to": after}:
                return str(before), str(after)
        return "before", "after"

    @property
    def way(self) -> str:
        """What was done about requests meanwhile; empty where the log does not say."""
        match self.run.run.target.get("upgrade"):
            case {"way": way}:
                return str(way)
        return ""

    @property
    def checks(self) -> Sequence[Judged]:
        """The checks of the upgrade itself, in the order in which they ran."""
        told = [
            self.stages[s] for s in (UpgradeStage.FORWARD, UpgradeStage.BACK) if s in self.stages
        ]
        return [judged for stage in told for judged in stage.checks]

    @property
    def compared(self) -> Sequence[Compared]:
        """The checks that ran on either side, those that are worse first."""
        before, after = (
            {c.id: c for c in self.stages[s].checks} if s in self.stages else {}
            for s in (UpgradeStage.BEFORE, UpgradeStage.AFTER)
        )
        found = [Compared(i, before.get(i), after.get(i)) for i in dict.fromkeys([*before, *after])]
        return sorted(found, key=lambda c: (not c.worse, not c.changed))

    @property
    def causes(self) -> Sequence[Cause]:
        """All for which it is no go; what failed first."""
        found = list(self._causes())
        return sorted(found, key=lambda c: c.decision is not Decision.NO_GO)

    @property
    def decision(self) -> Decision:
        """The worst of all causes."""
        causes = self.causes
        return causes[0].decision if causes else Decision.GO

    @property
    def as_verdict(self) -> Verdict:
        """The decision as programs know it from every other run."""
        return _AS_VERDICT[self.decision]

    @property
    def exit_code(self) -> int:
        """0 go, 1 no-go, 2 undecided."""
        return _EXIT_CODE[self.decision]

    @property
    def times(self) -> Sequence[Time]:
        """What the checks of the upgrade measured in seconds."""
        return [
            Time(judged.id, o.name, float(o.observed), o)
            for judged in self.checks
            for o in (judged.check.observations if judged.check else ())
            if o.unit == "s" and isinstance(o.observed, int | float)
        ]

    @property
    def not_tried(self) -> Sequence[str]:
        """What is not known in the end, one sentence each."""
        return list(dict.fromkeys(self._not_tried()))

    def _causes(self) -> Iterator[Cause]:
        for stage in UpgradeStage:
            if why := self._missing(stage):
                yield Cause(Decision.UNDECIDED, ABOUT[stage], why)
        for judged in self.checks:
            if judged.verdict is Verdict.FAIL:
                yield _cause(Decision.NO_GO, judged)
            elif judged.verdict is Verdict.UNKNOWN:
                yield _cause(Decision.UNDECIDED, judged)
        for compared in self.compared:
            if (cause := _worse(compared)) is not None:
                yield cause

    def _missing(self, stage: UpgradeStage) -> str:
        """Why a stage tells less than it should; empty when it tells all."""
        told = self.stages.get(stage)
        if told is None:
            failed = [p for p in self.run.phases if p.name == stage and p.outcome == "failed"]
            return (failed[-1].detail or "failed") if failed else "was not reached"
        if told.end is None:
            return "was cut short"
        if told.end.interrupted:
            return f"was interrupted: {told.end.interrupted}"
        return "" if told.checks else "judged nothing"

    def _not_tried(self) -> Iterator[str]:
        for stage in UpgradeStage:
            if stage not in self.stages:
                yield f"{ABOUT[stage]}: {self._missing(stage)}"
        for judged in self.checks:
            if judged.verdict is Verdict.UNKNOWN:
                yield f"{judged.id}: {judged.reason}"
            for o in judged.check.observations if judged.check else ():
                if o.name == NOT_TRIED:
                    yield from (f"{judged.id}: {one_line(each)}" for each in _sentences(o.observed))
        after = self.stages.get(UpgradeStage.AFTER)
        if after is not None and after.run.left_out:
            yield (
                f"{len(after.run.left_out)} other checks of the profile {after.run.profile} were "
                "run on neither side"
            )


def _sentences(observed: Json) -> list[str]:
    return [str(each) for each in observed] if isinstance(observed, list) else [str(observed)]


def _cause(decision: Decision, judged: Judged, about: str = "") -> Cause:
    impact, remedy = (judged.check.impact, judged.check.remedy) if judged.check else ("", "")
    return Cause(decision, about or judged.id, judged.reason, impact, remedy)


def _worse(compared: Compared) -> Cause | None:
    """What a check on both sides says against the upgrade."""
    before, after = compared.before, compared.after
    if before is None or after is None:
        return None  # a stage is missing, and that is told
    if after.verdict is Verdict.FAIL and before.verdict is not Verdict.FAIL:
        return _cause(Decision.NO_GO, after, f"{compared.id} on the version after")
    if after.verdict is Verdict.UNKNOWN:
        return _cause(Decision.UNDECIDED, after, f"{compared.id} on the version after")
    return None
