# SPDX-License-Identifier: Apache-2.0
"""SEC: what the deployment's identities may do, and its images."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.pods import Pod
from mlflow_conformance.cluster.templates import containers, earlier_templates, templates
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security import access, everybody, resources
from mlflow_conformance.security.thresholds import Resources, Rights
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_pods import OWNER, OWNER_LABEL


@check(
    "SEC-2",
    impact="Code that runs in MLflow, or everybody, can read Secrets or change the cluster.",
    remedy="Remove the RoleBinding or ClusterRoleBinding that the extra rule comes from; set "
    "automountServiceAccountToken: false where no token is needed.",
    writes=("cluster",),
)
def test_service_accounts_may_do_what_is_listed(evidence: Evidence, kube: Kube) -> None:
    """ServiceAccounts and everybody may do what the profile lists and no more; pods hold no token.

    Preconditions: this user may impersonate the namespace's ServiceAccounts and read roles and
    bindings; the cluster's authorizers can list what an account may do.
    Steps: ask the API server, as each account, for its rules in every namespace, also as those that
    only templates name; read what bindings give to who is not signed in and to all who are; read
    every pod and pod template, also those that a rollback would bring back.
    Expected: the rules that every account has, and those listed; for everybody else none besides
    those that are listed; no pod with an unlisted token, and no template that gives one.
    """
    row = evidence.row(Rights)
    pods = [(f"pod {p.name}", p.raw["spec"]) for p in _own_pods(kube)]
    made_from = [*templates(kube), *earlier_templates(kube)]
    there = {a["metadata"]["name"] for a in kube.items("serviceaccount")}
    accounts = sorted(there | {access.account_of(spec) for _, spec in [*pods, *made_from]})
    namespaces = [n["metadata"]["name"] for n in kube.items("namespace")]
    evidence.note("namespaces", namespaces, door="kubernetes")
    permitted = {account: access.rules_of(kube, account, namespaces) for account in accounts}
    rules = {account: found.rules for account, found in permitted.items()}
    evidence.note("rules that every account has", set.intersection(*rules.values()))
    extra = {
        account: sorted(found - row.everyone - row.accounts.get(account, frozenset()))
        for account, found in rules.items()
    }
    absent = {
        account: sorted(wanted - rules.get(account, set()))
        for account, wanted in row.accounts.items()
    }
    evidence.note("accounts", accounts, door="kubernetes")
    evidence.expect(
        "rules.unlisted", "rules that are not listed", {a: r for a, r in extra.items() if r},
        "==", {}, door="kubernetes",
    )  # fmt: skip
    if row.accounts:
        evidence.expect(
            "rules.missing", "listed rules that are missing",
            {a: r for a, r in absent.items() if r}, "==", {}, door="kubernetes",
        )  # fmt: skip
    granted = everybody.grants(kube)
    anonymous = granted.of(everybody.ANONYMOUS, kube.namespace)
    evidence.note("rules of whoever does not sign in", sorted(anonymous), door="kubernetes")
    evidence.expect(
        "anonymous.unlisted", "rules of whoever does not sign in that are not listed",
        sorted(anonymous - row.anonymous), "==", [], door="kubernetes",
    )  # fmt: skip
    signed_in = granted.of(everybody.SIGNED_IN, kube.namespace)
    evidence.note("rules of all who sign in", sorted(signed_in), door="kubernetes")
    evidence.expect(
        "signed-in.unlisted", "rules of all who sign in that are not listed",
        sorted(signed_in - row.everyone), "==", [], door="kubernetes",
    )  # fmt: skip
    tokens = access.tokens_of(kube)
    holders = {where for where, spec in pods if tokens.held_by(spec)}
    holders |= {where for where, spec in made_from if tokens.given_to(spec)}
    evidence.expect(
        "token-holders",
        "pods and templates of pods with a token for the API",
        sorted(where for where in holders if not _may_hold(where, row.token_holders)),
        "==",
        [],
        door="kubernetes",
    )
    # An authorizer besides RBAC, such as a webhook, may permit what nobody can list.
    if gaps := set[str]().union(*(found.gaps for found in permitted.values())):
        evidence.undecided(
            "the API server cannot list all that the accounts may do: " + "; ".join(sorted(gaps))
        )


def _may_hold(where: str, listed: list[str]) -> bool:
    """Whether a pod, or those of a template, are among the pods that may hold a token."""
    name = where.split(" ", 1)[1]
    return f"{name}-".startswith(tuple(listed))


@check(
    "SEC-7",
    impact="An upgrade happens by itself, or a node runs out of what nobody asked for.",
    remedy="Give every image a version or a digest, and every container the promised resources.",
    writes=(),
)
def test_images_and_resources(evidence: Evidence, target: Target, kube: Kube) -> None:
    """Images name one version, and requests and limits are the promised ones.

    Preconditions: the deployment's pods run.
    Steps: read every pod and pod template of the namespace, and what memory nodes have.
    Expected: no image without a version; the profile's amounts in the containers that it names;
    a memory limit in every container, and none that is more than a node has.
    """
    promised = evidence.row(Resources).resources
    specs = [(f"pod {p.name}", p.raw["spec"]) for p in _own_pods(kube)]
    found = [
        (where, container)
        for where, spec in [*specs, *templates(kube)]
        for container in containers(spec)
    ]
    seen = {container["name"] for _, container in found}
    missing = sorted(set(promised) - seen)
    if missing:
        evidence.undecided(f"there is no container {', '.join(missing)}; there are: {sorted(seen)}")
    evidence.note("images", sorted({c["image"] for _, c in found}), door="kubernetes")
    evidence.expect(
        "images.unversioned",
        "images without a version",
        sorted({c["image"] for _, c in found if not resources.pinned(c["image"])}),
        "==",
        [],
        door="kubernetes",
    )
    evidence.expect(
        "resources",
        "resources that differ",
        [
            f"{where}/{container['name']}: {said}"
            for where, container in found
            for said in resources.deviations(promised.get(container["name"], {}), container)
        ],
        "==",
        [],
        door="kubernetes",
    )
    largest = resources.largest_node(kube.items("node"))
    evidence.expect(
        "memory-limit",
        "containers that may take all memory of a node",
        [
            f"{where}/{container['name']}: {said}"
            for where, container in found
            if (said := resources.unbounded(container, largest)) is not None
        ],
        "==",
        [],
        door="kubernetes",
    )


def _own_pods(kube: Kube) -> list[Pod]:
    """The namespace's pods without those of this suite."""
    return [p for p in kube.pods({}) if p.labels.get(OWNER_LABEL) != OWNER]
