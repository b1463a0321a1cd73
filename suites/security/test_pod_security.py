# SPDX-License-Identifier: Apache-2.0
"""SEC-1: how little the deployment's pods may do."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod, running_in
from mlflow_conformance.cluster.templates import earlier_templates, templates
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import admission, hardening, processes
from mlflow_conformance.security.thresholds import Restricted
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL

_STANDARD = "Pod Security Standard restricted"


@check(
    "SEC-1",
    impact="A flaw in MLflow or a library gives an attacker more of the node than it has to.",
    remedy="Give every container the securityContext that the violation names, and the namespace "
    "the label pod-security.kubernetes.io/enforce: restricted.",
    writes=("cluster",),
)
def test_pods_are_restricted(evidence: Evidence, target: Target, kube: Kube) -> None:
    """Every pod runs without root, capabilities and a writable root, and admission keeps it so.

    Preconditions: the deployment's pods run.
    Steps: read every pod and pod template, also those that a rollback would bring back; look at the
    processes of every container from inside; read the namespace's label; offer the API server a
    pod of MLflow's template, and one for each rule of the standard that breaks it (dry run).
    Expected: no violation; the kernel confirms it; the pod of MLflow's template is admitted and
    each of the others refused.
    """
    row = evidence.row(Restricted)
    pods = [p for p in kube.pods({}) if p.labels.get(OWNER_LABEL) != OWNER]
    if not any(target.names.mlflow.selector.items() <= p.labels.items() for p in pods):
        evidence.undecided("no pod of MLflow exists")
    specs = [(f"pod {p.name}", p.raw["spec"]) for p in pods]
    found = [
        said
        for where, spec in [*specs, *templates(kube), *earlier_templates(kube)]
        for said in hardening.violations(where, spec, seccomp=row.seccomp)
    ]
    evidence.note("pods read", [p.name for p in pods], door="kubernetes")
    evidence.expect(
        "violations", "violations", found, "==", [], door="kubernetes", source=_STANDARD
    )

    _expect_admission(evidence, row, target, kube)
    for where, inside in _inside(evidence, target, kube, pods).items():
        _expect_no_root(evidence, where, inside)


def _expect_no_root(evidence: Evidence, where: str, inside: processes.ContainerInside) -> None:
    seen = inside.processes
    evidence.expect(
        "process.user", f"{where}: lowest user", min(p.uid for p in seen), ">=", 1, door="inside"
    )
    evidence.expect(
        "process.group", f"{where}: lowest group", min(p.gid for p in seen), ">=", 1, door="inside"
    )
    evidence.expect(
        "process.groups", f"{where}: processes in root's group besides",
        sorted({p.name for p in seen if 0 in p.groups}), "==", [], door="inside",
        source="proc(5)",
    )  # fmt: skip
    kinds = {(p.effective, p.bounding, p.seccomp, p.no_new_privileges) for p in seen}
    evidence.expect(
        "process",
        f"{where}: processes",
        [
            {
                "effective": effective,
                "bounding": bounding,
                "seccomp": seccomp,
                "no_new_privileges": no_new_privileges,
            }
            for effective, bounding, seccomp, no_new_privileges in sorted(kinds)
        ],
        "==",
        [{"effective": "0" * 16, "bounding": "0" * 16, "seccomp": 2, "no_new_privileges": 1}],
        door="inside",
        source="proc(5)",
    )
    evidence.expect(
        "process.root-write", f"{where}: writing into the root directory", inside.root_write,
        "==", "Read-only file system", door="inside",
    )  # fmt: skip


def _expect_admission(evidence: Evidence, row: Restricted, target: Target, kube: Kube) -> None:
    labels = kube.get("namespace", kube.namespace)["metadata"].get("labels", {})
    evidence.expect(
        "admission.level",
        "enforced Pod Security level",
        labels.get("pod-security.kubernetes.io/enforce", "none"),
        "==",
        row.pod_security,
        door="kubernetes",
    )
    names = target.names.mlflow
    template = kube.get(names.kind, names.deployment)["spec"]["template"]
    answers = admission.ask(kube, template, names.container, row.pod_security)
    evidence.note("pods refused for other reasons", answers.otherwise, door="kubernetes")
    if answers.conforming == "admitted" or admission.REFUSED in answers.conforming:
        evidence.expect(
            "admission.conforming", "a pod of MLflow's template (dry run)", answers.conforming,
            "==", "admitted", door="kubernetes", source=_STANDARD,
        )  # fmt: skip
    else:
        # Such as a quota that is used up: that says nothing about the standard.
        evidence.note("a pod of MLflow's template (dry run)", answers.conforming)
    evidence.expect(
        "admission.admitted", "rules whose breach is admitted (dry run)", answers.admitted,
        "==", [], door="kubernetes", source=_STANDARD,
    )  # fmt: skip
    evidence.expect(
        "admission.refused", "rules whose breach is refused (dry run)", len(answers.refused),
        ">=", row.refused, door="kubernetes", source=_STANDARD,
    )  # fmt: skip


def _inside(
    evidence: Evidence, target: Target, kube: Kube, pods: list[Pod]
) -> Mapping[str, processes.ContainerInside]:
    """Every running container from inside, by pod and container; some may have no shell."""
    if not kube.ready_pods(target.names.mlflow.selector):
        evidence.undecided("no pod of MLflow is ready, so none can be looked at from inside")
    running = [
        (pod.name, name) for pod in pods if not pod.terminating for name in running_in(pod.raw)
    ]
    with ThreadPoolExecutor(4) as pool:
        looked = list(pool.map(lambda at: processes.look(kube, *at), running))
    found = {f"{pod}/{name}": seen for (pod, name), seen in zip(running, looked, strict=True)}
    evidence.note(
        "containers without a shell, not looked at from inside",
        sorted(where for where, seen in found.items() if seen is None), door="inside",
    )  # fmt: skip
    seen_inside = {where: seen for where, seen in found.items() if seen is not None}
    if not any(where.endswith(f"/{target.names.mlflow.container}") for where in seen_inside):
        evidence.undecided("MLflow's container has no shell, so it cannot be looked at from inside")
    return seen_inside
