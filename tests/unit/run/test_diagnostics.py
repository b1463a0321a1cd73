# SPDX-License-Identifier: Apache-2.0
"""What is collected about a check that did not pass."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.run.diagnostics import collect
from mlflow_conformance.target.base import Target

NAMES = Names(
    namespace="mlflow",
    mlflow=MlflowNames(deployment="mlflow", service="mlflow", selector={"app": "mlflow"}),
    runner=RunnerNames(image="-"),
)


@dataclass
class _Target:
    kube: Kube | None
    names: Names = NAMES


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        containers = [{"name": "main"}, {"name": "side"}]
        for name, app, restarts in (("web", "mlflow", 0), ("db", "postgresql", 1)):
            running.have(
                "Pod",
                name,
                metadata={"labels": {"app": app}},
                spec={"containers": containers},
                status={"containerStatuses": [{"name": "main", "restartCount": restarts}]},
            )
        running.logs = {
            ("web", "main"): "one\ntwo hunter2-hunter2\n",
            ("web", "side"): "aside\n",
            ("db", "main"): "crashed\n",
        }
        for at, reason in (("2026-01-01T00:00:02Z", "Killing"), ("2026-01-01T00:00:01Z", "Pulled")):
            running.have(
                "Event",
                reason.lower(),
                lastTimestamp=at,
                type="Normal",
                reason=reason,
                involvedObject={"kind": "Pod", "name": "web"},
                message="it\nwas",
            )
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EvidenceLog]:
    with EvidenceLog(tmp_path / "evidence.jsonl") as made:
        made.conceal("hunter2-hunter2")
        yield made


def _collected(kube: Kube, folder: Path, log: EvidenceLog) -> dict[str, str]:
    name = collect(cast(Target, _Target(kube)), folder, "NET-1", log)
    assert name == "diagnostics/NET-1"
    return {path.name: path.read_text() for path in (folder / name).iterdir()}


def test_everything_that_is_told_of_a_namespace(
    server: ApiServer, log: EvidenceLog, tmp_path: Path
) -> None:
    found = _collected(server.kube(tmp_path), tmp_path, log)
    assert found["mlflow.log"].splitlines() == [
        "[web/main] one", "[web/main] two •••", "[web/side] aside",
    ]  # fmt: skip
    assert found["db-main-previous.log"] == "[db/main] crashed\n"
    assert "# pod\nNAME   AGE\nweb    0\ndb     0\n" in found["overview.txt"]
    assert [line.split()[2] for line in found["events.txt"].splitlines()[1:]] == [
        "Pulled",
        "Killing",
    ]
    assert "kind: Pod" in found["pods.yaml"]


def test_no_credential_of_the_deployment_is_written(
    server: ApiServer, log: EvidenceLog, tmp_path: Path
) -> None:
    uri = "postgresql://mlflow:weak@db/mlflow"
    env = [{"name": "POSTGRES_PASSWORD", "value": "in-plain-sight"}]
    server.have(
        "Pod", "open",
        metadata={"labels": {"app": "mlflow"}, "annotations": {"note": uri}},
        spec={"containers": [{"name": "main", "env": env, "args": ["--store", uri]}]},
        status={"containerStatuses": []},
    )  # fmt: skip
    secret = {"entry": base64.b64encode(b"Generated0Generated0").decode()}
    server.have("Secret", "any", type="Opaque", data=secret)
    server.logs["open", "main"] = f"{uri} in-plain-sight Generated0Generated0 token=weak\n"
    server.have(
        "Event", "failed", lastTimestamp="2026-01-01T00:00:03Z", type="Warning", reason="Failed",
        involvedObject={"kind": "Pod", "name": "open"}, message="--password in-plain-sight",
    )  # fmt: skip
    found = _collected(server.kube(tmp_path), tmp_path, log)
    whole = "".join(found.values())
    assert "POSTGRES_PASSWORD" in whole
    assert "postgresql://mlflow:•••@db/mlflow" in found["mlflow.log"]
    for held in ("weak", "in-plain-sight", "Generated0Generated0", secret["entry"]):
        assert held not in whole


def test_what_cannot_be_had_is_replaced_by_the_reason(
    server: ApiServer, log: EvidenceLog, tmp_path: Path
) -> None:
    server.refuse = {"GET"}
    found = _collected(server.kube(tmp_path), tmp_path, log)
    assert "not to be had: list pod: 403 Forbidden: refused" in found["overview.txt"]
    assert "mlflow.log" not in found
    assert "list secret: 403 Forbidden: refused" in found["hidden.txt"]


def test_without_a_cluster_there_is_nothing_to_tell(log: EvidenceLog, tmp_path: Path) -> None:
    assert collect(cast(Target, _Target(None)), tmp_path, "NET-1", log) is None
