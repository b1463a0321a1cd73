# SPDX-License-Identifier: Apache-2.0
"""benchmarks/gate.py: what the time of gates went to, and how much faster one became."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import CheckFinished, Event, Spent

LOGS = Path(__file__).parents[1] / "data"
SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gate.py"

Told = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs the script: its exit code, the lines that it printed, and what it complained of."""

    def run(*arguments: str | Path) -> tuple[int, list[str], str]:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        said = capsys.readouterr()
        return int(str(ended.value.code)), said.out.splitlines(), said.err

    return run


def _changed(path: Path, change: Callable[[CheckFinished], CheckFinished]) -> Path:
    """The healthy run with other records of its checks."""
    events: list[Event] = [
        change(e) if isinstance(e, CheckFinished) else e for e in read(LOGS / "healthy.jsonl")
    ]
    path.write_text("".join(e.model_dump_json() + "\n" for e in events), encoding="utf-8")
    return path


def test_half_the_time_is_a_ratio_of_a_half(tmp_path: Path, told: Told) -> None:
    slow = _changed(
        tmp_path / "slow.jsonl",
        lambda check: check.model_copy(update={"duration_s": 2 * check.duration_s + 1}),
    )
    fast = _changed(
        tmp_path / "fast.jsonl",
        lambda check: check.model_copy(update={"duration_s": check.duration_s + 0.5}),
    )
    code, lines, _ = told(fast, "--against", slow, slow)
    assert code == 0
    (whole,) = [line for line in lines if line.split()[1:2] == ["checks"]]
    assert whole.split()[-1] == "0.50"
    assert {line.split()[3] for line in lines[1:-3]} == {"0.50"}


def test_what_a_check_waited_for_is_told(tmp_path: Path, told: Told) -> None:
    spent = Spent(setup_s=1, call_s=2, waited_s={"rollout": 1.5, "pod ready": 2.5})
    log = _changed(tmp_path / "log.jsonl", lambda check: check.model_copy(update={"spent": spent}))
    code, lines, _ = told(log)
    assert code == 0
    assert all(line.endswith("pod ready 2.5, rollout 1.5") for line in lines[1:-3])


def test_a_check_that_broke_off_is_no_faster(tmp_path: Path, told: Told) -> None:
    first = next(e.id for e in read(LOGS / "healthy.jsonl") if isinstance(e, CheckFinished))
    broken = _changed(
        tmp_path / "broken.jsonl",
        lambda check: check.model_copy(update={"undecided": "no"}) if check.id == first else check,
    )
    _, lines, _ = told(broken, "--against", LOGS / "healthy.jsonl")
    assert first not in {line.split()[0] for line in lines}


def test_a_run_that_was_killed_has_no_time(told: Told) -> None:
    code, lines, problem = told(LOGS / "crashed.jsonl")
    assert (code, lines) == (3, [])
    assert "came to its end" in problem
