# SPDX-License-Identifier: Apache-2.0
"""Going on with a run of mutants that was interrupted.

A log is append-only and tells one run, so the run that goes on has a log of its own: it begins
with what it takes over. What the earlier one wrote, and is in the way, stays beside it under
another name.
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import Event, RunStarted
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.run import RunFolder
from mlflow_conformance.evidence.verdict import RunVerdict


def resume(
    path: Path, started: RunStarted, taken_over: Callable[[RunVerdict], Sequence[Event]]
) -> tuple[RunFolder, Sequence[Event]]:
    """The folder of an earlier run with a new log, and what that log took over.

    Args:
        started: the new run.
        taken_over: what of the earlier run the new one need not see again.

    Raises:
        Unusable: there is no earlier run, it was held against another profile, it has seen
            nothing, or the disk is full; the folder is as it was then.
    """
    earlier = recorded(path)
    remedy = "Leave --resume out and name another folder"
    if earlier.run.profile_sha256 != started.profile_sha256:
        raise Unusable(f"The run in {path} was held against another profile", remedy=remedy)
    known = taken_over(earlier)
    if not (earlier.mutations or earlier.candidates):
        raise Unusable(f"The run in {path} has seen no mutant", remedy=remedy)
    folder = RunFolder(path, [])
    new = folder.log.with_name(f".{folder.log.name}.new")
    try:
        new.unlink(missing_ok=True)
        with EvidenceLog(new) as log:
            log.append(started)
            for event in known:
                log.append(event)
        shutil.copyfile(folder.log, _free(folder.log))
        new.replace(folder.log)
    except OSError as problem:
        raise Unusable(
            f"The run in {path} cannot be gone on with: {problem.strerror}",
            remedy="Make room or make the folder writable",
        ) from problem
    return folder, known


def set_aside(path: Path) -> None:
    """Give what an earlier run wrote there another name, if it wrote there.

    Raises:
        Unusable: it cannot be renamed.
    """
    try:
        if path.exists():
            path.rename(_free(path))
    except OSError as problem:
        raise Unusable(
            f"{path} cannot be renamed: {problem.strerror}", remedy="Make its folder writable"
        ) from problem


def _free(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.earlier-{n}") for n in count(1))
    return next(name for name in names if not name.exists())
