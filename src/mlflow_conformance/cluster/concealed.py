# SPDX-License-Identifier: Apache-2.0
"""Objects of a cluster without the credentials in them, and which credentials a namespace holds."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.cluster.templates import templates
from mlflow_conformance.core.credentials import HIDDEN, Hiding

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OF_HELM = "helm.sh/release.v1"
_COMMAND_LINES = ("command", "args")
_GENERATED = re.compile(
    r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[\w+/=~-]{20,}|[0-9a-f]{32,}", re.ASCII | re.DOTALL
)
"""What nobody writes by hand, whatever it is called."""


def shown(item: Mapping[str, Any], hiding: Hiding) -> dict[str, Any]:
    """An object as a person may see it: with dots for what variables, options and texts hold."""
    if item.get("kind") == "Secret":
        hidden = {part: dict.fromkeys(item[part] or {}, HIDDEN) for part in _data(item)}
        return {**item, **hidden, "metadata": _shown(item["metadata"], hiding)}
    if item.get("kind") == "ConfigMap":
        entries = {k: hiding.named(k, str(v)) for k, v in (item.get("data") or {}).items()}
        return {**item, "data": entries, "metadata": _shown(item["metadata"], hiding)}
    found: dict[str, Any] = _shown(item, hiding)
    return found


def _data(secret: Mapping[str, Any]) -> Iterator[str]:
    return (part for part in ("data", "stringData") if part in secret)


def _shown(value: Any, hiding: Hiding) -> Any:
    match value:
        case str():
            return hiding.line(value)
        case {"name": str(name), "value": str(text)}:
            return {**value, "value": hiding.named(name, text)}
        case dict():
            return {k: _part(k, v, hiding) for k, v in value.items()}
        case list():
            return [_shown(v, hiding) for v in value]
        case _:
            return value


def _part(name: str, value: Any, hiding: Hiding) -> Any:
    if name == _APPLIED:
        return _applied(str(value), hiding)
    if name in _COMMAND_LINES and isinstance(value, list):
        return hiding.words([str(word) for word in value])
    return _shown(value, hiding)


def _applied(text: str, hiding: Hiding) -> str:
    try:
        return json.dumps(shown(json.loads(text), hiding), ensure_ascii=False)
    except ValueError:
        return HIDDEN


def held_credentials(kube: Kube) -> tuple[set[str], list[str]]:
    """The credentials of a namespace, as far as this user may read them; and what may not be read.

    Those are what its Secrets hold, and what its pods, their templates and its ConfigMaps say
    themselves.
    """
    hiding = Hiding()
    unread: list[str] = []

    def had(read: Callable[[], Iterable[Any]]) -> list[Any]:
        try:
            return list(read())
        except KubeFailed as problem:
            unread.append(str(problem))
            return []

    pods = had(lambda: kube.items("pod"))
    specs = had(lambda: [spec for _, spec in templates(kube)])
    for item in [*pods, *({"spec": spec} for spec in specs), *had(lambda: kube.items("configmap"))]:
        shown(item, hiding)
    variables: dict[tuple[str, str], set[str]] = {}
    for spec in [*(pod["spec"] for pod in pods), *specs]:
        for use in uses_of(spec):
            variables.setdefault((use.secret, use.key), set()).add(use.variable)
    for secret in had(lambda: kube.items("secret")):
        if secret.get("type") != _OF_HELM:
            _of_secret(secret, variables, hiding)
    return hiding.found, unread


def _of_secret(
    secret: Mapping[str, Any], variables: Mapping[tuple[str, str], set[str]], hiding: Hiding
) -> None:
    for key, encoded in (secret.get("data") or {}).items():
        text = base64.b64decode(encoded or "").decode("utf-8", "replace").strip()
        for name in (key, *variables.get((secret["metadata"]["name"], key), ())):
            hiding.named(name, text)
        if _GENERATED.fullmatch(text):
            hiding.found.add(text)
