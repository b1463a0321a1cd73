# SPDX-License-Identifier: Apache-2.0
"""The run of mutants: killed by a fail alone, and gone on with after an interruption."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlflow_conformance.config import catalogue
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Expected,
    Mutation,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.mutants import mutant as mutation
from mlflow_conformance.run import gates
from mlflow_conformance.run import mutants as mutation_run

VERDICTS = {
    "pass": (1, 1, None), "fail": (2, 1, None), "elsewhere": (1, 2, None), "both": (2, 2, None),
    "unknown": (1, 1, "no way in"),
}  # fmt: skip
"""What a check observes twice where one is promised, and why it is undecided."""


Gate = dict[str | None, dict[str, str]]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """What the gate would see: verdicts by mutant, None for the healthy target."""
    seen: Gate = {}

    def finished(argv: Sequence[str], *, within_s: float) -> tuple[int, str]:
        folder = Path(argv[argv.index("--output") + 1])
        name = argv[argv.index("--mutant") + 1] if "--mutant" in argv else None
        if name not in seen:
            return 3, "mlflow-conformance: There is no cluster. Make one.\n87 deselected in 7 s\n"
        folder.mkdir()
        now = datetime.now(UTC)
        with EvidenceLog(folder / "evidence.jsonl") as log:
            log.append(
                RunStarted(
                    run_id="r", started=now, tool_version="1", command=[], profile="k3d",
                    profile_sha256="", target={}, seed=0,
                    expected=[Expected(id=i, promise="p") for i in seen[name]],
                )
            )  # fmt: skip
            for check_id, verdict in seen[name].items():
                if verdict == "silent":
                    continue
                *observed, undecided = VERDICTS[verdict]
                bound = Bound(op="==", value=1, source="s")
                observations = [
                    Observation(id=i, name="n", observed=o, bound=bound)
                    for i, o in zip(("two", "three"), observed, strict=True)
                ]
                log.append(
                    CheckFinished(
                        id=check_id, title="t", nodeid="n", started=now, duration_s=0, promise="p",
                        impact="i", remedy="r", undecided=undecided, observations=observations,
                    )
                )  # fmt: skip
            log.append(RunEnded(ended=now))
        return 0, "what it printed"

    monkeypatch.setattr(gates, "_finished", finished)
    return seen


def run(
    folder: Path | None, checkout: Path, *, resumes: bool = False
) -> tuple[int, list[Mutation]]:
    known = catalogue.read(checkout / "suites")
    code = mutation_run.run(
        mutation.read_all(checkout / "mutants", known),
        profile="k3d", tier="gate", keep=True, reuse=True, output=folder, resumes=resumes,
    )  # fmt: skip
    assert folder is not None
    return code, list(recorded(folder).mutations)


@pytest.mark.parametrize(
    ("healthy", "mutated", "killed", "code"),
    [
        ("pass", "fail", True, 0),
        ("pass", "pass", False, 1),
        ("pass", "unknown", False, 1),
        ("pass", "silent", False, 1),
        ("pass", "elsewhere", False, 1),
        ("fail", "fail", False, 1),
        ("unknown", "fail", False, 1),
        ("silent", "fail", False, 1),
    ],
)
def test_a_kill_is_a_pass_and_then_a_fail(
    checkout: Path,
    tmp_path: Path,
    gate: Gate,
    healthy: str,
    mutated: str,
    killed: bool,
    code: int,
) -> None:
    gate.update({None: {"AAA-2": healthy}, "two-is-three": {"AAA-2": mutated}})
    seen, events = run(tmp_path / "out", checkout)
    assert [(e.mutant, e.check, e.killed) for e in events] == [("two-is-three", "AAA-2", killed)]
    assert seen == code
    for part in ("healthy", "two-is-three"):
        assert (tmp_path / "out" / part / "output.txt").read_text() == "what it printed"


def test_a_gate_that_cannot_run_is_told_and_leaves_nothing(
    checkout: Path, tmp_path: Path, gate: Gate
) -> None:
    with pytest.raises(Unusable, match=r"could not be run: There is no cluster\. Make one"):
        run(tmp_path / "out", checkout)
    assert not (tmp_path / "out").exists()


def test_no_mutant_of_an_expected_check_is_refused(checkout: Path, tmp_path: Path) -> None:
    (checkout / "mutants/tracking/two-is-three/mutant.yaml").write_text(
        "{breaks: three is two, kills: [AAA-3], because: one, by: {proxy: {rule: lie}}}"
    )
    with pytest.raises(Unusable, match="No mutant is about a check that k3d expects in the tier"):
        run(tmp_path / "out", checkout)
    assert not (tmp_path / "out").exists()


def test_a_kill_by_another_observation_is_none(
    checkout: Path, tmp_path: Path, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.update({None: {"AAA-2": "pass"}, "two-is-three": {"AAA-2": "elsewhere"}})
    _, (event,) = run(tmp_path / "out", checkout)
    assert (event.because, event.broke, event.bounded) == (["two"], ["three"], ["two", "three"])
    assert event.detail.startswith("two did not break; what broke is three: n: 2")
    said = " ".join(capsys.readouterr().out.split())
    assert "AAA-2: fail, SURVIVED: two did not break" in said
    assert "of 2 observations with a bound in 1 check, 0 shown to be able to break" in said


def test_every_observation_of_a_list_must_break(
    checkout: Path, tmp_path: Path, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout / "mutants/tracking/two-is-three/mutant.yaml"
    path.write_text(path.read_text().replace("because: two", "because: [two, three]"))
    gate.update({None: {"AAA-2": "pass"}, "two-is-three": {"AAA-2": "fail"}})
    _, (half,) = run(tmp_path / "half", checkout)
    assert (half.because, half.broke, half.killed) == (["two", "three"], ["two"], False)
    assert half.detail.startswith("three did not break; what broke is two: n: 2")
    gate["two-is-three"] = {"AAA-2": "both"}
    _, (whole,) = run(tmp_path / "whole", checkout)
    assert (whole.broke, whole.killed) == (["two", "three"], True)
    said = " ".join(capsys.readouterr().out.split())
    assert "AAA-2: fail, killed by two, three" in said
    assert "of 2 observations with a bound in 1 check, 2 shown to be able to break" in said


def add_mutant(checkout: Path, name: str) -> None:
    folder = checkout / "mutants" / "tracking" / name
    folder.mkdir()
    (folder / "mutant.yaml").write_text(
        f"{{breaks: {name} breaks, kills: [AAA-2], because: two, by: {{proxy: {{rule: lie}}}}}}"
    )


@pytest.fixture
def interrupted(checkout: Path, tmp_path: Path, gate: Gate) -> Path:
    """A run of two mutants that ended before the second, `zero-is-one`."""
    add_mutant(checkout, "zero-is-one")
    gate.update({None: {"AAA-2": "pass"}, "two-is-three": {"AAA-2": "fail"}})
    with pytest.raises(Unusable, match="could not be run on zero-is-one"):
        run(tmp_path / "out", checkout)
    return tmp_path / "out"


def test_a_run_is_gone_on_with(checkout: Path, interrupted: Path, gate: Gate) -> None:
    before = (interrupted / "evidence.jsonl").read_bytes()
    del gate["two-is-three"]  # running it again would be no run
    gate["zero-is-one"] = {"AAA-2": "fail"}
    code, events = run(interrupted, checkout, resumes=True)
    assert (code, [e.mutant for e in events]) == (0, ["two-is-three", "zero-is-one"])
    assert (interrupted / "evidence.jsonl.earlier-1").read_bytes() == before
    assert {p.name for p in interrupted.iterdir() if p.is_dir()} == {
        "healthy", "healthy.earlier-1", "two-is-three", "zero-is-one",
    }  # fmt: skip
    assert recorded(interrupted).end is not None
    code, events = run(interrupted, checkout, resumes=True)
    assert (code, len(events)) == (0, 2)
    assert not (interrupted / "healthy.earlier-2").exists()


def test_a_mutant_that_has_changed_is_run_again(
    checkout: Path, interrupted: Path, gate: Gate
) -> None:
    add_mutant(checkout, "one-is-two")
    gate.update({n: {"AAA-2": "fail"} for n in ("one-is-two", "zero-is-one")})
    run(interrupted, checkout, resumes=True)
    path = checkout / "mutants/tracking/two-is-three/mutant.yaml"
    path.write_text(path.read_text().replace("because: two", "because: three"))
    gate["two-is-three"] = {"AAA-2": "elsewhere"}
    code, events = run(interrupted, checkout, resumes=True)
    assert code == 0
    assert [(e.mutant, e.because) for e in events] == [
        ("one-is-two", ["two"]), ("zero-is-one", ["two"]), ("two-is-three", ["three"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no such folder", "cannot be read: No such file"),
        ("another profile", "was held against another profile"),
        ("nothing seen", "has seen none of these mutants"),
        ("not named", "--resume goes on with a run, and --output names none"),
    ],
)
def test_what_cannot_be_gone_on_with_stays_as_it_is(
    checkout: Path, interrupted: Path, gate: Gate, name: str, told: str
) -> None:
    if name == "no such folder":
        shutil.rmtree(interrupted)
    if name == "another profile":
        (checkout / "profiles/k3d.yaml").open("a").write("# another word")
    if name == "nothing seen":
        log = interrupted / "evidence.jsonl"
        log.write_bytes(log.read_bytes().split(b"\n")[0] + b"\n")
    before = sorted(interrupted.rglob("*"))
    with pytest.raises(Unusable, match=told):
        run(interrupted if name != "not named" else None, checkout, resumes=True)
    assert sorted(interrupted.rglob("*")) == before
