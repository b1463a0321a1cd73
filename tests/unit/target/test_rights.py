# SPDX-License-Identifier: Apache-2.0
"""The rights that are printed are those that the code asks for."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

import shipped
from mlflow_conformance.cluster.api import ReadOnlyApi
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.network_policy.places import places_of
from mlflow_conformance.target import attached, rbac, rights
from mlflow_conformance.target.own_namespaces import (
    is_prepared,
)
from sources import tree

PACKAGE = Path(attached.__file__).parents[1]
NOT_ON_OTHERS_CLUSTERS = ("stand", "mutants", "upgrade")
"""Rooms that work on clusters made here alone."""
READS = {"get", "find", "items", "log", "secret"}
ASKING = READS | {"delete", "patch", "ask"}
PLURALS = {
    "ingress": "ingresses",
    "networkpolicy": "networkpolicies",
    "pods": "pods",
}


def plural(kind: str) -> str:
    word = kind.partition(".")[0]
    return PLURALS.get(word, f"{word}s")


def calls(*names: str) -> list[tuple[str, str, str]]:
    """Method, first literal argument and place of what is asked of a cluster."""
    return [call for call in _calls() if call[0] in names]


@cache
def _calls() -> list[tuple[str, str, str]]:
    """All of them; every file of the package is read for it."""
    return list(_found())


def _found() -> Iterator[tuple[str, str, str]]:
    paths = [p for p in PACKAGE.rglob("*.py") if not set(p.parts) & set(NOT_ON_OTHERS_CLUSTERS)]
    for path in [*paths, *assets.asset("suites").rglob("*.py")]:
        for node in ast.walk(tree(path)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=of) | ast.Attribute(attr=of), attr=name),
                    args=[ast.Constant(value=str(kind)), *_],
                ) if name in ASKING and "kube" in of.lower():
                    yield name, kind, f"{path.name}:{node.lineno}"


def may(mode: rights.Mode, verb: str) -> set[str]:
    return {r for right in rights.rights(mode) if verb in right.verbs for r in right.resources}


def test_whatever_kind_the_code_reads_may_be_read() -> None:
    allowed = may("disruption", "get") & may("disruption", "list")
    asked = {(plural(kind), where) for _, kind, where in calls(*READS)}
    assert len(asked) > 40
    assert {(kind, where) for kind, where in asked if kind not in allowed} == set()


def test_whatever_kind_the_code_deletes_or_patches_may_be() -> None:
    for name, verb in (("delete", "delete"), ("patch", "patch")):
        asked = {plural(kind) for _, kind, _ in calls(name)}
        assert asked
        # Namespaces are prepared for whoever has no more rights than these.
        assert asked - {"namespaces"} <= may("disruption", verb), name
    asked = {f"{plural(kind)}/eviction" for _, kind, _ in calls("ask") if kind == "pod"}
    assert asked <= may("disruption", "create")


def test_a_mode_has_the_rights_of_those_before_it() -> None:
    read, default, disruption = (rights.rights(mode) for mode in rights.MODES)
    assert set(read) < set(default) < set(disruption)
    assert {verb for right in read for verb in right.verbs} == {"get", "list"}


PLACES = rbac.Places(
    mlflow="team",
    runner="suite",
    runner_labels={"may": "enter"},
    probes={"probe": {}, "probe-x": {"team": "x"}},
    sources=["traefik"],
)


@pytest.mark.parametrize("mode", rights.MODES)
def test_the_manifests_bind_every_right(mode: rights.Mode) -> None:
    found = rbac.manifests(mode, PLACES, "system:serviceaccount:ci:suite")
    roles = [m for m in found if m["kind"] in ("Role", "ClusterRole")]
    bindings = [m for m in found if m["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert [m["metadata"] for m in roles] == [m["metadata"] for m in bindings]
    assert [m["roleRef"]["kind"] for m in bindings] == [m["kind"] for m in roles]
    assert {m["subjects"][0]["name"] for m in bindings} == {"system:serviceaccount:ci:suite"}
    spaces = {m["metadata"].get("namespace", "") for m in roles}
    own = {"suite", "probe", "probe-x", "traefik"} if mode != "read-only" else set()
    assert spaces == {"", "team", *own}
    named = {
        m["metadata"]["name"]: m["metadata"]["labels"] for m in found if m["kind"] == "Namespace"
    }
    assert set(named) == own - {"traefik"}
    assert all(is_prepared({"metadata": {"labels": labels}}) for labels in named.values())
    if own:
        assert named["suite"]["may"] == "enter"
        assert named["probe-x"]["team"] == "x"


@pytest.mark.parametrize("mode", rights.MODES)
def test_what_is_printed_is_the_same_with_a_reason_above_every_rule(mode: rights.Mode) -> None:
    found = rbac.manifests(mode, PLACES, "somebody")
    printed = rbac.text(mode, PLACES, "somebody")
    assert list(yaml.safe_load_all(printed)) == found
    lines = printed.splitlines()
    rules = [n for n, line in enumerate(lines) if line.startswith("- apiGroups:")]
    assert len(rules) == sum(len(m.get("rules", [])) for m in found)
    assert all(lines[n - 1].startswith("# ") for n in rules)


@pytest.mark.parametrize("mode", ["read-only", "default"])
def test_nothing_is_written_and_no_secret_is_read_in_the_whole_cluster(mode: rights.Mode) -> None:
    everywhere = [r for r in rights.rights(mode) if r.place == "cluster"]
    assert everywhere
    assert {verb for r in everywhere for verb in r.verbs} == {"get", "list"}
    assert "secrets" not in {x for r in everywhere for x in r.resources}


def test_the_places_of_a_profile() -> None:
    profile = shipped.profile("k3d")
    places = places_of(profile, "elsewhere")
    assert (places.mlflow, places.runner) == ("elsewhere", profile.names.runner.namespace)
    assert places.runner_labels == profile.names.runner.labels
    model = TypeAdapter(dict[str, Source])
    sources = [
        source
        for row in profile.checks.values()
        for source in model.validate_python(row.thresholds.get("sources") or {}).values()
    ]
    labels = [s.namespace_labels for s in sources if s.namespace_labels]
    assert labels
    assert all(own in places.probes.values() for own in labels)
    named = {s.namespace for s in sources if s.namespace}
    assert named
    assert named <= {*places.sources, profile.names.namespace}


def test_who_only_reads_sends_nothing_else() -> None:
    api = ReadOnlyApi(None)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(Undecided, match="this run only reads"):
            api.text("make a pod", method, "/api/v1/pods")
    kube = Kube(Path("/nowhere"), "prod", "mlflow", read_only=True)
    with pytest.raises(Undecided, match="kubectl exec: this run only reads"):
        kube.exec("pod", "true")


def test_every_check_says_what_it_writes_to() -> None:
    known = shipped.checks()
    places = {"mlflow", "cluster", "bucket", "database", "runner"}
    for info in known.values():
        assert info.writes is not None, f"{info.id} does not say what it writes to"
        assert set(info.writes) <= places, info.id
        assert not (info.disruptive and not info.writes), info.id
    assert {i for i, info in known.items() if not info.writes} == {
        "OPS-6", "SEC-3.strength", "SEC-3.leaks", "SEC-5.certificates", "SEC-5.front", "SEC-7",
        "HPA-1", "HPA-5", "DIS-9", "OPS-6.after",
    }  # fmt: skip
