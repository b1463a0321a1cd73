# SPDX-License-Identifier: Apache-2.0
"""What a check uses to write down what it sees."""

import hashlib
import json
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest
from pydantic import JsonValue, ValidationError

from mlflow_conformance.config.catalogue import Written
from mlflow_conformance.config.thresholds import Model
from mlflow_conformance.core.brevity import KEPT, brief, brief_lines
from mlflow_conformance.core.errors import Enough, Undecided
from mlflow_conformance.evidence.bounds import holds, outcome
from mlflow_conformance.evidence.model import (
    Attachment,
    Bound,
    CheckFinished,
    Door,
    Observation,
    Operator,
    Spent,
)

_T = TypeVar("_T", bound=Callable[..., object])


def check(
    id: str,  # noqa: A002 - the word that everybody uses for it
    *,
    impact: str,
    remedy: str,
    disruptive: bool = False,
    writes: Sequence[Written] | None = None,
) -> Callable[[_T], _T]:
    """Declare that a test function is the check with this stable ID.

    Args:
        id: as the profile names it, e.g. ``NET-1``.
        impact: what it means for users when this fails, one sentence.
        remedy: what to do about it, one sentence.
        disruptive: it disturbs the deployment, or runs lines of its guide; on an attached cluster
            it is `unknown`, unless ``--allow-disruption`` was given, and with
            ``--without-disruption`` left out.

        writes: what it writes to, in a literal tuple; a read-only run holds the checks that write
            to nothing. None, which no check of the suites has, is as good as everything.

    The first line of the function's docstring is the check's title.
    """
    return pytest.mark.check(
        id=id, impact=impact, remedy=remedy, disruptive=disruptive, writes=writes
    )


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Evidence:
    """The record that a check fills; the verdict is computed from it afterwards.

    A check never asserts: it writes down what it saw with `expect`, goes on where that makes
    sense, and says with `undecided` when it could not see.

    Attributes:
        concealed: takes out of a text what must not be written down; see `EvidenceLog.concealed`.
        enough: observations that decide the check: it ends as soon as all of them broke, for a
            broken bound is a fail whatever is observed afterwards. Empty to go on to the end.
    """

    id: str
    promise: str
    folder: Path
    thresholds: Mapping[str, JsonValue] = field(default_factory=dict)
    started: datetime = field(default_factory=_now)
    clock: float = field(default_factory=time.monotonic, repr=False)
    observations: list[Observation] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    enough: Collection[str] = ()
    concealed: Callable[[str], str] = field(default=str, repr=False)

    def expect(
        self,
        id: str,  # noqa: A002 - the word that everybody uses for it
        name: str,
        observed: object,
        op: Operator,
        bound: object,
        *,
        unit: str = "",
        door: Door = "none",
        source: str | None = None,
        unless: str = "",
    ) -> bool:
        """Record an observation and its bound; returns whether the bound holds.

        Args:
            id: stable within the check, a literal such as ``spread.skew``; the same for every
                subject that the same thing is observed of.
            name: what was observed, for people; with its subject where there are several.
            unless: why a broken bound would say nothing about the target, where there is such a
                reason. What was observed is a note then, and the check goes on; without anything
                else that broke it is undecided.

        Raises:
            TypeError: the two cannot be compared; a defect of the check.
            Enough: what decides the check is known.
        """
        limit = Bound(op=op, value=_json(bound), source=source or f"promise {self.id}")
        seen = Observation(
            id=id, name=name, observed=_json(observed), unit=unit, door=door, bound=limit
        )
        kept = holds(limit, seen.observed)
        if unless and not kept:
            shown, most = json.dumps(seen.observed), json.dumps(limit.value)
            self.excused.append(f"{unless}: {name}: {shown}, promised {op} {most}")
            self.note(name, observed, unit=unit, door=door)
        else:
            self.observations.append(seen)
            if not kept:
                self._end_with_enough()
        return kept

    def _end_with_enough(self) -> None:
        broke = {o.id for o in self.observations if outcome(o) == "broken"}
        if self.enough and broke.issuperset(self.enough):
            decisive = sorted(self.enough)
            self.note("ended early, for this broke and decides", decisive)
            raise Enough(f"{', '.join(decisive)} broke, and that decides")

    def note(self, name: str, observed: object, *, unit: str = "", door: Door = "none") -> None:
        """Record something seen that decides nothing."""
        self.observations.append(
            Observation(name=name, observed=_json(observed), unit=unit, door=door)
        )

    def limit(self, text: str) -> None:
        """Record a known limit of MLflow that this check met; shown in the report, never hidden."""
        self.limits.append(text)

    def undecided(self, reason: str) -> NoReturn:
        """End the check: it could not observe what it must judge.

        Raises:
            Undecided: always.
        """
        raise Undecided(reason)

    def row(self, model: type[Model]) -> Model:
        """The thresholds of the profile's row, in the form that the check declares.

        Raises:
            Undecided: they have another form, as only a row that was made without a profile has.
        """
        try:
            return model.model_validate(dict(self.thresholds))
        except ValidationError as problem:
            said = " ".join(str(problem).split())
            raise Undecided(f"the thresholds of {self.id} cannot be used: {said}") from None

    def attach(self, name: str, content: bytes | str, media_type: str, suffix: str) -> Path:
        """Keep a file beside the evidence, its text without secrets, and refer to it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = "".join(c if c.isalnum() or c in "-_." else "-" for c in f"{self.id}-{name}")
        path = self.folder / f"{stem}{suffix}"
        raw = self.concealed(content).encode() if isinstance(content, str) else content
        path.write_bytes(raw)
        self.attachments.append(
            Attachment(
                name=name,
                path=f"{self.folder.name}/{path.name}",
                media_type=media_type,
                sha256=hashlib.sha256(raw).hexdigest(),
            )
        )
        return path

    def finished(
        self,
        *,
        title: str,
        nodeid: str,
        impact: str,
        remedy: str,
        undecided: str | None,
        error: str | None,
        diagnostics: str | None = None,
        spent: Spent | None = None,
    ) -> CheckFinished:
        """The finished record."""
        return CheckFinished(
            id=self.id,
            title=title,
            nodeid=nodeid,
            started=self.started,
            duration_s=round(time.monotonic() - self.clock, 3),
            promise=self.promise,
            impact=impact,
            remedy=remedy,
            observations=list(self.observations),
            undecided=self._kept("; ".join([*filter(None, [undecided]), *self.excused])),
            error=error and brief_lines(self.concealed(error)),
            limits=list(self.limits),
            attachments=list(self.attachments),
            diagnostics=diagnostics,
            spent=spent,
        )

    def _kept(self, said: str) -> str | None:
        # Concealed before it is cut: half a secret would not be known for one.
        return brief(self.concealed(said), KEPT) or None


def _json(value: object) -> JsonValue:
    """A JSON value that says the same; NaN and infinities become their names."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else repr(value)
        case set() | frozenset():
            return sorted((_json(v) for v in value), key=lambda v: json.dumps(v, sort_keys=True))
        case list() | tuple():
            return [_json(v) for v in value]
        case Mapping():
            return {str(k): _json(v) for k, v in value.items()}
        case _:
            raise TypeError(f"{type(value).__name__} is no evidence; say what you saw in JSON")
