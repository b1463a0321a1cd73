# SPDX-License-Identifier: Apache-2.0
"""Queries of dashboards, with the values of their variables."""

from typing import Any

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.observability.dashboards import lost_sources, queries


def panel(title: str, *expressions: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "targets": [{"expr": e} for e in expressions], **more}


def variable(name: str, kind: str, query: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "query": query}


def asked(label: str, matching: str) -> list[str]:
    return {("pod", "up"): ["p1", "p2"], ("job", ""): ["j"]}[(label, matching)]


def found(panels: list[dict[str, Any]], *variables: dict[str, Any]) -> list[str]:
    dashboard = {"title": "D", "panels": panels, "templating": {"list": list(variables)}}
    return [query.expression for query in queries(dashboard, asked)]


def test_panels_in_rows_count_and_those_without_a_query_do_not() -> None:
    row = {"type": "row", "title": "folded", "panels": [panel("inner", "b")]}
    dashboard = {"title": "D", "panels": [panel("outer", "a"), row, panel("text", "")]}
    assert [(q.panel, q.expression) for q in queries(dashboard, asked)] == [
        ("D: outer", "a"),
        ("D: inner", "b"),
    ]


@pytest.mark.parametrize("written", ["$pod", "${pod}", "${pod:regex}", "[[pod]]"])
@pytest.mark.parametrize("query", ["label_values(up, pod)", {"query": "label_values(up,pod)"}])
def test_a_query_is_run_for_every_value_of_its_variables(written: str, query: Any) -> None:
    assert found([panel("p", f'a{{pod="{written}"}}')], variable("pod", "query", query)) == [
        'a{pod="p1"}',
        'a{pod="p2"}',
    ]


def test_values_are_combined_and_those_of_unused_variables_are_not() -> None:
    variables = (
        variable("pod", "query", "label_values(up, pod)"),
        variable("q", "custom", "0.5, 0.9"),
        variable("job", "query", "label_values(job)"),
        variable("source", "datasource", "prometheus"),
    )
    assert len(found([panel("p", "f($q, a{pod='$pod'})")], *variables)) == 4


def test_intervals_of_grafana_have_a_length() -> None:
    assert found([panel("p", "rate(a[$__rate_interval])")]) == ["rate(a[5m])"]


def test_a_variable_that_cannot_be_told_decides_nothing() -> None:
    with pytest.raises(Undecided, match="the values of the variable v"):
        found([panel("p", "a")], variable("v", "query", "query_result(up)"))


@pytest.mark.parametrize(
    ("source", "lost"),
    [
        (None, False),
        ({"type": "prometheus"}, False),
        ("default", False),
        ({"uid": "-- Mixed --"}, False),
        ({"uid": "$source"}, False),
        ("${source}", False),
        ("[[source]]", False),
        ({"uid": "ours"}, False),
        ({"uid": "P1809F7CD0C75ACF3"}, True),
        ("Prometheus", True),
        ({"uid": "${DS_PROMETHEUS}"}, True),
        ("$pod", True),
    ],
)
def test_a_data_source_that_only_another_grafana_has(source: Any, lost: bool) -> None:
    variables = [
        variable("source", "datasource", "prometheus"),
        variable("pod", "query", "label_values(up, pod)"),
    ]
    panels = [panel("p", "a", datasource=source), {"title": "text", "datasource": "Loki"}]
    dashboard = {"title": "D", "panels": panels, "templating": {"list": variables}}
    assert bool(lost_sources(dashboard, ["ours"])) is lost


def test_a_query_may_ask_another_source_than_its_panel() -> None:
    asked = [{"expr": "a", "datasource": {"uid": "gone"}}, {"expr": "b"}]
    dashboard = {"panels": [{"title": "p", "targets": asked, "datasource": "default"}]}
    assert lost_sources(dashboard, []) == ["a dashboard without a title: p: gone"]
