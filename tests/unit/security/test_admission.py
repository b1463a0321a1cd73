# SPDX-License-Identifier: Apache-2.0
"""Pods that break one rule each, and what an API server says of them."""

import copy
from collections.abc import Mapping
from typing import Any, cast

import pytest

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.security import hardening
from mlflow_conformance.security.admission import RULES, ask, pod_of

TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "mlflow"}, "creationTimestamp": None},
    "spec": {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {"name": "sidecar", "image": "s:1"},
            {
                "name": "mlflow",
                "image": "m:1",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            },
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
}
POD_SECURITY = '403 Forbidden: pods "p" is forbidden: violates PodSecurity "restricted:latest": it'


class Server:
    """Answers as it is told, by what hardening finds in a pod beyond the template's."""

    def __init__(self, drops: str = "", status: int | None = 403, knows: bool = True) -> None:
        self.drops, self.status, self.knows = drops, status, knows
        self.asked: list[Mapping[str, Any]] = []

    def create(self, pod: Mapping[str, Any], *, dry_run: bool) -> Mapping[str, Any]:
        assert dry_run
        self.asked.append(pod)
        made = copy.deepcopy(dict(pod))
        for container in made["spec"]["containers"]:
            container.get("securityContext", {}).pop(self.drops, None)
        if self.knows and pod["spec"] != TEMPLATE["spec"] and made == pod:
            raise KubeFailed(POD_SECURITY, status=self.status, reason="Forbidden")
        return made


def _ask(server: Server, level: str = "restricted") -> Any:
    return ask(cast(Kube, server), TEMPLATE, "mlflow", level)


def test_each_rule_is_offered_and_the_template_as_it_is() -> None:
    answers = _ask(Server())
    assert answers.conforming == "admitted"
    assert list(answers.refused) == list(RULES)
    assert (answers.admitted, answers.otherwise) == ([], {})


def test_baseline_has_fewer_rules() -> None:
    server = Server()
    refused = _ask(server, "baseline").refused
    assert {"privileged", "host network"} <= set(refused)
    assert "runAsNonRoot" not in refused
    assert len(server.asked) == len(refused) + 1


def test_what_is_admitted_is_told() -> None:
    assert list(_ask(Server(knows=False)).admitted) == list(RULES)


def test_a_field_that_the_server_leaves_out_is_no_breach() -> None:
    answers = _ask(Server(drops="procMount"))
    assert "procMount" not in [*answers.refused, *answers.admitted]
    assert "leaves it out" in answers.otherwise["procMount"]


def test_no_answer_is_none() -> None:
    with pytest.raises(KubeFailed):
        _ask(Server(status=None))


@pytest.mark.parametrize("name", RULES)
def test_a_pod_breaks_its_rule_and_the_template_stays(name: str) -> None:
    before = copy.deepcopy(TEMPLATE)
    pod = pod_of(TEMPLATE, "mlflow", RULES[name])
    assert before == TEMPLATE
    assert pod["metadata"]["labels"] == {"app": "mlflow"}
    own = {
        **pod["spec"],
        "containers": [c for c in pod["spec"]["containers"] if "securityContext" in c],
    }
    assert hardening.violations("pod", own, seccomp="RuntimeDefault")
