# SPDX-License-Identifier: Apache-2.0
"""Every command of the guides is run by a check, or says why not; terminals are honest."""

import shutil
from functools import cache
from pathlib import Path

import pytest
from pydantic import ValidationError

import shipped
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD, Terminal, terminal
from mlflow_conformance.config import assets, guides
from mlflow_conformance.config.guides import Command, Guide
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Undecided

K3D = HelmDeployment(kind="helm", chart="deployment/k3d/mlflow", release="mlflow")
EKS = KustomizeDeployment(kind="kustomize", path="deployment/eks/overlays/kind")


@cache
def commands() -> dict[str, Command]:
    return {
        f"{deployment.kind}-{name}": command
        for deployment in (K3D, EKS)
        for name, command in guides.guide_of(deployment, "mlflow", assets.root()).commands.items()
    }


def test_every_command_is_run_by_a_check_or_says_why_not() -> None:
    known = shipped.checks()
    said = {
        n: known.keys() >= set(c.checks) if c.checks else bool(c.because)
        for n, c in commands().items()
    }
    assert [name for name, enough in said.items() if not enough] == []


def test_what_a_terminal_runs_says_what_it_shows() -> None:
    in_python = ("TRK-8", "BKP-1.manual")  # checks that say in code what they expect
    silent = [
        name
        for name, command in commands().items()
        if command.checks and not command.shows
        if command.program != "python" and not set(command.checks) & {*in_python}
    ]
    assert silent == []


def test_a_command_may_be_run_by_several_checks() -> None:
    said = {"section": "s", "guide": "g", "by": ["TRK-8.snippets", "INT-3"]}
    guide = Guide.model_validate(
        {
            "title": "t",
            "namespace": "n",
            "commands": {"one": said, "other": {**said, "by": "INT-3"}},
        }
    )
    assert list(guide.run_by("INT-3")) == ["one", "other"]
    assert list(guide.run_by("TRK-8.snippets")) == ["one"]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"now": "true", "because": "no check"},
        {"by": [], "now": "true"},
        {"by": "OPS-5", "meanwhile": "true"},
    ],
)
def test_a_command_that_nothing_runs_says_why(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Command.model_validate({"section": "s", "guide": "g", **wrong})


def test_a_guide_of_another_namespace_decides_nothing() -> None:
    with pytest.raises(Undecided, match="namespace mlflow, and this deployment is in prod"):
        guides.guide_of(K3D, "prod", assets.root())
    nowhere = KustomizeDeployment(kind="kustomize", path="profiles")
    with pytest.raises(Undecided, match=r"no commands\.yaml beside profiles"):
        guides.guide_of(nowhere, "mlflow", assets.root())


@pytest.fixture
def prompt(tmp_path: Path) -> Terminal:
    """A terminal without a cluster."""
    return Terminal(tmp_path, {"WORD": "set"})


@pytest.mark.parametrize(
    ("guide", "shows", "said"),
    [
        ("echo a; echo b", "^b$", GOOD),
        ("echo $WORD", "^set$", GOOD),
        ("echo x >&2", "^x$", GOOD),
        ("true", "something", "nothing that it printed matches something"),
        ("echo secret; echo why >&2; exit 3", "secret", "exit code 3: why"),
        ("false | true", "", "exit code 1: it said nothing"),
    ],
)
def test_commands_are_judged(prompt: Terminal, guide: str, shows: str, said: str) -> None:
    command = Command(section="s", guide=guide, by="OPS-5", shows=shows)
    assert prompt.judged(command, within_s=60, watch_s=0.1) == said


def test_a_command_that_does_not_end_is_stopped(prompt: Terminal) -> None:
    command = Command(section="s", guide="sleep 90", by="OPS-5", shows="")
    assert prompt.judged(command, within_s=0.5, watch_s=0.1) == "did not end within 0.5 s"


@pytest.mark.parametrize(
    ("guide", "said"),
    [
        ("echo first; sleep 9", GOOD),
        ("sleep 9", "nothing that it printed matches first"),
        ("echo first", "ended by itself with exit code 0: it said nothing"),
    ],
)
def test_endless_commands_are_stopped(prompt: Terminal, guide: str, said: str) -> None:
    command = Command(section="s", guide=guide, by="OPS-5", shows="first", endless=True)
    assert prompt.judged(command, within_s=9, watch_s=0.5) == said


def test_an_endless_command_ends_with_what_is_run_meanwhile(
    prompt: Terminal, tmp_path: Path
) -> None:
    command = Command(
        section="s",
        guide="exec sleep 3600",
        by="OPS-5",
        shows="^there$",
        endless=True,
        meanwhile="jobs -p >pid; echo there",
    )
    assert prompt.judged(command, within_s=9, watch_s=1) == GOOD
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_program_that_is_missing_decides_nothing(tmp_path: Path) -> None:
    there = shutil.which("true")
    assert there
    kube = Kube(tmp_path / "config", "c", "mlflow", kubectl=there, helm="no-such-helm")
    with pytest.raises(Undecided, match="there is no helm"), terminal(kube, tmp_path, ["helm"]):
        pass
    with terminal(kube, tmp_path, ["kubectl"]) as prompt:
        done = prompt.run("command -v kubectl; stat -c %a $KUBECONFIG", within_s=9)
        assert done.stdout.split()[1] == "600"
        assert "bin/kubectl" in done.stdout
