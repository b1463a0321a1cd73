# SPDX-License-Identifier: Apache-2.0
"""Runs an experiment by chaostoolkit and reads what its journal says happened.

chaostoolkit ends with exit code 0 and the status ``completed`` when an action raised, so nothing
here trusts either of them: each activity of the journal is looked at. And a journal is only what
the experiment says of itself; the proof of a fault is taken from the cluster (see
`mlflow_conformance.disruption.proofs`).
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.signals import uninterrupted

# SIGINT alone interrupts an experiment: on SIGTERM an action ends, the next one runs, and the
# journal says completed. A run in the background of a shell hands it on ignored, hence `env`; the
# kernel sends it when we die.
_INTERRUPTED_WITH_US = ("env", "--default-signal=INT", "setpriv", "--pdeathsig", "INT", "--")


@dataclass(frozen=True)
class Activity:
    """One activity as the journal has it.

    Attributes:
        status: ``succeeded`` or ``failed``; empty when it was interrupted.
        problem: the last line of what it raised.
    """

    name: str
    status: str
    started: datetime
    output: Any
    problem: str


@dataclass(frozen=True)
class Journal:
    """What one experiment says of itself.

    Attributes:
        before: the steady state was there before the method; None when it was not looked at.
        after: likewise after it.
        looked: when the look after it ended; None when there was none.
    """

    status: str
    before: bool | None
    after: bool | None
    run: Sequence[Activity]
    rollbacks: Sequence[Activity]
    looked: datetime | None = None

    def output(self, function: str) -> Mapping[str, Any]:
        """What the activity that called this function returned.

        Raises:
            Undecided: it did not run, failed, or returned nothing that can be read.
        """
        found = [a for a in self.run if a.name == function]
        if not found:
            raise Undecided(f"the experiment did not get to {function}")
        last = found[-1]
        if last.status != "succeeded" or not isinstance(last.output, dict):
            raise Undecided(f"{function} did not succeed: {last.problem or last.status}")
        return last.output

    def began(self) -> datetime:
        """When the first action of the method began.

        Raises:
            Undecided: there was none.
        """
        if not self.run:
            raise Undecided("the experiment did nothing")
        return self.run[0].started

    def whole_s(self) -> float | None:
        """From the start of the method until the deployment was seen whole, seconds.

        None when it was not: the method waits for what it broke alone, the look after it for all.
        """
        if not self.run or not self.after or self.looked is None:
            return None
        return (self.looked - self.run[0].started).total_seconds()

    def problems(self) -> list[str]:
        """Why this experiment was not carried out as it is written; empty when it was."""
        found = []
        if self.before is False:
            found.append("the deployment was not whole before the fault")
        if self.status == "interrupted":
            found.append("it was interrupted")
        if not self.run and self.before is not False:
            found.append("no activity ran")
        for what, activities in (("", self.run), ("rollback ", self.rollbacks)):
            found += [
                f"{what}{a.name}: {a.problem or a.status or 'interrupted'}"
                for a in activities
                if a.status != "succeeded"
            ]
        if not self.rollbacks:
            found.append("no rollback ran")
        return found


def run(experiment: Path, scene: Path, folder: Path, *, hold_s: float, timeout_s: float) -> Journal:
    """Run an experiment to its end; when this process is interrupted, to the end of its rollbacks.

    Args:
        folder: gets journal.json and chaostoolkit.log.
        hold_s: how long a fault that must be ended is held, seconds.
        timeout_s: after so many seconds the experiment is interrupted and rolls back.

    Raises:
        Unusable: chaostoolkit is not installed.
        Undecided: there is no journal, so nothing is known of what happened.
    """
    # It works in its own folder, where a path relative to ours would mean another file.
    folder, scene, experiment = folder.resolve(), scene.resolve(), experiment.resolve()
    journal, log = folder / "journal.json", folder / "chaostoolkit.log"
    argv = [
        *_INTERRUPTED_WITH_US, sys.executable, "-m", "chaostoolkit",
        "--no-version-check", "--no-log-file",
        "run", "--rollback-strategy=always", "--journal-path", str(journal),
        "--var", f"scene={scene}", "--var", f"hold_s:float={hold_s}",
        str(experiment),
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(),
            # Ctrl-C reaches this process alone, which then ends the experiment in good order.
            start_new_session=True,
        )
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _interrupt(process, timeout_s)
        finally:
            # Whatever ended the wait: what the experiment broke is put back before this returns.
            if process.poll() is None:
                with uninterrupted():
                    _interrupt(process, timeout_s)
    if not journal.is_file():
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if any("No module named chaostoolkit" in line for line in said):
            raise Unusable(
                "chaostoolkit is not installed",
                remedy="Install it with `pip install 'mlflow-conformance[chaos]'`",
            )
        raise Undecided(f"the experiment left no journal: {ending(' '.join(said[-3:]))}")
    return read(journal)


def read(path: Path) -> Journal:
    """Read a journal.

    Raises:
        Undecided: it is none.
    """
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Undecided(f"the experiment's journal cannot be read: {problem!r}") from problem


def parse(document: Mapping[str, Any]) -> Journal:
    """A journal's document.

    Raises:
        KeyError: a field that every journal has is missing.
    """
    states = document["steady_states"]
    return Journal(
        status=document["status"] or "",
        before=_met(states["before"]),
        after=_met(states["after"]),
        looked=_looked(states["after"]),
        run=[_activity(entry) for entry in document["run"]],
        rollbacks=[_activity(entry) for entry in document["rollbacks"]],
    )


def _met(state: Mapping[str, Any] | None) -> bool | None:
    return None if not state else bool(state["steady_state_met"])


def _looked(state: Mapping[str, Any] | None) -> datetime | None:
    ends = [datetime.fromisoformat(p["end"]) for p in (state or {}).get("probes", []) if "end" in p]
    return max(ends, default=None)


def _activity(entry: Mapping[str, Any]) -> Activity:
    said = "".join(entry.get("exception") or []).strip().splitlines()
    provider = entry["activity"].get("provider") or {}
    return Activity(
        name=provider.get("func") or entry["activity"].get("name", ""),
        status=entry.get("status", ""),
        started=datetime.fromisoformat(entry["start"]),
        output=entry.get("output"),
        problem=said[-1] if said else "",
    )


def _environment() -> dict[str, str]:
    # Settings of the user's own chaostoolkit, its controls above all, do not belong here.
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CHAOSTOOLKIT_")}
    return {**kept, "NO_COLOR": "1"}


def _interrupt(process: "subprocess.Popen[bytes]", patience_s: float) -> None:
    """End an experiment by a signal that it answers with its rollbacks."""
    for sent in (signal.SIGINT, signal.SIGKILL):
        process.send_signal(sent)
        try:
            process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
        return
