# SPDX-License-Identifier: Apache-2.0
"""The credentials of a deployment are kept out of what a run writes."""

import base64
from pathlib import Path

from api_server import ApiServer
from mlflow_conformance.config.names import MlflowNames, Names, RunnerNames
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.target.concealing import keep_out

NAMES = Names(
    namespace="mlflow",
    mlflow=MlflowNames(deployment="mlflow", service="mlflow-server-1", selector={"app": "mlflow"}),
    runner=RunnerNames(image="-"),
)


def test_credentials_are_kept_out_and_words_stay(tmp_path: Path) -> None:
    entries = {
        "a-password": "postgres", "b-password": "hunter2", "c-password": "mlflow-server-1",
        "d-password": "short", "e-password": "12345678",
    }  # fmt: skip
    data = {k: base64.b64encode(v.encode()).decode() for k, v in entries.items()}
    with ApiServer() as server, EvidenceLog(tmp_path / "evidence.jsonl") as log:
        server.have("Secret", "all", type="Opaque", data=data)
        assert keep_out(server.kube(tmp_path), NAMES, log) == []
        said = log.concealed("postgres hunter2 mlflow-server-1 short 12345678")
    assert said == "postgres ••• mlflow-server-1 short 12345678"
