# SPDX-License-Identifier: Apache-2.0
"""Rounds: many targets in one process, each with a folder, a log and fixtures of its own."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from checkouts import forget_suites
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import Phase
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.run.fixtures.upgrade import LEAVE_ANOTHER
from mlflow_conformance.run.rounds import Round, write
from repository import ROOT

SUITE = """
import pytest
from mlflow_conformance.evidence.case import check

@pytest.fixture(scope="session")
def made(front):
    return []

@check("AAA-1", impact="i", remedy="r")
def test_one(evidence, front, made):
    '''It answers.'''
    made.append(1)
    reply = front.request("GET", "/health")
    evidence.expect("status", "status", reply.status, "==", 200)
    evidence.expect("fixtures", "made anew", len(made), "==", 1)

@check("AAA-2", impact="i", remedy="r")
def test_two(evidence, front):
    '''It answers as well.'''
    evidence.expect("status", "status", front.request("GET", "/health").status, "==", 200)

@check("AAA-3", impact="i", remedy="r")
def test_three(evidence):
    '''Never chosen.'''

@check("AAA-9", impact="i", remedy="r")
def test_nine(evidence):
    '''Never chosen.'''
"""
BREAKS = "{breaks: it breaks, kills: [AAA-1], because: status, by: {proxy: %s}}"
BROKEN = "{rule: break, parameters: {status: 503, path: health}}"

Play = Callable[..., int]


@pytest.fixture
def play(checkout: Path, server: str, tmp_path: Path) -> Play:
    """Plays rounds on the checkout's suites."""
    (checkout / "suites/tracking/test_numbers.py").write_text(dedent(SUITE))
    for name, proxy in (("broken", BROKEN), ("impossible", "{rule: lie}")):
        folder = checkout / "mutants/tracking" / name
        folder.mkdir()
        (folder / "mutant.yaml").write_text(BREAKS % proxy)

    def start(rounds: Sequence[Round], *more: str) -> int:
        write(tmp_path / "rounds.json", rounds)
        checks = dict.fromkeys(i for r in rounds for i in r.checks)
        code = pytest.main(
            [
                str(checkout / "suites"),
                *("--profile", "k3d", "--output", str(tmp_path / "out")),
                *("--tracking-uri", server, f"--rounds={tmp_path / 'rounds.json'}"),
                *(f"--check={i}" for i in checks),
                *(f"--rootdir={checkout}", f"--confcutdir={checkout}", "--import-mode=importlib"),
                *("--disable-plugin-autoload", "-p", "mlflow_conformance.run.plugin"),
                *("-p", "no:cacheprovider", "-p", "no:unraisableexception", "--tb=short", "-q"),
                *more,
            ]
        )
        forget_suites()
        return int(code)

    return start


def verdicts(run: RunVerdict) -> dict[str, str]:
    return {c.id: c.raw.value for c in run.checks}


def test_each_round_has_its_own_target_folder_and_fixtures(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both: dict[str, list[str]] = {"AAA-1": [], "AAA-2": []}
    wanted = [
        Round(folder=tmp_path / "healthy", checks=both),
        Round(folder=tmp_path / "broken", mutant="broken", checks={"AAA-1": []}),
        Round(folder=tmp_path / "again", checks={"AAA-1": []}),
    ]
    assert play(wanted) == 0
    healthy, broken, again = (recorded(r.folder) for r in wanted)
    assert verdicts(healthy) == {"AAA-1": "pass", "AAA-2": "pass"}
    assert verdicts(broken) == {"AAA-1": "fail"}
    assert verdicts(again) == {"AAA-1": "pass"}
    assert [healthy.run.target["mutant"], broken.run.target["mutant"]] == [None, "broken"]
    assert [p.name for p in broken.phases] == ["broken", "put back"]
    assert len({r.run.run_id for r in (healthy, broken, again)}) == 3
    told = capsys.readouterr().err.splitlines()
    assert [sum(r.ended_by(line) for line in told) for r in wanted] == [1, 1, 1]
    assert not (tmp_path / "out").exists()  # nothing was seen outside of the rounds


def test_a_check_ends_when_all_that_decides_it_broke(play: Play, tmp_path: Path) -> None:
    wanted = [
        Round(folder=tmp_path / str(n), mutant="broken", checks={"AAA-1": enough})
        for n, enough in enumerate([["status"], ["status", "fixtures"]])
    ]
    assert play(wanted) == 0
    early, whole = ((recorded(r.folder).checks[0]) for r in wanted)
    assert early.check is not None
    assert whole.check is not None
    assert (early.raw.value, [o.id for o in early.check.observations]) == ("fail", ["status", ""])
    assert early.check.undecided is early.check.error is None
    assert [o.id for o in whole.check.observations] == ["status", "fixtures"]


def test_a_mutant_that_cannot_be_applied_is_told_and_others_go_on(
    play: Play, tmp_path: Path
) -> None:
    wanted = [
        Round(folder=tmp_path / name, mutant=name, checks={"AAA-1": ["status"]})
        for name in ("impossible", "broken")
    ]
    assert play(wanted) == 0
    impossible, broken = (recorded(r.folder) for r in wanted)
    assert impossible.end is not None
    assert "lie" in (impossible.end.interrupted or "")
    assert [p.outcome for p in impossible.phases] == ["failed"]
    assert verdicts(broken) == {"AAA-1": "fail"}


def test_a_round_in_a_folder_of_another_run_ends_all(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/evidence.jsonl").touch()
    assert play([Round(folder=tmp_path / "taken", checks={"AAA-1": []})]) == 3
    assert "holds the evidence of another run" in capsys.readouterr().err


def test_rounds_say_by_themselves_what_each_is_broken_by(
    play: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [Round(folder=tmp_path / "a", checks={"AAA-1": []})]
    assert play(wanted, "--mutant=broken") == 3
    assert "--rounds says what each of them is broken by" in capsys.readouterr().err


def test_a_signal_in_a_round_ends_all_and_puts_everything_back(
    play: Play, checkout: Path, tmp_path: Path
) -> None:
    suite = checkout / "suites/tracking/test_numbers.py"
    text = suite.read_text().replace("import pytest\n", "import os, signal\nimport pytest\n", 1)
    kill = "    made.append(1)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
    suite.write_text(text.replace("    made.append(1)\n", kill))
    wanted = [Round(folder=tmp_path / name, mutant="broken", checks={"AAA-1": []}) for name in "ab"]
    assert play(wanted) == 3
    ended = recorded(tmp_path / "a")
    assert ended.end is not None
    assert ended.end.interrupted == "stopped by a signal"
    assert [(p.name, p.outcome) for p in ended.phases] == [("broken", "done"), ("put back", "done")]
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '[{"folder": "a", "checks": {}}]'])
def test_what_says_no_rounds_is_refused(
    play: Play, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = Round(folder=tmp_path / "a", checks={"AAA-1": []})
    path = tmp_path / "rounds.json"
    original = Path.write_bytes

    def other(self: Path, data: bytes) -> int:
        return original(self, content.encode() if self == path else data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", other)
        assert play([good]) == 3
    assert "says no rounds" in capsys.readouterr().err


def test_every_secret_that_the_run_knows_is_concealed_in_its_rounds(tmp_path: Path) -> None:
    with EvidenceLog(tmp_path / "a") as outer, EvidenceLog(tmp_path / "b") as inner:
        outer.conceal("correct horse")
        inner.conceal_as(outer)
        inner.append(
            Phase.model_validate(
                {"name": "correct horse", "started": "2026-11-30T00:00:00Z", "duration_s": 0,
                 "outcome": "done"}
            )
        )  # fmt: skip
    assert "horse" not in json.dumps([e.model_dump(mode="json") for e in read(tmp_path / "b")])


def test_fixtures_that_leave_another_deployment_are_the_upgrades() -> None:
    source = (ROOT / "suites/upgrade/conftest.py").read_text()
    assert all(f"\ndef {name}(" in source for name in LEAVE_ANOTHER)
