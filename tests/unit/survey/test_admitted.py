# SPDX-License-Identifier: Apache-2.0
"""The namespace that is proposed for the runner is one that the policies let in."""

from typing import Any

import pytest
import yaml

from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.selectors import NAME_OF_NAMESPACE
from mlflow_conformance.config.names import RunnerNames
from mlflow_conformance.survey.admitted import Guarded, Spot, find_spot
from mlflow_conformance.survey.found import Survey

DEFAULT = RunnerNames().namespace


def guarded(name: str, *peers: str) -> Guarded:
    """Pods that let these peers in, each as YAML."""
    return Guarded(name, {"app": name.lower()}, [{"from": [yaml.safe_load(p) for p in peers]}])


def spaces(**labels: dict[str, str] | None) -> list[dict[str, Any]]:
    """Namespaces that there are."""
    return [
        {"kind": "Namespace", "metadata": {"name": name.replace("_", "-"), "labels": own}}
        for name, own in labels.items()
    ]


def found_for(
    *parts: Guarded, there: list[dict[str, Any]] | None = None, **unreadable: str
) -> tuple[Survey, dict[str, Any]]:
    found = Survey()
    name = find_spot(Bundle("ml", there or [], unreadable), parts, found)
    runner = found.names.get("runner", {})
    assert name == runner.get("namespace", DEFAULT)
    RunnerNames.model_validate(runner)
    return found, runner


BY_LABELS = "{namespaceSelector: {matchLabels: {access: granted}}}"
BY_NAME = f"{{namespaceSelector: {{matchLabels: {{{NAME_OF_NAMESPACE}: {DEFAULT}}}}}}}"
BY_OTHER_NAME = f"{{namespaceSelector: {{matchLabels: {{{NAME_OF_NAMESPACE}: clients}}}}}}"
AT_HOME = "{podSelector: {matchLabels: {client: 'true'}}}"


def test_labels_that_let_a_namespace_in() -> None:
    found, runner = found_for(guarded("MLflow", AT_HOME, BY_LABELS))
    assert runner == {"labels": {"access": "granted"}}
    assert found.decisions[0].because == "the policies let such a namespace connect to MLflow"
    assert not found.gaps
    assert not found.warnings


def test_a_policy_that_names_the_runner_s_namespace_needs_nothing() -> None:
    found, runner = found_for(guarded("MLflow", BY_NAME))
    assert runner == {}
    assert not found.gaps
    assert found.decisions[0].what == f"the runner's namespace: {DEFAULT}"


@pytest.mark.parametrize(
    ("there", "unreadable", "taken"),
    [
        ([], {}, True),
        (spaces(clients={"app.kubernetes.io/managed-by": "mlflow-conformance"}), {}, True),
        (spaces(clients={"team": "a"}), {}, False),
        ([], {"namespace": "403 Forbidden"}, False),
    ],
)
def test_another_name_is_taken_where_it_is_free(
    there: list[dict[str, Any]], unreadable: dict[str, str], *, taken: bool
) -> None:
    found, runner = found_for(guarded("MLflow", BY_OTHER_NAME), there=there, **unreadable)
    assert (runner == {"namespace": "clients"}) is taken
    assert bool(found.gaps) is not taken


def test_labels_of_the_pod_that_a_policy_asks_for() -> None:
    peer = "{namespaceSelector: {}, podSelector: {matchLabels: {client: 'true'}}}"
    _, runner = found_for(guarded("MLflow", peer))
    assert runner == {"pod": {"labels": {"client": "true"}}}


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ("{matchExpressions: [{key: team, operator: Exists}]}", {"team": "true"}),
        ("{matchExpressions: [{key: team, operator: In, values: [b, a]}]}", {"team": "b"}),
        ("{matchExpressions: [{key: team, operator: NotIn, values: [x]}]}", {}),
    ],
)
def test_selectors_by_expressions(selector: str, labels: dict[str, str]) -> None:
    found, runner = found_for(guarded("MLflow", f"{{namespaceSelector: {selector}}}"))
    assert runner.get("labels", {}) == labels
    assert not found.gaps


def test_one_namespace_for_mlflow_and_its_stores() -> None:
    of_store = "{namespaceSelector: {matchLabels: {db: granted}}}"
    _, runner = found_for(guarded("MLflow", BY_LABELS), guarded("PostgreSQL", of_store))
    assert runner == {"labels": {"access": "granted", "db": "granted"}}
    # What contradicts itself is no way in; another one is.
    contrary = "{namespaceSelector: {matchLabels: {access: denied}}}"
    _, runner = found_for(guarded("MLflow", contrary, BY_LABELS), guarded("PostgreSQL", BY_LABELS))
    assert runner == {"labels": {"access": "granted"}}


def test_where_none_is_let_in_it_is_said_what_to_add() -> None:
    found, runner = found_for(guarded("MLflow", BY_LABELS), guarded("PostgreSQL", AT_HOME))
    assert runner == {"labels": {"access": "granted"}}
    (gap,) = found.gaps
    assert "let connect to PostgreSQL: they let in none from elsewhere" in gap.why
    (warning,) = found.warnings
    policy = yaml.safe_load(warning.partition("of this does: ")[2])
    assert policy["metadata"] == {"name": "mlflow-conformance-postgresql", "namespace": "ml"}
    # It does what is said of it.
    mended = Guarded("PostgreSQL", {}, policy["spec"]["ingress"])
    assert Spot(DEFAULT).may_connect(mended)
    assert not Spot("another").may_connect(mended)


def test_where_mlflow_itself_lets_nobody_in_its_store_still_may() -> None:
    found, runner = found_for(guarded("MLflow", AT_HOME), guarded("PostgreSQL", BY_LABELS))
    assert runner == {"labels": {"access": "granted"}}
    assert "let connect to MLflow: they let in none" in found.gaps[0].why


def test_a_name_that_is_somebody_else_s_is_not_proposed() -> None:
    there = spaces(**{DEFAULT.replace("-", "_"): {"team": "a"}})
    found, runner = found_for(there=there)
    assert runner == {"namespace": f"{DEFAULT}-ml"}
    assert "was not made by this program" in found.decisions[0].because
    found, runner = found_for(guarded("MLflow", BY_LABELS), there=there)
    assert runner == {"namespace": f"{DEFAULT}-ml", "labels": {"access": "granted"}}
