# SPDX-License-Identifier: Apache-2.0
"""SEC-1: how little the deployment's pods may do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import hardening
from mlflow_conformance.security.thresholds import Restricted
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.runner import OWNER, OWNER_LABEL

_STANDARD = "Pod Security Standard restricted"


@check(
    "SEC-1",
    impact="A flaw in MLflow or a library gives an attacker more of the node than it has to.",
    remedy="Give every container the securityContext that the violation names, and the namespace "
    "the label pod-security.kubernetes.io/enforce: restricted.",
)
def test_pods_are_restricted(evidence: Evidence, target: Target, kube: Kube) -> None:
    """Every pod runs without root, capabilities and a writable root, and admission keeps it so.

    Preconditions: the deployment's pods run.
    Steps: read every pod and pod template; look at the server's processes from inside; read the
    namespace's label; offer the API server a privileged pod (dry run).
    Expected: no violation; the kernel confirms it; the privileged pod is refused.
    """
    row = evidence.row(Restricted)
    pods = [p for p in kube.pods({}) if p.labels.get(OWNER_LABEL) != OWNER]
    if not any(target.names.mlflow.selector.items() <= p.labels.items() for p in pods):
        evidence.undecided("no pod of MLflow exists")
    specs = [(f"pod {p.name}", p.raw["spec"]) for p in pods]
    found = [
        said
        for where, spec in [*specs, *hardening.templates(kube)]
        for said in hardening.violations(where, spec, seccomp=row.seccomp)
    ]
    evidence.note("pods read", [p.name for p in pods], door="kubernetes")
    evidence.expect(
        "violations", "violations", found, "==", [], door="kubernetes", source=_STANDARD
    )

    _expect_admission(evidence, row, target, kube)
    for pod, process in _servers(evidence, target, kube):
        seen = {k: v for k, v in asdict(process).items() if k not in ("uid", "gid")}
        evidence.expect("process.user", f"{pod.name}: user", process.uid, ">=", 1, door="inside")
        evidence.expect("process.group", f"{pod.name}: group", process.gid, ">=", 1, door="inside")
        evidence.expect(
            "process",
            f"{pod.name}: first process",
            seen,
            "==",
            {
                "effective": "0" * 16,
                "bounding": "0" * 16,
                "seccomp": 2,
                "no_new_privileges": 1,
                "root_write": "Read-only file system",
            },
            door="inside",
            source="proc(5)",
        )


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
    try:
        kube.create(hardening.privileged_pod(target.names.runner.image), dry_run=True)
        answer = "admitted"
    except KubeFailed as refusal:
        answer = f"{refusal.status} {refusal.body}"
    evidence.expect(
        "admission.privileged-pod",
        "a privileged pod (dry run)",
        answer,
        "matches",
        f'403 .*violates PodSecurity ."{row.pod_security}:.*',
        door="kubernetes",
    )


def _servers(evidence: Evidence, target: Target, kube: Kube) -> list[tuple[Pod, hardening.Process]]:
    """The first process of every ready MLflow pod and of PostgreSQL; others may have no shell."""
    names = target.names
    looked = [(pod, names.mlflow.container) for pod in kube.ready_pods(names.mlflow.selector)]
    if not looked:
        evidence.undecided("no pod of MLflow is ready, so none can be looked at from inside")
    if names.postgresql and names.postgresql.selector:
        looked += [
            (pod, pod.raw["spec"]["containers"][0]["name"])
            for pod in kube.ready_pods(names.postgresql.selector)
        ]
    with ThreadPoolExecutor(len(looked)) as pool:
        processes = pool.map(lambda at: hardening.running_process(kube, at[0].name, at[1]), looked)
        return [(pod, process) for (pod, _), process in zip(looked, processes, strict=True)]
