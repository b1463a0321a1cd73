# SPDX-License-Identifier: Apache-2.0
"""What KServe is installed from: nothing stays in braces, and its parts fit each other."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.config.names import S3Names
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.integrations import serving as models
from mlflow_conformance.stand import serving
from mlflow_conformance.stand.images import load_pins
from mlflow_conformance.stand.temporary import parts_of

FOLDER = assets.asset("deployment/kind/serving")
WORDS: dict[str, Any] = {
    **dict.fromkeys(load_pins().on_demand["serving"].images, "i:1"),
    serving._SOURCE: (FOLDER / serving._SOURCE).read_text(),
    "traefik": "traefik:1",
    "image": "mlflow:1",
    "serving": "s",
    "namespace": "n",
    "runner labels": {"access": "true"},
    "store pods": {"app": "store"},
    "webhooks": serving._ASKED,
    "gateway": serving._GATEWAY,
    "authority": "YQ==",
}
LATER = {
    "model": "m",
    "source": "s3://b/k",
    "stable": "old",
    "canary": "new",
    "stable weight": 900,
    "canary weight": 100,
    "registering": "r",
    "experiment": "1",
    "registered": "m",
    "lessons": "[[0.5]]",
}
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
PARTS = [thing for name in FILES for thing in parts_of(FOLDER / name, {**WORDS, **LATER})]
DOOR = {"access_key": "reader", "secret_key": "hidden"}


def texts(value: Any) -> list[str]:
    match value:
        case dict():
            return [text for v in value.values() for text in texts(v)]
        case list():
            return [text for v in value for text in texts(v)]
        case _:
            return [value] if isinstance(value, str) else []


def only(kind: str, name: str) -> dict[str, Any]:
    [found] = [t for t in PARTS if t["kind"] == kind and t["metadata"]["name"] == name]
    return found


def bucket(**more: str) -> Bucket:
    return Bucket(LocalInside({}), {"bucket": "b", **DOOR, **more}, "p/")


class Secrets:
    """The one Secret that is read; there is no cluster."""

    def secret(self, name: str) -> dict[str, str]:
        return {"tls.crt": f"certificate of {name}"}


def test_every_file_is_installed() -> None:
    told = (serving._NAMESPACE, serving._RIGHTS, serving._WEBHOOKS, serving._STORE)
    later = (models._MODEL, models._ROUTE, models._REGISTER)
    assert sorted([*told, *serving._IN_NAMESPACE, *later]) == FILES


def test_nothing_stays_in_braces() -> None:
    left = [t for t in texts(PARTS) if re.fullmatch(r"\{[a-z .-]+\}", t)]
    assert left == []
    assert all("{" not in t for thing in PARTS for t in texts(thing.get("metadata")))


def test_weights_are_numbers() -> None:
    [rule] = only("HTTPRoute", "models")["spec"]["rules"]
    assert [ref["weight"] for ref in rule["backendRefs"]] == [900, 100]


def test_what_kserve_is_told_of_itself_is_json() -> None:
    told = only("ConfigMap", "inferenceservice-config")["data"]
    read = {key: json.loads(text) for key, text in told.items()}
    assert read["deploy"]["defaultDeploymentMode"] == "Standard"
    assert read["storageInitializer"]["image"] == "i:1"


def test_kserve_is_asked_where_it_listens_and_about_the_models_alone() -> None:
    service = only("Service", serving._ASKED)
    assert [p["port"] for p in service["spec"]["ports"]] == [443]
    hooks = [
        hook
        for thing in PARTS
        if thing["kind"].endswith("WebhookConfiguration")
        for hook in thing["webhooks"]
    ]
    assert len(hooks) == 3
    for hook in hooks:
        asked = hook["clientConfig"]["service"]
        assert (asked["name"], asked["namespace"]) == (serving._ASKED, "s")
        assert hook["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "s"}


def test_the_gateway_listens_where_its_route_is_and_its_service_leads() -> None:
    [listener] = only("Gateway", "models")["spec"]["listeners"]
    [container] = only("Deployment", "gateway")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert f"--entrypoints.web.address=:{listener['port']}" in container["args"]
    assert ports["web"] == listener["port"]
    [port] = only("Service", serving._GATEWAY)["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "web")


def test_models_are_fetched_by_the_account_of_the_bucket() -> None:
    store = S3Names(endpoint="https://store:9000", bucket="b", region="r", ca_secret="tls")
    authority, secret = serving.bucket_account(_kube(), store, bucket())
    account = only("ServiceAccount", "models")
    assert account["secrets"] == [{"name": secret["metadata"]["name"]}]
    about = secret["metadata"]["annotations"]
    assert about["serving.kserve.io/s3-endpoint"] == "https://store:9000"
    assert about["serving.kserve.io/s3-cabundle-configmap"] == authority["metadata"]["name"]
    file = Path(about["serving.kserve.io/s3-cabundle"]).name
    assert authority["data"] == {file: "certificate of tls"}
    assert secret["stringData"] == {
        "AWS_ACCESS_KEY_ID": "reader",
        "AWS_SECRET_ACCESS_KEY": "hidden",
    }


def test_a_bucket_without_a_certificate_needs_no_authority() -> None:
    store = S3Names(endpoint="http://store:9000", bucket="b")
    [secret] = serving.bucket_account(_kube(), store, bucket())
    assert "serving.kserve.io/s3-cabundle" not in secret["metadata"]["annotations"]


def test_keys_of_a_session_are_not_taken() -> None:
    store = S3Names(endpoint="http://store:9000", bucket="b")
    with pytest.raises(Undecided, match="session token"):
        serving.bucket_account(_kube(), store, bucket(session_token="t"))


def test_kinds_of_other_controllers_are_left_out(tmp_path: Path) -> None:
    kserve, gateway = tmp_path / "kserve", tmp_path / "gateway"
    files = {
        kserve / "files/config/crd/minimal/serving.kserve.io_inferenceservices.yaml": "one",
        kserve / "files/config/crd/minimal/kustomization.yaml": "list",
        kserve / "files/config/crd/minimal/clusterstoragecontainer"
        "/serving.kserve.io_clusterstoragecontainers.yaml": "two",
        kserve / "files/config/crd/minimal/llmisvc"
        "/serving.kserve.io_llminferenceservices.yaml": "other",
        gateway / "files/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml": "three",
    }
    for path, name in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{{kind: CustomResourceDefinition, metadata: {{name: {name}}}}}")
    found = serving.definitions({"go.kserve": kserve, "go.gateway-api": gateway})
    assert {thing["metadata"]["name"] for thing in found} == {"one", "two", "three"}


def test_the_program_that_registers_is_one() -> None:
    ast.parse(WORDS[serving._SOURCE])


def _kube() -> Kube:
    return Secrets()  # type: ignore[return-value]
