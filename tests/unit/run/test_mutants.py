# SPDX-License-Identifier: Apache-2.0
"""The run of mutants: killed by a fail alone, and gone on with after an interruption."""

import shutil
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from mlflow_conformance.config import catalogue
from mlflow_conformance.config.families import FOLDERS
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
from mlflow_conformance.run.rounds import Round

VERDICTS = {
    "pass": (1, 1, None), "fail": (2, 1, None), "elsewhere": (1, 2, None), "both": (2, 2, None),
    "unknown": (1, 1, "no way in"),
}  # fmt: skip
"""What a check observes twice where one is promised, and why it is undecided."""


TOOK_S = 7
Gate = dict[str | None, dict[str, str]]


@pytest.fixture
def processes() -> list[list[str]]:
    """For each process that was started, whether it was to use the cluster or to trust it."""
    return []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, processes: list[list[str]]) -> Gate:
    """What the gate would see: verdicts by mutant, None for the healthy target."""
    seen: Gate = {}

    def played(one: Round) -> None:
        one.folder.mkdir()
        now = datetime.now(UTC)
        with EvidenceLog(one.folder / "evidence.jsonl") as log:
            log.append(
                RunStarted(
                    run_id="r", started=now, tool_version="1", command=[], profile="k3d",
                    profile_sha256="", target={}, seed=0,
                    expected=[Expected(id=i, promise="p") for i in one.checks],
                )
            )  # fmt: skip
            for check_id, verdict in seen[one.mutant].items():
                if verdict in VERDICTS:
                    log.append(finished(check_id, now, verdict))
            stopped = "stopped" in seen[one.mutant].values()
            took = timedelta(seconds=TOOK_S)
            log.append(RunEnded(ended=now + took, interrupted="It broke" if stopped else None))

    def lines(argv: Sequence[str], patience: object) -> Generator[str, None, int]:
        del patience
        processes.append([word for word in argv if word in ("--reuse", "--prepared")])
        for one in TypeAdapter(list[Round]).validate_json(
            Path(argv[argv.index("--rounds") + 1]).read_bytes()
        ):
            if one.mutant not in seen:
                yield "mlflow-conformance: There is no cluster. Make one.\n"
                yield "87 deselected in 7 s\n"
                return 3
            played(one)
            if "dies" in seen[one.mutant].values():
                yield "Killed\n"
                return 137
            yield f"[   1.0 s] round ended: {one.folder}\n"
        return 0

    monkeypatch.setattr(gates, "_lines", lines)
    return seen


def finished(check_id: str, now: datetime, verdict: str) -> CheckFinished:
    *observed, undecided = VERDICTS[verdict]
    bound = Bound(op="==", value=1, source="s")
    return CheckFinished(
        id=check_id, title="t", nodeid="n", started=now, duration_s=0, promise="p",
        impact="i", remedy="r", undecided=undecided,
        observations=[
            Observation(id=i, name="n", observed=o, bound=bound)
            for i, o in zip(("two", "three"), observed, strict=True)
        ],
    )  # fmt: skip


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
    assert events[0].duration_s == TOOK_S
    printed = (tmp_path / "out/process-1/output.txt").read_text()
    assert [line.split("/")[-1] for line in printed.splitlines()] == [
        "healthy-aaa", "two-is-three",
    ]  # fmt: skip


def test_a_gate_that_cannot_run_is_told_and_leaves_nothing(
    checkout: Path, tmp_path: Path, gate: Gate
) -> None:
    with pytest.raises(
        Unusable, match=r"could not be run on the healthy target: There is no cluster\. Make one"
    ):
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
def interrupted(checkout: Path, tmp_path: Path, gate: Gate, processes: list[list[str]]) -> Path:
    """A run of two mutants that ended before the second, `zero-is-one`."""
    add_mutant(checkout, "zero-is-one")
    gate.update({None: {"AAA-2": "pass"}, "two-is-three": {"AAA-2": "fail"}})
    with pytest.raises(Unusable, match="could not be run on zero-is-one"):
        run(tmp_path / "out", checkout)
    assert processes == [["--reuse"]]
    return tmp_path / "out"


def test_a_run_is_gone_on_with(checkout: Path, interrupted: Path, gate: Gate) -> None:
    before = (interrupted / "evidence.jsonl").read_bytes()
    del gate["two-is-three"]  # running it again would be no run
    gate["zero-is-one"] = {"AAA-2": "fail"}
    code, events = run(interrupted, checkout, resumes=True)
    assert (code, [e.mutant for e in events]) == (0, ["two-is-three", "zero-is-one"])
    assert (interrupted / "evidence.jsonl.earlier-1").read_bytes() == before
    assert {p.name for p in interrupted.iterdir() if p.is_dir()} == {
        "healthy-aaa", "healthy-aaa.earlier-1", "process-1", "process-1.earlier-1",
        "two-is-three", "zero-is-one",
    }  # fmt: skip
    assert recorded(interrupted).end is not None
    code, events = run(interrupted, checkout, resumes=True)
    assert (code, len(events)) == (0, 2)
    assert not (interrupted / "healthy-aaa.earlier-2").exists()


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
        ("nothing seen", "has seen no mutant"),
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


def test_a_mutant_that_cannot_be_tried_survives_and_the_others_go_on(
    checkout: Path, tmp_path: Path, gate: Gate, processes: list[list[str]]
) -> None:
    add_mutant(checkout, "one-is-two")
    add_mutant(checkout, "zero-is-one")
    gate.update(
        {
            None: {"AAA-2": "pass"},
            "one-is-two": {"AAA-2": "fail", "": "dies"},
            "two-is-three": {"AAA-2": "fail", "": "stopped"},
            "zero-is-one": {"AAA-2": "fail"},
        }
    )
    code, events = run(tmp_path / "out", checkout)
    assert (code, [(e.mutant, e.killed, e.mutated) for e in events]) == (
        1,
        [
            ("one-is-two", False, "unknown"),
            ("two-is-three", False, "unknown"),
            ("zero-is-one", True, "fail"),
        ],
    )
    assert "not be tried to its end: The checks could not be run on one-is-two" in events[0].detail
    assert events[1].detail == "it could not be tried to its end: It broke"
    assert processes == [["--reuse"], ["--reuse"]]
    gate["one-is-two"], gate["two-is-three"] = {"AAA-2": "fail"}, {"AAA-2": "pass"}
    del gate["zero-is-one"]
    code, events = run(tmp_path / "out", checkout, resumes=True)
    assert (code, [(e.mutant, e.killed) for e in events]) == (
        1, [("zero-is-one", True), ("one-is-two", True), ("two-is-three", False)],
    )  # fmt: skip
    gate["two-is-three"] = {"AAA-2": "fail"}  # what is known of one that passed is known
    code, events = run(tmp_path / "out", checkout, resumes=True)
    assert (code, len(events), len(processes)) == (1, 3, 3)


def test_a_mutant_whose_check_has_changed_is_run_again(
    checkout: Path, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FOLDERS, "AAA", "tracking")
    gate.update({None: {"AAA-2": "pass"}, "two-is-three": {"AAA-2": "pass"}})
    assert run(tmp_path / "out", checkout)[0] == 1
    with (checkout / "suites/tracking/test_numbers.py").open("a") as suite:
        suite.write("# other\n")
    gate["two-is-three"] = {"AAA-2": "fail"}
    code, (event,) = run(tmp_path / "out", checkout, resumes=True)
    assert (code, event.killed) == (0, True)


def test_families_are_run_one_after_the_other_with_the_mutants_of_a_check_in_a_row() -> None:
    left = {"c": ["NET-1"], "b": ["TRK-2", "NET-1"], "a": ["TRK-1"], "d": ["TRK-2"]}
    order = ["TRK-1", "NET-1", "TRK-2"]
    families = [list(family.items()) for family in mutation_run.in_rows(left, order)]
    assert families == [
        [("a", ["TRK-1"]), ("d", ["TRK-2"])],
        [("c", ["NET-1"]), ("b", ["TRK-2", "NET-1"])],
    ]
