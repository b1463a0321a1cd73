# SPDX-License-Identifier: Apache-2.0
"""Objects of a cluster without the credentials in them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.concealed import held_credentials, shown
from mlflow_conformance.core.credentials import Hiding

_URI = "postgresql://mlflow:hunter2-plain@db/mlflow"
_CONTAINER: dict[str, Any] = {
    "name": "main",
    "command": ["mlflow", "server", "--admin-password", "hunter2-option"],
    "args": ["sh", "-c", f"PGPASSWORD=hunter2-script mlflow server --backend-store-uri {_URI}"],
    "env": [
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "hunter2-variable"},
        {"name": "MLFLOW_WORKERS", "value": "4"},
        {"name": "ENCODED", "valueFrom": {"secretKeyRef": {"name": "odd", "key": "entry"}}},
        {"name": "SIGNING_KEY", "valueFrom": {"secretKeyRef": {"name": "odd", "key": "entry"}}},
    ],
    "readinessProbe": {
        "httpGet": {"httpHeaders": [{"name": "Authorization", "value": "Basic hunter2-header"}]}
    },
}
_SPEC = {"containers": [_CONTAINER]}


def _encoded(**entries: str) -> dict[str, str]:
    return {k: base64.b64encode(v.encode()).decode() for k, v in entries.items()}


def test_a_pod_is_shown_without_what_it_says_itself() -> None:
    applied = json.dumps({"kind": "Pod", "spec": _SPEC})
    notes = {"kubectl.kubernetes.io/last-applied-configuration": applied, "note": _URI}
    item = {"kind": "Pod", "metadata": {"name": "web", "annotations": notes}, "spec": _SPEC}
    hiding = Hiding()
    safe = shown(item, hiding)
    assert "hunter2" not in json.dumps(safe)
    assert safe["spec"]["containers"][0]["env"][1:] == _CONTAINER["env"][1:]
    assert hiding.found == {
        "hunter2-plain", "hunter2-option", "hunter2-script", "hunter2-variable", "Basic",
        "hunter2-header",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_entries_are_hidden(kind: str) -> None:
    ini = "[mlflow]\nadmin_password = hunter2\nadmin_username = admin\n"
    entries = {"password": "hunter2", "auth.ini": ini}
    item = {"kind": kind, "metadata": {"name": "auth"}, "data": entries}
    text = json.dumps(shown(item, Hiding()))
    assert "hunter2" not in text
    assert ("admin_username = admin" in text) is (kind == "ConfigMap")


def test_an_annotation_that_cannot_be_read_is_hidden_whole() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "{broken hunter2"}
    item = {"kind": "Pod", "metadata": {"name": "web", "annotations": notes}}
    assert "hunter2" not in json.dumps(shown(item, Hiding()))


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer() as running:
        running.have("Pod", "web", metadata={"labels": {}}, spec=_SPEC)
        template = {"spec": {"containers": [{"env": [{"name": "API_KEY", "value": "of-a-job"}]}]}}
        running.have("Job", "migration", spec={"template": template})
        running.have("ConfigMap", "auth", data={"auth.ini": "admin_password = of-a-configmap"})
        running.have("Secret", "odd", type="Opaque", data=_encoded(entry="signed-with-this"))
        running.have(
            "Secret", "idle", type="Opaque",
            data=_encoded(password="of-a-secret", user="nobody", blob="aB3" * 9, pg=_URI),
        )  # fmt: skip
        running.have("Secret", "helm", type="helm.sh/release.v1", data=_encoded(token="release"))
        yield running


def test_all_that_a_namespace_holds_is_known(server: ApiServer, tmp_path: Path) -> None:
    found, unread = held_credentials(server.kube(tmp_path))
    assert unread == []
    assert found >= {
        "hunter2-variable", "of-a-job", "of-a-configmap", "of-a-secret", "signed-with-this",
        "aB3" * 9, "hunter2-plain",
    }  # fmt: skip
    assert not found & {"nobody", "release"}


def test_what_may_not_be_read_is_told(server: ApiServer, tmp_path: Path) -> None:
    server.refuse = {"GET"}
    found, unread = held_credentials(server.kube(tmp_path))
    assert found == set()
    assert [line.partition(": ")[0] for line in unread] == [
        "list pod", "list deployment", "list configmap", "list secret",
    ]  # fmt: skip
