# SPDX-License-Identifier: Apache-2.0
"""One run: what it expects, its folder, and its evidence log from the first event to the last."""

import random
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from mlflow_conformance import __version__
from mlflow_conformance.config.profile import LoadedProfile, Row
from mlflow_conformance.config.thresholds import Model
from mlflow_conformance.core.brevity import KEPT, brief
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import (
    Base,
    CandidateSeen,
    CheckFinished,
    Expected,
    Mutation,
    Phase,
    RunEnded,
    RunStarted,
    WaiverRecord,
)

_OF_OTHERS = ("*.log", "journal.json")
"""Files that other programs write here, such as Locust and chaostoolkit."""


def new_run_id() -> str:
    """Sortable by time and unique: ``20261122T204500Z-3f9a``."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class RunFolder:
    """Where a run writes.

    Attributes:
        made: the folders that did not exist before, outermost first.
    """

    path: Path
    made: Sequence[Path]

    @property
    def log(self) -> Path:
        """The run's evidence."""
        return self.path / "evidence.jsonl"

    def clean(self, log: EvidenceLog) -> None:
        """Take what the log conceals out of what other programs wrote here meanwhile.

        Raises:
            Unusable: the disk is full.
        """
        for path in sorted(p for pattern in _OF_OTHERS for p in self.path.rglob(pattern)):
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            safe = log.concealed(text)
            if safe != text:
                try:
                    path.write_text(safe, encoding="utf-8", errors="surrogateescape")
                except OSError as problem:
                    raise Unusable(
                        f"{path} holds a secret and cannot be written anew: {problem.strerror}",
                        remedy="Remove that file, and free space on that disk",
                    ) from problem

    def discard(self) -> None:
        """Remove the log, and of the folders that were made those that are empty."""
        self.log.unlink(missing_ok=True)
        for folder in reversed(self.made):
            if any(folder.iterdir()):
                return
            folder.rmdir()


def command_line() -> list[str]:
    """What was called, without the folder that the program happens to be in."""
    program = Path(sys.argv[0])
    name = "mlflow-conformance" if program.name == "__main__.py" else program.name
    return [name, *sys.argv[1:]]


@dataclass
class Run:
    """What one run knows before and while it goes on.

    Attributes:
        rows: the checks that this run expects, in the order in which they run.
        left_out: checks of the profile that it does not ask for, and why.
        barred: those of `rows` that it may not run, and why.
        held_by: the ID of the run that this one is a round of, and that holds cluster and runner;
            empty when it holds them itself.
        mutant: what the target is broken by; None for the healthy one.
        enough: for a check, the observations that decide it: it ends as soon as all of them broke.
    """

    loaded: LoadedProfile
    rows: Mapping[str, Row]
    left_out: Mapping[str, str]
    folder: RunFolder
    run_id: str
    seed: int
    command: list[str]
    log: EvidenceLog
    waiter: Waiter
    interrupted: str | None = None
    barred: Mapping[str, str] = field(default_factory=dict)
    held_by: str = ""
    mutant: str | None = None
    enough: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """What every name that this run gives begins with."""
        return f"mlc-{self.run_id}".lower()

    def random_for(self, check_id: str) -> random.Random:
        """Random numbers that depend on the run's seed and the check alone."""
        return random.Random(f"{self.seed}:{check_id}")  # noqa: S311 - test data, no secret

    def row(self, check_id: str, model: type[Model]) -> Model:
        """The thresholds of a check's row, for what several checks share; see `Evidence.row`.

        Raises:
            Undecided: the profile has no such row, or its thresholds have another form.
        """
        row = self.loaded.profile.checks.get(check_id)
        if row is None:
            raise Undecided(f"the profile has no row {check_id}, which this check reads as well")
        folder = self.folder.path / "attachments"
        return Evidence(check_id, row.promise, folder, row.thresholds).row(model)

    def started(self, target: dict[str, JsonValue]) -> RunStarted:
        """The log's first event."""
        inherited = self.loaded.inherited
        return RunStarted(
            run_id=self.run_id,
            started=datetime.now(UTC),
            tool_version=__version__,
            command=self.command,
            profile=self.loaded.profile.name,
            profile_sha256=self.loaded.sha256,
            target=target,
            seed=self.seed,
            expected=[
                Expected(
                    id=i,
                    promise=r.promise,
                    thresholds=dict(r.thresholds),
                    barred=self.barred.get(i, ""),
                )
                for i, r in self.rows.items()
            ],
            waivers=[
                WaiverRecord(id=w.id, reason=w.reason, expires=w.expires)
                for w in self.loaded.profile.waivers
            ],
            left_out=dict(self.left_out),
            base=Base(
                name=inherited.base,
                removed=dict(inherited.removed),
                changed={i: list(keys) for i, keys in inherited.changed.items()},
            )
            if inherited.base
            else None,
        )

    def ended(self) -> None:
        """Write the log's last event.

        Raises:
            Unusable: the disk is full.
        """
        self.log.append(RunEnded(ended=datetime.now(UTC), interrupted=self.interrupted))

    @contextmanager
    def phase(self, name: str, detail: str = "") -> Iterator["PhaseNote"]:
        """Record how long a step took and how it ended; a failing step goes on failing."""
        note = PhaseNote(detail=detail)
        started, clock = datetime.now(UTC), time.monotonic()
        outcome: Literal["failed"] | None = None
        try:
            yield note
        except BaseException as problem:
            outcome = "failed"
            note.detail = str(problem) or type(problem).__name__
            raise
        finally:
            self.log.append(
                Phase(
                    name=name,
                    started=started,
                    duration_s=round(time.monotonic() - clock, 3),
                    outcome=outcome or note.outcome,
                    detail=brief(self.log.concealed(note.detail), KEPT),
                )
            )


@dataclass
class PhaseNote:
    """What a step says about itself while it goes on."""

    detail: str = ""
    outcome: Literal["done", "reused", "skipped"] = "done"


def make_folder(output: Path | None, run_id: str) -> RunFolder:
    """The run's own folder: `output` itself, or ``results/<run id>`` below the working directory.

    Its log is there afterwards, and empty.

    Raises:
        Unusable: it cannot be made, or it holds another run already.
    """
    path = output or Path("results") / run_id
    try:
        made = [f for f in reversed([path, *path.parents]) if not f.exists()]
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Unusable(
            f"The folder {path} cannot be made: {problem.strerror}",
            remedy="Name a writable folder with --output",
        ) from problem
    folder = RunFolder(path, made)
    try:
        # Of two runs that begin at the same moment one makes it.
        folder.log.open("xb").close()
    except FileExistsError as problem:
        raise Unusable(
            f"{path} holds the evidence of another run",
            remedy="Name another folder with --output",
        ) from problem
    except OSError as problem:
        folder.discard()
        raise Unusable(
            f"The evidence log {folder.log} cannot be written: {problem.strerror}",
            remedy="Name a writable folder with --output",
        ) from problem
    return folder


def nothing_seen(log: Path) -> bool:
    """Whether a run ended before its first check, with not one step done.

    Raises:
        Unusable: the log cannot be read.
    """
    return not any(
        isinstance(event, CheckFinished | Mutation | CandidateSeen)
        or (isinstance(event, Phase) and event.outcome in ("done", "reused"))
        for event in read(log)
    )
