# SPDX-License-Identifier: Apache-2.0
"""The run of candidates: noticed, unnoticed, judged harmless, told apart, and gone on with."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from mlflow_conformance.evidence.model import (
    Bound,
    CandidateSeen,
    CheckFinished,
    Fate,
    Observation,
    RunStarted,
)
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged, Verdict, judge, judge_check
from mlflow_conformance.mutants.candidates.candidate import Candidate
from mlflow_conformance.mutants.mutant import Breakage, find
from mlflow_conformance.run import candidates as candidates_run
from mlflow_conformance.run import gates
from mlflow_conformance.run.processes import PlayedRound, Processes
from mlflow_conformance.run.rounds import Round

CHECKS = ["AAA-1", "AAA-2"]
STARTED = RunStarted(
    run_id="r", started=datetime.now(UTC), tool_version="1", command=[], profile="k3d",
    profile_sha256="", target={}, seed=0, expected=[],
)  # fmt: skip


def candidate(name: str, refused: str = "") -> Candidate:
    by = {"objects": [{"kind": "pdb", "name": "p", "action": "delete"}]}
    breakage = Breakage.model_validate({"breaks": f"{name} is other", "by": by})
    return Candidate(name, breakage, CHECKS, refused)


def judged(check_id: str, observed: int | None) -> Judged:
    record = CheckFinished(
        id=check_id, title="t", nodeid="n", started=datetime.now(UTC), duration_s=0, promise="p",
        impact="i", remedy="r", undecided="blind" if observed is None else None,
        observations=[
            Observation(
                id="one", name="n", observed=observed or 1, bound=Bound(op="==", value=1, source="")
            )
        ],
    )  # fmt: skip
    verdict, reason = judge_check(record)
    return Judged(check_id, "p", verdict, verdict, reason, record, None)


Seen = dict[str, dict[str, int | None]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the checks observe on each candidate, 1 being good and None nothing at all."""
    found: Seen = {}

    def checks_of(breaks: str, ids: Iterable[str]) -> list[Judged]:
        return [judged(i, found[breaks].get(i, 1)) for i in ids]

    def verdicts(
        folder: Path, profile: str, tier: str, ids: Sequence[str], *, reuse: bool
    ) -> dict[str, Judged]:
        del folder, profile, tier, reuse
        return {c.id: c for c in checks_of("healthy", ids)}

    def play(processes: Processes, rounds: Sequence[Round]) -> Iterator[PlayedRound]:
        del processes
        for one in rounds:
            breaks = find(one.mutant or "", {}).breaks.removesuffix(" is other")
            stopped = None if breaks in found else "There is no cluster"
            checks = checks_of(breaks, one.checks) if stopped is None else []
            records = [c.check for c in checks if c.check]
            yield PlayedRound(one, judge([STARTED, *records]), stopped)

    def foreseen(profile: str, left: Sequence[Candidate]) -> dict[str, tuple[Fate, str]]:
        del profile
        return {c.name: ("refused" if c.refused else "tried", c.refused) for c in left}

    monkeypatch.setattr(gates, "verdicts", verdicts)
    monkeypatch.setattr(Processes, "play", play)
    monkeypatch.setattr(candidates_run, "_foreseen", foreseen)
    found["healthy"] = {}
    return found


def run(
    folder: Path, chosen: Sequence[Candidate], *, resumes: bool = False
) -> tuple[int, list[CandidateSeen]]:
    code = candidates_run.run(
        chosen, profile="k3d", tier="gate", keep=True, reuse=True, output=folder, resumes=resumes
    )
    return code, list(recorded(folder).candidates)


@pytest.mark.usefixtures("checkout")
def test_a_change_that_a_check_fails_on_is_noticed_and_others_are_left_to_judge(
    tmp_path: Path, seen: Seen, capsys: pytest.CaptureFixture[str]
) -> None:
    seen.update({"a b drop": {"AAA-2": 2}, "a c drop": {}, "a d drop": {"AAA-1": None}})
    chosen = [candidate(n) for n in (*list(seen)[1:], "a e drop")][:3]
    code, events = run(tmp_path / "out", [*chosen, candidate("a r drop", "it is required")])
    assert code == 1
    assert [c.name for c in recorded(tmp_path / "out").unnoticed] == ["a c drop", "a d drop"]
    assert events[0].checks["AAA-2"].broke == ["one"]
    assert (events[3].fate, events[3].detail) == ("refused", "it is required")
    said = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 generated changes noticed (33 %), 2 unnoticed; not tried: 1 refused" in said
    left = yaml.safe_load((tmp_path / "out" / "unjudged.yaml").read_text("utf-8"))
    assert [e["changes"] for e in left["harmless"]] == [["a c drop"], ["a d drop"]]


def judge_harmless(checkout: Path, name: str) -> None:
    folder = checkout / "mutants" / "generated"
    folder.mkdir()
    entry = {"changes": [name], "because": "nothing reads what is there"}
    (folder / "k3d.yaml").write_text(yaml.safe_dump({"harmless": [entry]}), encoding="utf-8")


def test_what_is_judged_harmless_is_no_failure(checkout: Path, tmp_path: Path, seen: Seen) -> None:
    judge_harmless(checkout, "a *")
    seen["a b drop"] = {}
    code, (event,) = run(tmp_path / "out", [candidate("a b drop")])
    assert (code, event.harmless) == (0, "nothing reads what is there")
    assert not (tmp_path / "out" / "unjudged.yaml").exists()


def test_a_run_is_gone_on_with_and_judged_anew(checkout: Path, tmp_path: Path, seen: Seen) -> None:
    seen["a b drop"] = {}
    assert run(tmp_path / "out", [candidate("a b drop")])[0] == 1
    del seen["a b drop"]  # running it again would be no run
    judge_harmless(checkout, "a b drop")
    seen["a c drop"] = {"AAA-1": 2}
    chosen = [candidate("a b drop"), candidate("a c drop")]
    code, events = run(tmp_path / "out", chosen, resumes=True)
    assert (code, [e.name for e in events]) == (0, ["a b drop", "a c drop"])


@pytest.mark.usefixtures("checkout")
def test_a_candidate_that_no_gate_survives_is_told_and_the_others_go_on(
    tmp_path: Path, seen: Seen
) -> None:
    seen["a c drop"] = {"AAA-1": 2}
    code, events = run(tmp_path / "out", [candidate("a b drop"), candidate("a c drop")])
    assert [(e.fate, len(e.checks)) for e in events] == [("stopped", 0), ("tried", 2)]
    assert code == 1
    assert recorded(tmp_path / "out").verdict is Verdict.FAIL


@pytest.mark.usefixtures("checkout")
def test_a_check_that_is_not_sound_when_healthy_notices_nothing(tmp_path: Path, seen: Seen) -> None:
    seen["healthy"] = {"AAA-2": 2}
    seen["a b drop"] = {"AAA-2": 2}
    code, _ = run(tmp_path / "out", [candidate("a b drop")])
    assert code == 1
