# SPDX-License-Identifier: Apache-2.0
"""chaostoolkit as it really is: what it calls a success, and how it ends when it is told to."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption import toolkit

ACTIONS = """
import json, time
from pathlib import Path

def note(scene, what):
    with Path(scene).open("a") as f:
        f.write(what + "\\n")
    return {"what": what, "at": time.time()}

def fail(scene):
    raise RuntimeError("nothing matched")

def well(scene):
    return True

def unwell(scene):
    return False

def linger(scene):
    note(scene, "lingering")
    time.sleep(60)
"""


def _call(kind: str, func: str, **arguments: str) -> dict[str, Any]:
    return {
        "type": kind,
        "name": func,
        "provider": {
            "type": "python",
            "module": "toolkit_actions",
            "func": func,
            "arguments": {"scene": "${scene}", **arguments},
        },
    }


def _experiment(folder: Path, method: Sequence[dict[str, Any]], state: str = "well") -> Path:
    (folder / "toolkit_actions.py").write_text(ACTIONS)
    path = folder / "experiment.yaml"
    document = {
        "title": "t",
        "description": "d",
        "configuration": {"scene": "", "hold_s": 0},
        "steady-state-hypothesis": {
            "title": "s",
            "probes": [{**_call("probe", state), "tolerance": True}],
        },
        "method": list(method),
        "rollbacks": [_call("action", "note", what="rolled back")],
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def _run(folder: Path, experiment: Path, hold_s: float = 0) -> toolkit.Journal:
    return toolkit.run(experiment, folder / "scene", folder, hold_s=hold_s, timeout_s=60)


def test_what_was_done_is_in_the_journal(folder: Path) -> None:
    held = {**_call("action", "note", what="fault"), "pauses": {"after": "${hold_s}"}}
    found = _run(folder, _experiment(folder, [held, _call("probe", "well")]), hold_s=0.5)
    assert found.problems() == []
    assert (found.status, found.before, found.after) == ("completed", True, True)
    assert found.output("note")["what"] == "fault"
    assert (found.run[1].started - found.run[0].started).total_seconds() >= 0.5
    assert (folder / "scene").read_text() == "fault\nrolled back\n"


def test_a_folder_may_be_relative(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `--output`'s default is."""
    monkeypatch.chdir(folder)
    made = Path("made")
    made.mkdir()
    experiment = _experiment(Path(), [_call("action", "note", what="fault")])
    found = toolkit.run(experiment, Path("scene"), made, hold_s=0, timeout_s=60)
    assert found.problems() == []
    assert (folder / "scene").read_text() == "fault\nrolled back\n"


def test_an_action_that_raises_is_no_success(folder: Path) -> None:
    """chaostoolkit ends with 0, `completed` and not deviated."""
    found = _run(folder, _experiment(folder, [_call("action", "fail")]))
    assert found.status == "completed"
    assert "nothing matched" in "".join(found.problems())
    with pytest.raises(Undecided, match="nothing matched"):
        found.output("fail")
    assert (folder / "scene").read_text() == "rolled back\n"


def test_a_deployment_that_is_not_whole_is_left_alone(folder: Path) -> None:
    experiment = _experiment(folder, [_call("action", "note", what="fault")], state="unwell")
    found = _run(folder, experiment)
    assert found.before is False
    assert found.problems()
    assert "fault" not in (folder / "scene").read_text()
    with pytest.raises(Undecided):
        found.began()


def test_no_journal_no_knowledge(folder: Path) -> None:
    path = folder / "experiment.yaml"
    path.write_text("title: [")
    with pytest.raises(Undecided, match="no journal"):
        _run(folder, path)


def test_time_is_over(folder: Path) -> None:
    experiment = _experiment(folder, [_call("action", "linger")])
    found = toolkit.run(experiment, folder / "scene", folder, hold_s=0, timeout_s=6)
    assert found.status == "interrupted"
    assert found.problems()[0] == "it was interrupted"
    assert (folder / "scene").read_text() == "lingering\nrolled back\n"


@pytest.mark.parametrize(
    ("sent", "ignored"),
    [
        (signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGKILL, False),
        # As in the background of a shell.
        (signal.SIGTERM, True), (signal.SIGKILL, True),
    ],
)  # fmt: skip
def test_whatever_ends_the_caller_the_fault_is_taken_back(
    folder: Path, sent: int, ignored: bool
) -> None:
    """At once: an action that was to come after the one that was interrupted does not run."""
    after = _call("action", "note", what="the next fault")
    experiment = _experiment(folder, [_call("action", "linger"), after])
    script = (
        "from pathlib import Path; from mlflow_conformance.core.signals import ending_once\n"
        "from mlflow_conformance.disruption import toolkit\n"
        f"p = Path({str(folder)!r})\n"
        "with ending_once():\n"
        f"    toolkit.run(Path({str(experiment)!r}), p / 'scene', p, hold_s=0, timeout_s=60)\n"
    )
    ignoring = ["env", "--ignore-signal=INT"] if ignored else []
    caller = subprocess.Popen([*ignoring, sys.executable, "-c", script], env=dict(os.environ))
    _wait_for(folder / "scene", "lingering")
    time.sleep(0.2)
    caller.send_signal(sent)
    caller.wait(30)
    _wait_for(folder / "scene", "rolled back")
    assert (folder / "scene").read_text() == "lingering\nrolled back\n"


def _wait_for(path: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while not (path.is_file() and text in path.read_text()):
        assert time.monotonic() < deadline, f"{path} does not say {text!r}"
        time.sleep(0.05)


def test_an_interrupted_entry_has_no_status() -> None:
    entry = {"activity": {"name": "x"}, "start": "2026-11-23T00:00:00+00:00"}
    document = {
        "status": "interrupted",
        "steady_states": {"before": {"steady_state_met": True}, "after": None},
        "run": [entry],
        "rollbacks": [],
    }
    found = toolkit.parse(document)
    assert found.after is None
    assert found.problems() == ["it was interrupted", "x: interrupted", "no rollback ran"]


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "j").write_text(json.dumps({"status": "completed"}))
    with pytest.raises(Undecided, match="cannot be read"):
        toolkit.read(tmp_path / "j")
