# SPDX-License-Identifier: Apache-2.0
"""Mutants: read strictly, applied to what was made here alone, and killed by a fail alone."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.config import catalogue
from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.config.placeholders import filled, placeholders
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import (
    Bound,
    CheckFinished,
    Expected,
    Mutation,
    Observation,
    RunEnded,
    RunStarted,
)
from mlflow_conformance.mutants import mutant as mutation
from mlflow_conformance.mutants.mutant import By, Mutant, MutantSpec
from mlflow_conformance.run import mutants as mutation_run

NAMES = Names(
    namespace="ml",
    mlflow=MlflowNames(deployment="server", service="mlflow", selector={"a": "b"}, pdb="budget"),
    runner=RunnerNames(image="i"),
)


def test_names_in_braces_stand_for_the_profiles() -> None:
    words = placeholders(NAMES)
    value = {"{deployment}": ["{pdb} of {namespace}", 1, None, "{unknown} ${x} {{service}}"]}
    assert filled(value, words) == {"server": ["budget of ml", 1, None, "{unknown} ${x} {mlflow}"]}


def test_a_name_that_the_profile_lacks_stays_as_it_is() -> None:
    assert filled("{hpa}", placeholders(NAMES)) == "{hpa}"


@pytest.mark.parametrize(
    "by",
    [
        {},
        {"objects": []},
        {"objects": [{}], "proxy": {"rule": "r"}},
        {"proxy": {"rule": "r"}, "files": [{"path": "p", "find": "f", "put": ""}]},
    ],
)
def test_a_mutant_does_exactly_one_thing(by: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        By.model_validate(by)


def mutant(name: str, *kills: str) -> Mutant:
    by = By.model_validate({"proxy": {"rule": "lie"}})
    return Mutant(name, MutantSpec(breaks="something", kills=list(kills), because="one", by=by))


MUTANTS = {m.name: m for m in (mutant("a", "X-1"), mutant("b", "X-1", "X-2"), mutant("c", "X-3"))}


@pytest.mark.parametrize(
    ("only", "found"),
    [
        ([], "a: X-1; b: X-1 X-2; c: X-3"),
        (["b"], "b: X-1 X-2"),
        (["X-1"], "a: X-1; b: X-1"),
        (["X-2", "c"], "b: X-2; c: X-3"),
        (["X-2", "b"], "b: X-1 X-2"),
        (["c", "X-3"], "c: X-3"),
        (["X"], "a: X-1; b: X-1 X-2; c: X-3"),
    ],
)
def test_mutants_are_chosen_by_name_or_by_check(only: list[str], found: str) -> None:
    chosen = mutation_run.chosen(MUTANTS, only, {"X-1": 0})
    assert "; ".join(f"{name}: {' '.join(m.spec.kills)}" for name, m in chosen.items()) == found


def test_a_word_that_names_nothing_is_refused() -> None:
    with pytest.raises(Unusable, match=r"There is no mutant 'X-4', nor a check .*, did you mean"):
        mutation_run.chosen(MUTANTS, ["X-4"], {"X-1": 0, "X-3": 0})


CHART = HelmDeployment(kind="helm", chart="deployment/k3d/mlflow", release="mlflow")
OVERLAY = KustomizeDeployment(kind="kustomize", path="deployment/eks/overlays/kind")


@pytest.mark.parametrize(
    ("path", "chart", "overlay"),
    [("k3d/mlflow/values.yaml", True, False), ("eks/base/jobs.yaml", False, True)],
)
def test_a_mutant_of_files_is_about_the_deployment_that_has_them(
    path: str, chart: bool, overlay: bool
) -> None:
    by = By.model_validate({"files": [{"path": path, "find": "a", "put": "b"}]})
    spec = MutantSpec(breaks="something", kills=["X-1"], because="one", by=by)
    assert mutation_run.breaks(spec, CHART) is chart
    assert mutation_run.breaks(spec, OVERLAY) is overlay
    assert mutation_run.breaks(spec, None)
    assert mutation_run.breaks(mutant("a", "X-1").spec, OVERLAY)


VERDICTS = {"pass": (1, None), "fail": (2, None), "unknown": (1, "no way in")}
"""What a check observes where one is promised, and why it is undecided."""


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> dict[str | None, dict[str, str]]:
    """What the gate would see: verdicts by mutant, None for the healthy target."""
    seen: dict[str | None, dict[str, str]] = {}

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
                observed, undecided = VERDICTS[verdict]
                bound = Bound(op="==", value=1, source="s")
                seen_by_it = Observation(id="two", name="n", observed=observed, bound=bound)
                log.append(
                    CheckFinished(
                        id=check_id, title="t", nodeid="n", started=now, duration_s=0, promise="p",
                        impact="i", remedy="r", undecided=undecided, observations=[seen_by_it],
                    )
                )  # fmt: skip
            log.append(RunEnded(ended=now))
        return 0, "what it printed"

    monkeypatch.setattr(mutation_run, "_finished", finished)
    return seen


def run(folder: Path, checkout: Path) -> tuple[int, list[Mutation]]:
    known = catalogue.read(checkout / "suites")
    code = mutation_run.run(
        mutation.read_all(checkout / "mutants", known),
        profile="k3d", tier="gate", keep=True, reuse=True, output=folder,
    )  # fmt: skip
    return code, [e for e in read(folder / "evidence.jsonl") if isinstance(e, Mutation)]


@pytest.mark.parametrize(
    ("healthy", "mutated", "killed", "code"),
    [
        ("pass", "fail", True, 0),
        ("pass", "pass", False, 1),
        ("pass", "unknown", False, 1),
        ("pass", "silent", False, 1),
        ("fail", "fail", False, 1),
        ("unknown", "fail", False, 1),
        ("silent", "fail", False, 1),
    ],
)
def test_a_kill_is_a_pass_and_then_a_fail(
    checkout: Path,
    tmp_path: Path,
    gate: dict[str | None, dict[str, str]],
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
    checkout: Path, tmp_path: Path, gate: dict[str | None, dict[str, str]]
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
