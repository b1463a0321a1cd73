# SPDX-License-Identifier: Apache-2.0
"""What a guide's program is run from: nothing stays in braces, and how its pod tells its end."""

from typing import Any

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.stand import guide_program
from mlflow_conformance.stand.client import SECRET
from mlflow_conformance.stand.temporary import parts_of

FOLDER = assets.asset("deployment/kind/program")
WORDS: dict[str, Any] = {
    "programs": "a",
    "program labels": {"app": "orchestrator"},
    "image": "mlflow:1",
    "program": "print({})",
    "line": "python $PROGRAM",
    "wheels": {"one.whl": "UEs="},
}
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
PARTS = {t["kind"]: t for name in FILES for t in parts_of(FOLDER / name, WORDS)}


def test_every_file_is_installed() -> None:
    assert sorted([guide_program._NAMESPACE, guide_program._IN_NAMESPACE]) == FILES


def test_the_program_and_its_line_are_as_they_are_written() -> None:
    config, pod = PARTS["ConfigMap"], PARTS["Pod"]
    (container,) = pod["spec"]["containers"]
    assert PARTS["Namespace"]["metadata"]["name"] == "a"
    assert pod["metadata"] == {"name": guide_program._POD, "labels": {"app": "orchestrator"}}
    assert (config["data"], config["binaryData"]) == (
        {"program.py": "print({})"},
        {"one.whl": "UEs="},
    )
    assert container["command"] == ["sh", "-c", "python $PROGRAM"]
    assert container["envFrom"] == [{"secretRef": {"name": SECRET}}]
    assert {c["image"] for c in [container, *pod["spec"]["initContainers"]]} == {"mlflow:1"}


def pod(*, containers: list[dict[str, Any]], init: list[dict[str, Any]] | None = None) -> Any:
    found = [{"name": "c", "state": state} for state in containers]
    begins = [{"name": "i", "state": state} for state in init or []]
    return {"status": {"containerStatuses": found, "initContainerStatuses": begins}}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"terminated": {"exitCode": 0}}, 0),
        ({"terminated": {"exitCode": 3}}, 3),
        ({"running": {}}, None),
    ],
)
def test_a_pod_tells_how_its_program_ended(state: dict[str, Any], code: int | None) -> None:
    assert guide_program.exit_code(pod(containers=[state])) == code


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (
            pod(
                containers=[{"waiting": {"reason": "PodInitializing"}}],
                init=[{"waiting": {"reason": "ErrImagePull", "message": "no such image"}}],
            ),
            "ErrImagePull: no such image",
        ),
        ({"status": {"phase": "Pending", "reason": "Evicted"}}, "Evicted"),
        ({}, "its node has not seen it"),
    ],
)
def test_a_program_that_did_not_start_shows_nothing(seen: Any, said: str) -> None:
    with pytest.raises(Undecided, match=said):
        guide_program.exit_code(seen)
