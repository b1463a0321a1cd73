# SPDX-License-Identifier: Apache-2.0
"""The runner's pod as a profile wants it, and what is sent into it."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from pydantic import JsonValue

from mlflow_conformance.config.names import RunnerNames, RunnerPod
from mlflow_conformance.target.own_image import S3_MODULES, files_of
from mlflow_conformance.target.own_pods import HOME, archived, measuring_pod


def pod(**wanted: object) -> RunnerNames:
    """Names of a runner whose pod is wanted so."""
    return RunnerNames(image="mlflow:1", pod=RunnerPod.model_validate(wanted))


def test_the_pod_is_what_the_cluster_asks_for() -> None:
    names = pod(
        pull_secrets=["registry"],
        security_context={"runAsUser": 1000650000, "fsGroup": None},
        node_selector={"pool": "tools"},
        tolerations=[{"key": "tools", "operator": "Exists"}],
        resources={"requests": {"memory": "64Mi"}, "limits": {"cpu": "1"}},
        service_account_annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/reader"},
        annotations={"sidecar.istio.io/inject": "false"},
        labels={"mlflow-client": "true"},
    )
    made = measuring_pod("runner", names, labels={"a": "b"})
    spec = made["spec"]
    assert made["metadata"]["annotations"] == {"sidecar.istio.io/inject": "false"}
    assert made["metadata"]["labels"].items() >= {"a": "b", "mlflow-client": "true"}.items()
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["securityContext"]["runAsUser"] == 1000650000
    assert "fsGroup" not in spec["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["nodeSelector"] == {"pool": "tools"}
    assert {"key": "tools", "operator": "Exists"} in spec["tolerations"]
    assert spec["serviceAccountName"] == "runner"
    assert spec["automountServiceAccountToken"] is False
    container = spec["containers"][0]
    assert container["image"] == "mlflow:1"
    assert container["resources"] == {
        "requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "1Gi", "cpu": "1"},
    }  # fmt: skip


def test_pods_share_nothing_that_one_of_them_was_given() -> None:
    measuring_pod("a", pod(tolerations=[{"key": "tools"}]), labels={})
    assert measuring_pod("b", pod(), labels={})["spec"]["tolerations"] == [
        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
    ]


@pytest.mark.parametrize("value", [{"requests": {"cpu": 1}}, {"limits": "1"}])
def test_amounts_are_text_as_kubernetes_writes_them(value: JsonValue) -> None:
    with pytest.raises(ValueError, match="resources"):
        RunnerPod.model_validate({"resources": value})


_MAKES_A_CLIENT = """
import boto3
client = boto3.client(
    "s3", endpoint_url="http://127.0.0.1:9", region_name="x",
    aws_access_key_id="k", aws_secret_access_key="s",
)
print(boto3.__file__, client.meta.service_model.service_name)
"""


def test_a_client_of_s3_comes_with_all_that_it_needs(tmp_path: Path) -> None:
    size = 0
    for name in S3_MODULES:
        archive = archived(*files_of(name))
        size += len(archive)
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            opened.extractall(tmp_path)
    made = subprocess.run(
        [
            # Neither site-packages nor what is installed for this user.
            sys.executable, "-S", "-s", "-c",
            _MAKES_A_CLIENT,
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.stdout.split() == [str(tmp_path / "boto3" / "__init__.py"), "s3"], made.stderr
    assert size < 12_000_000


def test_what_is_sent_is_below_the_home_of_the_pod() -> None:
    assert HOME == "/work"
    with tarfile.open(fileobj=io.BytesIO(archived(*files_of("six")))) as opened:
        assert opened.getnames() == ["six.py"]
