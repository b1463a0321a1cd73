# SPDX-License-Identifier: Apache-2.0
"""Candidates: always the same, told apart where they cannot be, and held against what sees them."""

import random
from pathlib import Path
from typing import Any

import pytest

import shipped
from mlflow_conformance.config.names import Names
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.mutants.candidates import judgements, noticing
from mlflow_conformance.mutants.candidates.candidate import Candidate, candidates, sampled

KNOWN = shipped.checks()
NAMES = Names.model_validate(
    {
        "namespace": "mlflow", "runner": {"namespace": "runner", "image": "r:1"},
        "mlflow": {
            "deployment": "server", "service": "server", "selector": {"app": "server"},
        },
    }
)  # fmt: skip
META = {"namespace": "mlflow"}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "server", **META},
    "spec": {
        "selector": {"matchLabels": {"app": "server"}},
        "template": {
            "metadata": {"labels": {"app": "server"}},
            "spec": {
                "containers": [
                    {
                        "name": "server", "image": "x:1", "args": ["--workers=4"],
                        "envFrom": [{"configMapRef": {"name": "config"}}],
                    }
                ]
            },
        },
    },
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config", **META},
    "data": {"POOL": "5"},
}
BUDGET: dict[str, Any] = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "server", **META},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "server"}}},
}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "migrate", **META},
    "spec": {"backoffLimit": 3, "template": {"spec": {"containers": []}}},
}
MANIFESTS = [DEPLOYMENT, CONFIG, BUDGET, JOB]


def made(manifests: list[dict[str, Any]] = MANIFESTS) -> dict[str, Candidate]:
    found = candidates(manifests, NAMES, KNOWN)
    assert len({c.name for c in found}) == len({c.file for c in found}) == len(found)
    return {c.name: c for c in found}


def test_the_order_of_manifests_makes_no_difference() -> None:
    turned = list(MANIFESTS)
    random.Random(4).shuffle(turned)
    assert list(made(turned)) == list(made())


def test_a_sample_is_drawn_by_its_seed_and_keeps_the_order() -> None:
    everything = list(made().values())
    some = sampled(everything, 5, 7)
    assert some == sampled(everything, 5, 7) != sampled(everything, 5, 8)
    assert some == [c for c in everything if c in some]
    assert sampled(everything, 10_000, 7) == everything


def test_a_job_that_has_run_and_what_nobody_could_put_back_stay() -> None:
    assert not [name for name in made() if name.startswith("job/")]
    stateful = {**DEPLOYMENT, "kind": "StatefulSet"}
    assert "statefulset/server delete" not in made([stateful])
    assert "poddisruptionbudget/server delete" in made()


def test_what_the_schemas_refuse_is_told_apart() -> None:
    found = made()
    assert (
        "'selector' is a required property" in found["deployment/server spec.selector drop"].refused
    )
    assert not found["poddisruptionbudget/server spec.selector widen"].refused


def test_pods_read_a_changed_configmap_and_the_old_one_when_it_is_undone() -> None:
    changes = made()["configmap/config data.POOL half"].breakage.by.objects
    assert [c.kind for c in changes] == ["configmap", "deployment.apps", "configmap"]
    assert changes[0] == changes[2]
    assert changes[0].patch == {"data": {"POOL": "2"}}
    assert "annotations" in str(changes[1].patch)


def test_a_change_is_held_against_the_checks_that_look_there() -> None:
    found = made()
    assert found["poddisruptionbudget/server spec.minAvailable half"].checks == [
        i for i in KNOWN if i in ("DIS-1", *noticing.ALWAYS)
    ]
    workers = found["deployment/server spec.template.spec.containers[server].args drop"].checks
    assert {"OPS-4", "SEC-6", "SEC-1"} <= set(workers)
    assert "BKP-5" not in workers


def test_every_check_that_could_notice_exists() -> None:
    assert set(noticing.named()) <= set(KNOWN)


def test_objects_of_other_namespaces_and_of_none_are_named_so() -> None:
    elsewhere = {**BUDGET, "metadata": {"name": "b", "namespace": "traefik"}}
    change = made([elsewhere])["poddisruptionbudget/traefik/b delete"].breakage.by.objects[0]
    assert (change.name, change.namespace) == ("b", "traefik")


def judge(tmp_path: Path, text: str) -> judgements.Judgements:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return judgements.read(path)


def test_a_judgement_is_about_names_with_a_star_for_any_text(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
harmless:
  - changes: ["deployment/server *env[HOME]*", "x delete"]
    because: nothing of it is read by anybody
""",
    )
    assert found.why("deployment/server spec.env[HOME].value flip") == (
        "nothing of it is read by anybody"
    )
    assert found.why("deployment/server spec.env[HOMES] drop") == ""
    assert found.idle(["deployment/server env[HOME] drop"]) == ["'x delete' is no candidate"]


def test_what_is_judged_twice_is_told(tmp_path: Path) -> None:
    found = judge(
        tmp_path,
        """
harmless:
  - {changes: ["a *"], because: nothing of it is read by anybody}
  - {changes: ["a b"], because: nothing of it is read by anybody}
""",
    )
    assert found.idle(["a b"]) == ["'a b' is judged twice"]


def test_a_judgement_without_a_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="because"):
        judge(tmp_path, "harmless: [{changes: [a], because: ''}]")
