# SPDX-License-Identifier: Apache-2.0
"""The events of an evidence log, one JSON object a line.

A record says what was observed and which bound it was held against; it stores no verdict.
`mlflow_conformance.evidence.verdict` computes verdicts from these events alone, so that a
report can be made again years later and a reader need not trust the run's own word.
"""

import math
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
)

SCHEMA_VERSION = "1"

Operator = Literal["==", "!=", "<=", ">=", "in", "contains", "matches"]
"""How an observation is compared with its bound; `matches` is a full regular-expression match."""

Door = Literal["front", "inside", "sql", "s3", "kubernetes", "node", "none"]
"""Which way an observation was made; see docs/architecture.md."""


def _finite(value: JsonValue) -> JsonValue:
    # JSON has no NaN and no infinity. They become strings when an event is made and not when it
    # is written, so that a verdict is the same before and after the file.
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case list():
            return [_finite(v) for v in value]
        case dict():
            return {k: _finite(v) for k, v in value.items()}
        case _:
            return value


Json = Annotated[JsonValue, AfterValidator(_finite)]
"""A JSON value; NaN and the infinities become the strings NaN, Infinity and -Infinity."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class Bound(_Frozen):
    """What an observation is held against, and where that number or value comes from."""

    op: Operator
    value: Json
    source: str = Field(description="a promise ID, an RFC, an upstream document")


class Observation(_Frozen):
    """One thing that was seen. Without a bound it informs and does not decide."""

    id: str = Field(
        default="",
        pattern=r"^([a-z0-9]+([.-][a-z0-9]+)*)?$",
        description="stable within its check, whatever its sentence says; empty without a bound",
    )
    name: str
    observed: Json
    unit: str = Field(default="", description="a UCUM-like unit: s, ms, 1/s, By; empty for none")
    door: Door = "none"
    bound: Bound | None = None


class Attachment(_Frozen):
    """A file beside the evidence log; `path` is relative to the log's folder."""

    name: str
    path: str
    media_type: str
    sha256: str = Field(default="", description="of its content; empty for one that was growing")


class Expected(_Frozen):
    """One row of the profile: a check that must report, and what it stands for."""

    id: str
    promise: str
    thresholds: dict[str, Json] | None = Field(
        default=None, description="the row's numbers and values; null where none were written down"
    )
    barred: str = Field(
        default="", description="why this run may not run the check; empty when it may"
    )


class WaiverRecord(_Frozen):
    """A fail or unknown that the profile excuses by name until the end of a day (UTC)."""

    id: str
    reason: str
    expires: date


class Base(_Frozen):
    """What the profile extends, and in what it differs from that."""

    name: str
    removed: dict[str, str] = Field(
        default={}, description="rows of the base that the profile leaves out, and why"
    )
    changed: dict[str, list[str]] = Field(
        default={}, description="what of a row of the base the profile changes, by the keys' names"
    )


class RunStarted(_Frozen):
    """First line of every log."""

    type: Literal["run"] = "run"
    schema_version: Literal["1"] = "1"
    run_id: str
    started: AwareDatetime
    tool_version: str
    command: list[str]
    profile: str
    profile_sha256: str
    target: dict[str, Json] = Field(description="where everything is; holds no secret")
    seed: int = Field(description="seeds every random choice of the run")
    expected: list[Expected]
    waivers: list[WaiverRecord] = []
    left_out: dict[str, str] = Field(
        default={}, description="checks of the profile that this run did not ask for, and why"
    )
    base: Base | None = Field(default=None, description="null when the profile extends none")


class Phase(_Frozen):
    """A step of the run that is no check: host check, images, cluster, deployment, teardown."""

    type: Literal["phase"] = "phase"
    name: str
    started: AwareDatetime
    duration_s: Seconds
    outcome: Literal["done", "reused", "failed", "skipped"]
    detail: str = ""


class Spent(_Frozen):
    """What one check spent its time on; decides nothing."""

    setup_s: Seconds = Field(default=0, description="its fixtures, with what it is first to need")
    call_s: Seconds = Field(default=0, description="the check itself")
    teardown_s: Seconds = Field(default=0, description="its finalizers")
    cpu_s: Seconds = Field(
        default=0, description="processor time of this program and of those that it ran"
    )
    waited_s: dict[str, Seconds] = Field(
        default={}, description="waiting for a condition, by the name of the time-out"
    )


class CheckFinished(_Frozen):
    """All that one check saw."""

    type: Literal["check"] = "check"
    id: str
    title: str
    nodeid: str
    started: AwareDatetime
    duration_s: Seconds
    promise: str
    impact: str
    remedy: str
    observations: list[Observation] = []
    undecided: str | None = Field(default=None, description="why it could not observe")
    error: str | None = Field(default=None, description="traceback of an unexpected exception")
    limits: list[str] = Field(default=[], description="known limits of MLflow that it met")
    attachments: list[Attachment] = []
    diagnostics: str | None = Field(default=None, description="folder, relative to the log")
    spent: Spent | None = Field(default=None, description="null where nobody measured it")


def _as_list(ids: object) -> object:
    """One ID alone, as logs said it when a mutant had no more than one."""
    return [ids] if isinstance(ids, str) else ids


class Mutation(_Frozen):
    """A check run against something broken on purpose; killed when it then failed."""

    type: Literal["mutation"] = "mutation"
    mutant: str
    check: str
    breaks: str
    healthy: str = Field(description="verdict against the healthy target")
    mutated: str = Field(description="verdict against the mutant")
    because: Annotated[list[str], BeforeValidator(_as_list)] = Field(
        default=[], description="the observations that must all break, by their IDs"
    )
    broke: list[str] = Field(default=[], description="the observations that did, by their IDs")
    bounded: list[str] = Field(
        default=[], description="what had a bound on the healthy target, by the observations' IDs"
    )
    killed: bool
    duration_s: Seconds
    detail: str = ""
    code: str = Field(default="", description="the commit or version of the suite that saw it")
    digest: str = Field(
        default="", description="of the mutant and of the code of the check's family"
    )


Fate = Literal["tried", "stopped", "refused", "absent", "same"]
"""What became of a candidate: it was tried; the checks could not be run on it; the schemas or the
API server refused it; what it changes is not in the cluster; or it changes nothing, since
Kubernetes makes the same object of it."""


class CandidateVerdict(_Frozen):
    """What one check saw of a candidate."""

    healthy: str = Field(description="verdict against the healthy target")
    changed: str = Field(description="verdict against the changed one")
    broke: list[str] = Field(default=[], description="the observations that broke, by their IDs")


class CandidateSeen(_Frozen):
    """A single change of the deployment, made up by an operator, and what checks saw of it."""

    type: Literal["candidate"] = "candidate"
    name: str
    breaks: str
    fate: Fate
    detail: str = Field(default="", description="why it was not tried, or not to the end")
    checks: dict[str, CandidateVerdict] = Field(
        default={}, description="those that could notice, by their IDs"
    )
    harmless: str = Field(default="", description="why nobody need notice, as somebody judged")
    duration_s: Seconds


class RunEnded(_Frozen):
    """Last line of a run that ended by itself; a log without it was cut short."""

    type: Literal["end"] = "end"
    ended: AwareDatetime
    interrupted: str | None = None


Event = Annotated[
    RunStarted | Phase | CheckFinished | Mutation | CandidateSeen | RunEnded,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
