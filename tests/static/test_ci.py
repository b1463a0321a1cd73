# SPDX-License-Identifier: Apache-2.0
"""The CI files of docs/ci: judged by their linters, and run as far as that goes without GitHub."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import shipped
from mlflow_conformance.cli.command import app
from mlflow_conformance.network_policy.places import places_of
from mlflow_conformance.security import hardening
from mlflow_conformance.stand import images
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from mlflow_conformance.stand.deploy.schemas import problems
from mlflow_conformance.target import rbac
from repository import ROOT

CI = ROOT / "docs" / "ci"
WORKFLOWS = sorted((CI / "github").glob("*.yml"))
GITLAB = CI / "gitlab" / "conformance.gitlab-ci.yml"
KUBERNETES = CI / "kubernetes"
NIGHTLY = KUBERNETES / "nightly.sh"
_CALL = re.compile(r"mlflow-conformance ([a-z]+)((?:[^\n]|(?<=\\)\n|\n +(?=--))*)")


def call(*argv: str | Path) -> tuple[int, str]:
    """Run a program; its exit code and all that it printed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def runs(workflow: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each step of a workflow that runs shell, with its name."""
    for job, about in yaml.safe_load(workflow.read_text())["jobs"].items():
        for step in about["steps"]:
            if "run" in step:
                yield f"{workflow.name} {job} {step['name']}", step


STEPS = dict(each for workflow in WORKFLOWS for each in runs(workflow))


def test_workflows_are_what_github_reads() -> None:
    assert len(WORKFLOWS) == 3
    schema = ("--builtin-schema", "vendor.github-workflows")
    code, said = call(sys.executable, "-m", "check_jsonschema", *schema, *WORKFLOWS)
    assert code == 0, said


def test_workflows_give_nothing_away() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    code, said = call(zizmor, "--offline", "--no-progress", "--quiet", *WORKFLOWS)
    assert code == 0, said


def test_gitlab_reads_its_file() -> None:
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    code, said = call(sys.executable, "-m", "check_jsonschema", *schema, GITLAB)
    assert code == 0, said


@pytest.mark.parametrize("name", STEPS)
def test_steps_are_sound_shell(name: str, tmp_path: Path) -> None:
    script = tmp_path / "step.sh"
    script.write_text(f"#!/bin/bash\n{STEPS[name]['run']}\n")
    code, said = call("shellcheck", "--severity=style", script)
    assert code == 0, said


def commands() -> dict[str, list[str]]:
    """Every call of the command in the files, by where it is: its sub-command and its options."""
    found: dict[str, list[str]] = {}
    for path in sorted(p for p in CI.rglob("*") if p.is_file() and p.suffix != ".yaml"):
        for number, (command, rest) in enumerate(_CALL.findall(path.read_text())):
            words = [command, *re.findall(r"(?<=\s)--[a-z][a-z-]*", rest)]
            found[f"{path.relative_to(CI)} {number} {command}"] = words
    return found


@pytest.mark.parametrize(("where", "words"), commands().items())
def test_the_command_has_what_the_files_ask_of_it(where: str, words: list[str]) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert words[0] in known, where
    options = {option for each in known[words[0]].params for option in each.opts}
    assert set(words[1:]) <= options, where


@pytest.mark.parametrize("name", [name for name in STEPS if name.endswith(" Summary")])
@pytest.mark.parametrize("made", [True, False])
def test_a_summary_is_shown_where_there_is_one(name: str, made: bool, tmp_path: Path) -> None:
    step = STEPS[name]
    assert step["run"].count(" -f ") == 1
    source = re.search(r"-f (\S+) ", step["run"])
    assert source is not None
    if made:
        (tmp_path / source[1]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source[1]).write_text("**pass**\n")
    page = tmp_path / "page"
    page.touch()
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path, env={**os.environ, "GITHUB_STEP_SUMMARY": str(page)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert ("**pass**" in page.read_text()) is made


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What is applied, with a profile as the user adds it."""
    folder = tmp_path_factory.mktemp("gate") / "kubernetes"
    shutil.copytree(KUBERNETES, folder)
    (folder / "mine.yaml").write_text("schema: 1\n")
    return Kustomize(images.build_tools(print, "go.kube").kubectl).render(folder)


def test_an_api_server_would_take_the_objects(objects: list[dict[str, Any]]) -> None:
    assert [str(problem) for problem in problems(objects)] == []
    (config,) = (each for each in objects if each["kind"] == "ConfigMap")
    assert set(config["data"]) == {"kubeconfig", "mine.yaml", "nightly.sh"}
    (job,) = (each for each in objects if each["kind"] == "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    names = [v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v]
    assert names == [config["metadata"]["name"]]


def test_the_pod_is_restricted(objects: list[dict[str, Any]]) -> None:
    (job,) = (each for each in objects if each["kind"] == "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert hardening.violations("gate", pod, seccomp="RuntimeDefault") == []


def test_the_roles_are_those_that_the_command_prints() -> None:
    account = "system:serviceaccount:mlflow-gate:gate"
    written = (KUBERNETES / "rbac.yaml").read_text()
    printed = rbac.text("default", places_of(shipped.profile("k3d")), account)
    assert written.endswith(f"\n{printed}")


STAND_IN = """\
#!/bin/sh
# Stands for the command: a gate that ends with CODE, when it is told to or at once.
echo "$@" >>"$CALLS"
case $1 in
upload) exit "$UPLOAD" ;;
gate)
  for last; do :; done
  mkdir -p "$last"
  echo '**verdict**' >"$last/summary.md"
  [ -z "$LONG" ] || { trap 'exit "$CODE"' TERM; echo started; while :; do sleep 0.05; done; }
  exit "$CODE" ;;
esac
"""


@pytest.fixture
def scene(tmp_path: Path) -> dict[str, str]:
    """The environment of the pod's script, with a command that only says what it was asked."""
    command = tmp_path / "bin" / "mlflow-conformance"
    command.parent.mkdir()
    command.write_text(STAND_IN)
    command.chmod(0o755)
    script = NIGHTLY.read_text()
    for path, name in (("/results/run", "results"), ("/dev/termination-log", "said")):
        script = script.replace(path, str(tmp_path / name))
    (tmp_path / "nightly.sh").write_text(script)
    return {
        **os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"), "CODE": "0", "UPLOAD": "0", "LONG": "",
        "MLFLOW_NAMESPACE": "mlflow", "BUCKET": "s3://reports",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gate", "upload", "ends"),
    [("0", "0", 0), ("1", "0", 1), ("2", "0", 2), ("3", "0", 3), ("0", "3", 3), ("1", "3", 1)],
)
def test_the_pod_ends_as_the_gate_does(
    scene: dict[str, str], tmp_path: Path, gate: str, upload: str, ends: int
) -> None:
    env = {**scene, "CODE": gate, "UPLOAD": upload}
    done = subprocess.run(["sh", tmp_path / "nightly.sh"], env=env, check=False)
    assert done.returncode == ends
    first, second = (tmp_path / "calls").read_text().splitlines()
    assert (tmp_path / "said").read_text() == "**verdict**\n"
    assert first.startswith("gate --profile /config/mine.yaml --kubeconfig /config/kubeconfig")
    assert second == f"upload {tmp_path / 'results'} s3://reports"


def test_a_pod_that_is_stopped_still_keeps_its_reports(
    scene: dict[str, str], tmp_path: Path
) -> None:
    env = {**scene, "CODE": "3", "LONG": "yes"}
    with subprocess.Popen(
        ["sh", tmp_path / "nightly.sh"], env=env, stdout=subprocess.PIPE, text=True
    ) as pod:
        assert pod.stdout is not None
        assert pod.stdout.readline() == "started\n"
        pod.send_signal(signal.SIGTERM)
        assert pod.wait(60) == 3
    assert (tmp_path / "calls").read_text().splitlines()[-1].startswith("upload ")


def test_the_image_needs_no_root() -> None:
    lines = (CI / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 65532:65532"]
