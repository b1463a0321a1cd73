# SPDX-License-Identifier: Apache-2.0
"""Operators make every single change of a manifest that could matter, and no other."""

from typing import Any

import pytest

from mlflow_conformance.mutants.candidates.operators import edits
from mlflow_conformance.mutants.candidates.places import Place, below
from mlflow_conformance.mutants.candidates.texts import text_edits
from mlflow_conformance.mutants.candidates.values import others

POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "server", "labels": {"app": "x"}},
    "spec": {
        "podSelector": {"matchLabels": {"app": "server"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"app": "a", "tier": "b"}}},
                    {"ipBlock": {"cidr": "10.0.0.0/8"}},
                ],
                "ports": [{"port": 5432, "protocol": "TCP"}],
            }
        ],
    },
}


def said(manifest: dict[str, Any], *selected: str) -> dict[str, str]:
    return {f"{e.place.words} {e.operator}": e.says for e in edits(manifest, selected)}


def test_every_rule_of_a_policy_is_dropped_and_every_selector_widened() -> None:
    found = said(POLICY)
    assert found["spec.ingress drop"] == "is removed"
    assert "spec.ingress[0].from drop" in found
    assert "spec.ingress[0].from[0] drop" in found
    assert "spec.ingress[0].from[0].podSelector widen" in found
    assert "spec.ingress[0].from[0].podSelector.matchLabels.tier drop" in found
    assert "spec.ingress[0].ports drop" in found
    assert "spec.podSelector widen" in found
    assert found["spec.ingress[0].from[1].ipBlock.cidr widen"] == (
        "is 0.0.0.0/0 in place of 10.0.0.0/8"
    )
    assert found["spec.egress loosen"] == "is set to [{}]"


def test_what_is_alone_in_a_part_is_not_dropped_again() -> None:
    found = said(POLICY)
    # Without its only rule, port or label the part above is as good as gone.
    assert "spec.ingress[0] drop" not in found
    assert "spec.ingress[0].ports[0] drop" not in found
    assert "spec.podSelector.matchLabels.app drop" not in found


def test_names_and_labels_that_nobody_selects_stay() -> None:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "n",
            "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "team": "x",
                "access": "true",
            },
        },
    }
    assert set(said(namespace, "access")) == {
        "metadata.labels[pod-security.kubernetes.io/enforce] drop",
        "metadata.labels[pod-security.kubernetes.io/enforce] other",
        "metadata.labels.access drop",
        "metadata.labels.access flip",
    }
    assert not [change for change in said(POLICY) if change.startswith("metadata")]


WORKLOAD: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "server"},
    "spec": {
        "replicas": 2,
        "template": {
            "metadata": {"labels": {"app": "server", "chart": "1"}},
            "spec": {
                "automountServiceAccountToken": False,
                "containers": [
                    {
                        "name": "server",
                        "image": "x:1",
                        "args": ["server", "--workers=4", "--port=5000", "--hosts=a,b"],
                        "env": [
                            {"name": "SIZE", "value": "5"},
                            {"name": "KEY", "valueFrom": {"secretKeyRef": {"key": "k"}}},
                        ],
                        "ports": [{"containerPort": 5000}],
                        "securityContext": {"runAsUser": 10, "runAsNonRoot": True},
                        "resources": {"limits": {"memory": "1Gi"}},
                    }
                ],
            },
        },
    },
}


def test_a_workload_loses_arguments_variables_and_limits_and_is_loosened() -> None:
    found = said(WORKLOAD, "app")
    box = "spec.template.spec.containers[server]"
    assert found[f"{box}.args[--workers] half"] == "is --workers=2 in place of --workers=4"
    assert found[f"{box}.args[--hosts] widen"] == "is --hosts=* in place of --hosts=a,b"
    assert f"{box}.args[--port] half" not in found
    assert f"{box}.args[server] drop" in found
    assert {f"{box}.env[SIZE] drop", f"{box}.env[SIZE].value double"} <= set(found)
    assert f"{box}.env[KEY] drop" in found
    assert not [change for change in found if "valueFrom" in change]
    assert found[f"{box}.securityContext loosen-root"] == "has runAsUser 0 and runAsNonRoot False"
    assert found[f"{box}.securityContext.runAsNonRoot flip"] == "is False in place of True"
    assert f"{box}.securityContext.runAsUser half" not in found
    assert found[f"{box}.resources.limits.memory half"] == "is 0.5Gi in place of 1Gi"
    assert "spec.template.spec.hostNetwork loosen" in found
    assert "spec.template.metadata.labels.app drop" in found
    assert "spec.template.metadata.labels.chart drop" not in found
    assert found["spec.replicas half"] == "is 1 in place of 2"


def test_a_change_is_a_json_patch_and_the_manifest_that_it_makes() -> None:
    (edit,) = [
        e for e in edits(POLICY, []) if e.place.words.endswith("podSelector.matchLabels.tier")
    ]
    pointer = "/spec/ingress/0/from/0/podSelector/matchLabels/tier"
    assert edit.patch == [{"op": "remove", "path": pointer}]
    assert edit.applied(POLICY)["spec"]["ingress"][0]["from"][0] == {
        "podSelector": {"matchLabels": {"app": "a"}}
    }
    assert "tier" in POLICY["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]


def test_a_key_is_set_whether_or_not_kubernetes_kept_it() -> None:
    found = {e.place.words: e.patch for e in edits(WORKLOAD, []) if e.operator in ("half", "flip")}
    assert found["spec.replicas"] == [{"op": "add", "path": "/spec/replicas", "value": 1}]
    (args,) = [patch for words, patch in found.items() if words.endswith("args[--workers]")]
    assert args[0]["op"] == "replace"  # to add to a list is to insert


def test_a_pointer_escapes_what_json_patches_give_a_meaning() -> None:
    assert Place().to("a/b").to("c~d").pointer == "/a~1b/c~0d"


def test_items_go_by_their_names_where_these_are_their_own() -> None:
    items = [{"name": "a"}, {"name": "b"}, {"name": "b"}, "--x=1", 7]
    assert [place.words for place, _ in below(items, Place().to("list"))] == [
        "list[a]", "list[1]", "list[2]", "list[--x]", "list[4]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (True, {"flip": False}),
        ("off", {"flip": "on"}),
        (0, {"one": 1}),
        (3, {"half": 1, "double": 6}),
        ("250m", {"half": "125m", "double": "500m"}),
        ("0.9", {"half": "0.45", "double": "1.8"}),
        (
            "--timeout 95 --log x",
            {"half": "--timeout 47 --log x", "double": "--timeout 190 --log x"},
        ),
        ("Forbid", {"other": "Allow"}),
        ("0 2 * * *", {}),
        ("http://minio:9000", {}),
        ("10.0.0.1", {}),
        ("3.17.2", {}),
        ("text", {}),
    ],
)
def test_what_a_value_may_be_in_its_place(value: Any, made: dict[str, Any]) -> None:
    assert dict(others(value)) == made


def test_settings_of_files_are_changed_line_by_line_and_programs_are_not() -> None:
    config = {
        "kind": "ConfigMap",
        "data": {
            "pg.conf": "# a comment\nfsync = on\n\nmax = 100 # most\n",
            "pg_hba.conf": "hostssl all all all scram-sha-256\n",
            "run.py": "x = 1\n",
            "POOL_SIZE": "5",
        },
    }
    found = {f"{e.place.words} {e.operator}": e.new for e in text_edits(config)}
    assert found["data[pg.conf].fsync drop"] == "# a comment\n\nmax = 100 # most\n"
    assert found["data[pg.conf].fsync flip"] == ("# a comment\nfsync = off\n\nmax = 100 # most\n")
    assert found["data[pg.conf].max half"] == "# a comment\nfsync = on\n\nmax = 50 # most\n"
    line = "data[pg_hba.conf][hostssl all all all scram-sha-256]"
    assert found[f"{line} loosen-trust"] == "hostssl all all all trust\n"
    assert found[f"{line} loosen-host"] == "host all all all scram-sha-256\n"
    assert found["data.POOL_SIZE drop"] is None
    assert found["data.POOL_SIZE double"] == "10"
    assert not [change for change in found if "run.py" in change]


def test_a_secret_loses_keys_and_no_value_is_made_up() -> None:
    secret = {"kind": "Secret", "stringData": {"password": "8"}}
    assert [(e.key, e.operator, e.new) for e in text_edits(secret)] == [("password", "drop", None)]
