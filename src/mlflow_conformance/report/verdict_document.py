# SPDX-License-Identifier: Apache-2.0
"""verdict.json: what a CI job or a bot needs of a run, small, and versioned for itself."""

from collections.abc import Iterable
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.evidence.bounds import Outcome, outcome
from mlflow_conformance.evidence.describing import describe
from mlflow_conformance.evidence.model import Base, Observation
from mlflow_conformance.evidence.upgrade import Decision
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict
from mlflow_conformance.report import words

SCHEMA_VERSION: Final = "1"

_SENTENCES = 3
"""Sentences that are given for one ID; evidence.jsonl holds all."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class BrokenObservation(_Frozen):
    """What did not keep its bound, all of one ID together."""

    id: str = Field(description="stable within the check; empty in evidence from before IDs")
    outcome: Outcome = Field(description="broken, or incomparable: neither for nor against")
    count: int = Field(description="how many observations of that ID and outcome there are")
    sentences: list[str] = Field(description=f"the first {_SENTENCES} of them at most")


class WaiverDocument(_Frozen):
    """Why a check that does not pass is excused, and until the end of which day (UTC)."""

    reason: str
    expires: str


class CheckVerdict(_Frozen):
    """One check that was to report."""

    id: str
    verdict: Verdict
    unwaived: Verdict = Field(description="the verdict without the waiver")
    reason: str = Field(description="one line")
    started: AwareDatetime | None = Field(description="null when the check never reported")
    duration_s: float | None = Field(description="null when the check never reported")
    broken: list[BrokenObservation]
    waiver: WaiverDocument | None


class LeftOut(_Frozen):
    """A check of the profile that the run was not asked for; nothing is known about it."""

    id: str
    reason: str


class BaseDocument(_Frozen):
    """What the profile extends."""

    name: str
    removed: list[LeftOut] = Field(description="rows of it that the profile does not have, and why")
    changed: list[str] = Field(description="the IDs of rows that the profile changes")


class Counts(_Frozen):
    """How many checks there are of each verdict, and how many were left out."""

    passed: int
    failed: int
    unknown: int
    waived: int
    left_out: int
    not_run: int = Field(description="left out, or unknown because the run may not run them")


class MutantVerdict(_Frozen):
    """How a check fared against a target broken on purpose."""

    mutant: str
    check: str
    killed: bool
    because: list[str] = Field(description="the IDs of the observations that must all break")
    broke: list[str] = Field(description="the IDs of those that did")


class UpgradeCause(_Frozen):
    """One thing for which an upgrade is no go."""

    decision: Decision
    about: str = Field(description="the ID of a check, or what a stage is about")
    reason: str


class StageDocument(_Frozen):
    """One stage of an upgrade; its own verdict.json lies in the folder of its name."""

    stage: str
    run_id: str
    verdict: Verdict
    duration_s: float


class ComparedCheck(_Frozen):
    """A check that ran before the upgrade and after it; null where it did not."""

    id: str
    before: Verdict | None
    after: Verdict | None
    worse: bool
    reason: str = Field(description="of the verdict after; one line")


class MeasuredTime(_Frozen):
    """A time that a check of an upgrade measured."""

    check: str
    name: str
    seconds: float


class UpgradeDocument(_Frozen):
    """What only an upgrade has: the checks beside it are those of the upgrade itself."""

    before: str
    after: str
    way: str = Field(description="rolling, hold-traces or scale-to-none; empty in old evidence")
    decision: Decision
    causes: list[UpgradeCause]
    stages: list[StageDocument]
    compared: list[ComparedCheck]
    times: list[MeasuredTime]
    not_tried: list[str]


class VerdictDocument(_Frozen):
    """A run in the eyes of a program."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    run_id: str
    tool_version: str
    profile: str
    profile_sha256: str
    target: str = Field(description="kind, context or local")
    started: AwareDatetime
    ended: AwareDatetime | None = Field(description="null when the run was cut short")
    duration_s: float
    interrupted: str | None = Field(description="why the run ended early, if it says so")
    verdict: Verdict
    exit_code: int = Field(description="0 all pass or waived, 1 a fail, 2 an unknown")
    headline: str
    counts: Counts
    checks: list[CheckVerdict]
    left_out: list[LeftOut]
    base: BaseDocument | None = Field(description="null when the profile extends none")
    mutants: list[MutantVerdict]
    upgrade: UpgradeDocument | None = Field(default=None, description="null of any other run")


def document(run: RunVerdict) -> VerdictDocument:
    """A run's document."""
    return VerdictDocument(
        run_id=run.run.run_id,
        tool_version=run.run.tool_version,
        profile=run.run.profile,
        profile_sha256=run.run.profile_sha256,
        target=str(run.run.target.get("kind", "")),
        started=run.run.started,
        ended=run.end.ended if run.end else None,
        duration_s=round(words.total_seconds(run), 3),
        interrupted=run.end.interrupted if run.end else None,
        verdict=run.verdict,
        exit_code=run.exit_code,
        headline=words.headline(run),
        counts=Counts(
            passed=run.count(Verdict.PASS),
            failed=run.count(Verdict.FAIL),
            unknown=run.count(Verdict.UNKNOWN),
            waived=run.count(Verdict.WAIVED),
            left_out=len(run.run.left_out),
            not_run=len(run.not_run),
        ),
        checks=[_check(c) for c in run.checks],
        left_out=[LeftOut(id=i, reason=short(r)) for i, r in run.run.left_out.items()],
        base=_base(run.run.base),
        mutants=[
            MutantVerdict(
                mutant=m.mutant,
                check=m.check,
                killed=m not in run.survivors,
                because=m.because,
                broke=m.broke,
            )
            for m in run.mutations
        ],
    )


def render(run: RunVerdict) -> str:
    """The document's JSON text."""
    return document(run).model_dump_json(indent=2) + "\n"


def _base(base: Base | None) -> BaseDocument | None:
    if base is None:
        return None
    return BaseDocument(
        name=base.name,
        removed=[LeftOut(id=i, reason=short(r)) for i, r in base.removed.items()],
        changed=list(base.changed),
    )


def _check(judged: Judged) -> CheckVerdict:
    record, waiver = judged.check, judged.waiver
    return CheckVerdict(
        id=judged.id,
        verdict=judged.verdict,
        unwaived=judged.raw,
        reason=short(judged.reason),
        started=record.started if record else None,
        duration_s=record.duration_s if record else None,
        broken=_broken(judged.failed_observations),
        waiver=waiver
        and WaiverDocument(reason=short(waiver.reason), expires=waiver.expires.isoformat()),
    )


def _broken(observations: Iterable[Observation]) -> list[BrokenObservation]:
    alike: dict[tuple[str, Outcome], list[Observation]] = {}
    for observation in observations:
        alike.setdefault((observation.id, outcome(observation)), []).append(observation)
    return [
        BrokenObservation(
            id=observation_id,
            outcome=said,
            count=len(found),
            sentences=[short(describe(o)) for o in found[:_SENTENCES]],
        )
        for (observation_id, said), found in alike.items()
    ]


def short(text: str) -> str:
    """A text as one line that is not too long for a program's log."""
    return brief(words.line(text))
