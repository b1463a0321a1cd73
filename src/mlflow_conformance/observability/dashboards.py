# SPDX-License-Identifier: Apache-2.0
"""Grafana's dashboards as ConfigMaps hold them: their panels' queries, for every variable's value.

Grafana's variables in a query are written ``$name``, ``${name}`` or ``[[name]]``
(grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax).
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.errors import Undecided

_BUILT_IN = {
    "__interval": "1m",
    "__rate_interval": "5m",
    "__range": "1h",
    "__interval_ms": "60000",
    "__range_s": "3600",
}
"""What Grafana itself puts for these; the time is a dashboard's and not ours."""
_OF_GRAFANA = (None, "", "default", "-- Mixed --", "-- Dashboard --", "-- Grafana --")
"""Data sources that every Grafana has."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)|\[\[(\w+)\]\]")
_VALUES_OF = re.compile(r"label_values\(\s*(?:(?P<of>.+?)\s*,\s*)?(?P<label>\w+)\s*\)", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        panel: the dashboard's and the panel's title.
    """

    panel: str
    expression: str


LabelValues = Callable[[str, str], Sequence[str]]
"""The values of a label, of series that a selector matches; all series when it is empty."""


def dashboards(kube: Kube, label: str) -> list[Mapping[str, Any]]:
    """Every dashboard in ConfigMaps of the namespace that have a label.

    Raises:
        KubeFailed: they may not be listed.
        Undecided: one is no JSON.
    """
    found = []
    for thing in kube.items("configmap"):
        if label not in (thing["metadata"].get("labels") or {}):
            continue
        for file, text in (thing.get("data") or {}).items():
            try:
                found.append(json.loads(text))
            except ValueError as problem:
                name = thing["metadata"]["name"]
                raise Undecided(f"{file} in ConfigMap {name} is no JSON: {problem}") from None
    return found


def queries(dashboard: Mapping[str, Any], values: LabelValues) -> list[Query]:
    """Every query of a dashboard, once for each way to choose the values of its variables.

    Raises:
        Undecided: a variable's values cannot be told.
    """
    title = title_of(dashboard)
    choices = {
        str(each["name"]): choices_of(each, values)
        for each in variables_of(dashboard)
        if each.get("type") != "datasource"
    }
    found = []
    for panel in panels_of(dashboard):
        called = f"{title}: {panel.get('title') or panel.get('id')}"
        for target in panel.get("targets") or []:
            expression = str(target.get("expr") or "")
            if expression:
                found += [Query(called, text) for text in _for_every_value(expression, choices)]
    return found


def title_of(dashboard: Mapping[str, Any]) -> str:
    """What a dashboard is called."""
    return str(dashboard.get("title") or "a dashboard without a title")


def variables_of(dashboard: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Its variables, as Grafana keeps them."""
    return (dashboard.get("templating") or {}).get("list") or []


def panels_of(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Panels of a dashboard or a row, also those in rows, which are folded up."""
    for panel in holder.get("panels") or []:
        yield panel
        yield from panels_of(panel)
    for row in holder.get("rows") or []:
        yield from panels_of(row)


def choices_of(variable: Mapping[str, Any], values: LabelValues) -> Sequence[str]:
    """The values that a variable can have, which is none of a data source.

    Raises:
        Undecided: they cannot be told.
    """
    match variable.get("type"):
        case "query":
            asked = variable.get("query") or ""
            text = asked.get("query", "") if isinstance(asked, Mapping) else str(asked)
            found = _VALUES_OF.fullmatch(text.strip())
            if found is not None:
                return values(found["label"], found["of"] or "")
        case "custom" | "interval" | "constant" | "textbox":
            return [part.strip() for part in str(variable.get("query") or "").split(",")]
    raise Undecided(f"the values of the variable {variable['name']} of a dashboard are not known")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A query or a title with the values of variables, and of those that Grafana has itself."""
    for name, value in {**_BUILT_IN, **values}.items():
        text = re.sub(_named(name), lambda _, value=value: value, text)  # type: ignore[misc]
    return text


def lost_sources(dashboard: Mapping[str, Any], known: Collection[str]) -> list[str]:
    """Panels whose queries go to a data source that nobody else's Grafana has, each with it.

    A dashboard that is exported from one Grafana names that one's own sources, or variables that
    only an import by hand fills in; where it is provisioned, its panels say that there is none.

    Args:
        known: UIDs and names of the sources that people's Grafana has.
    """
    title = title_of(dashboard)
    chosen = {
        str(each["name"]) for each in variables_of(dashboard) if each.get("type") == "datasource"
    }
    found: dict[str, None] = {}
    for panel in panels_of(dashboard):
        for target in panel.get("targets") or []:
            source = _source(target) or _source(panel)
            if not target.get("expr") or source is None or source in known:
                continue
            variable = _VARIABLE.fullmatch(source)
            if variable is None or not chosen & {*variable.groups()}:
                found[f"{title}: {panel.get('title') or panel.get('id')}: {source}"] = None
    return list(found)


def _source(holder: Mapping[str, Any]) -> str | None:
    """The UID or name of the data source that a panel or query asks for; None for the default."""
    asked = holder.get("datasource")
    name = asked.get("uid") if isinstance(asked, Mapping) else asked
    return None if name in _OF_GRAFANA else str(name)


def _for_every_value(expression: str, choices: Mapping[str, Sequence[str]]) -> Iterator[str]:
    used = [name for name in choices if re.search(_named(name), expression)]
    for chosen in product(*(choices[name] for name in used)):
        yield filled(expression, dict(zip(used, chosen, strict=True)))


def _named(name: str) -> str:
    return rf"\$\{{{name}(?::\w+)?\}}|\[\[{name}\]\]|\${name}\b"
