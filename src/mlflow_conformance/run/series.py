# SPDX-License-Identifier: Apache-2.0
"""A run that is a series of gates: its folder, its log, and what it takes over from one before."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from mlflow_conformance import __version__
from mlflow_conformance.config.profile import LoadedProfile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import Event, Expected, RunEnded, RunStarted
from mlflow_conformance.evidence.run import (
    RunFolder,
    command_line,
    make_folder,
    new_run_id,
    nothing_seen,
)
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.report import write_all
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run.resuming import resume
from mlflow_conformance.stand.standing import take_down


@dataclass(frozen=True)
class GateSeries:
    """One run under way.

    Attributes:
        folder: of the run; each gate has one in it.
        log: what has been seen.
        known: what was taken over from the run that this one goes on with.
    """

    folder: RunFolder
    log: EvidenceLog
    known: Sequence[Event]

    def conclude(self) -> int:
        """Write the reports, print the verdict, and return the exit code; the log is closed."""
        verdict = write_all(self.folder.log)
        typer.echo(render(verdict))
        typer.echo(f"report:   {self.folder.path / 'report.html'}")
        return verdict.exit_code


@contextmanager
def series(
    loaded: LoadedProfile,
    output: Path | None,
    *,
    keep: bool,
    resumes: bool,
    taken_over: Callable[[RunVerdict], Sequence[Event]],
) -> Iterator[GateSeries]:
    """A run, from its first line to its last; one that saw nothing leaves nothing.

    Args:
        keep: the cluster stays up afterwards.
        resumes: go on with the run in `output`.
        taken_over: what of an earlier run need not be run again.

    Raises:
        Unusable: there is no folder to write to, or no run to go on with.
    """
    folder, known = _begun(loaded, output, resumes=resumes, taken_over=taken_over)
    with ExitStack() as stack:
        stack.callback(_leave_no_empty, folder)
        log = stack.enter_context(EvidenceLog(folder.log))
        interrupted: str | None = "stopped by a signal"
        try:
            yield GateSeries(folder, log, known)
            interrupted = None
        except Unusable as problem:
            interrupted = str(problem)
            raise
        finally:
            log.append(RunEnded(ended=datetime.now(UTC), interrupted=interrupted))
            if not keep:
                take_down()


def _begun(
    loaded: LoadedProfile,
    output: Path | None,
    *,
    resumes: bool,
    taken_over: Callable[[RunVerdict], Sequence[Event]],
) -> tuple[RunFolder, Sequence[Event]]:
    """The run's folder, with a log that has begun, and what is known from a run before."""
    if not resumes:
        made = make_folder(output, new_run_id())
        with EvidenceLog(made.log) as log:
            log.append(_started(loaded, made.path))
        return made, ()
    if output is None:
        raise Unusable(
            "--resume goes on with a run, and --output names none",
            remedy="Add --output with the folder of that run",
        )
    return resume(output, _started(loaded, output), taken_over)


def _leave_no_empty(folder: RunFolder) -> None:
    if folder.log.exists() and nothing_seen(folder.log):
        folder.discard()


def _started(loaded: LoadedProfile, folder: Path) -> RunStarted:
    return RunStarted(
        run_id=folder.name,
        started=datetime.now(UTC),
        tool_version=__version__,
        command=command_line(),
        profile=loaded.profile.name,
        profile_sha256=loaded.sha256,
        target={"kind": "kind"},
        seed=0,
        expected=list[Expected](),
    )
