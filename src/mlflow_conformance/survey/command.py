# SPDX-License-Identifier: Apache-2.0
"""How a container is started: its command line and its environment, with what they refer to."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.cluster.bundle import Bundle

SERVER = re.compile(r"(^|[\s/;&|])mlflow(\.exe)?\s+(server|ui)(\s|$)")
"""The start of MLflow's server in a command line."""
_SHORT = {"-h": "host", "-p": "port", "-w": "workers"}
_REFERENCE = re.compile(r"\$\(([A-Za-z_]\w*)\)|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Value:
    """One variable of a container's environment.

    Attributes:
        text: None when it could not be read.
        source: where it stands, such as ``key uri of Secret mlflow``; empty when in the pod itself.
    """

    text: str | None
    source: str = ""


def expanded(value: Value, environment: Mapping[str, Value]) -> Value:
    """A value with the variables in it; one that could not be read leaves its name there."""
    if value.text is None:
        return value
    sources = [value.source] if value.source else []

    def filled(match: re.Match[str]) -> str:
        found = environment.get(next(filter(None, match.groups())))
        if found is None or found.text is None:
            return match.group()
        if found.source and found.source not in sources:
            sources.append(found.source)
        return found.text

    return Value(_REFERENCE.sub(filled, value.text), " and ".join(sources))


def words_of(container: Mapping[str, Any]) -> list[str]:
    """The whole command line of a container, as far as its pod says it."""
    return [str(w) for w in [*(container.get("command") or []), *(container.get("args") or [])]]


def options_of(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options behind ``mlflow server``, also where a shell is given the whole line."""
    flat = [part for word in words for part in (_split(word) if SERVER.search(word) else [word])]
    rest = iter(flat)
    pending: str | None = None
    for word in rest:
        name = _SHORT.get(word) or (word[2:] if word.startswith("--") else None)
        if name is None:
            if pending is not None:
                yield pending, word
            pending = None
            continue
        if pending is not None:
            yield pending, ""
        name, equals, value = name.partition("=")
        pending = None if equals else name
        if equals:
            yield name, value.strip("'\"") if _quoted(value) else value
    if pending is not None:
        yield pending, ""


def _quoted(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] and value[0] in "'\""


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line.replace("\\\n", " "), comments=True)
    except ValueError:
        return line.split()


def environment_of(bundle: Bundle, container: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """The variables of a container in the order in which later ones win."""
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix") or ""
        for kind, reference in (
            ("ConfigMap", source.get("configMapRef")),
            ("Secret", source.get("secretRef")),
        ):
            if reference:
                entries = bundle.entries(kind, reference["name"]) or {}
                for key, text in entries.items():
                    yield prefix + key, Value(text, f"key {key} of {kind} {reference['name']}")
    for variable in container.get("env") or []:
        yield variable["name"], _of(bundle, variable)


def _of(bundle: Bundle, variable: Mapping[str, Any]) -> Value:
    held = variable.get("valueFrom")
    if not held:
        return Value(str(variable.get("value") or ""))
    for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        if reference := held.get(key):
            entries = bundle.entries(kind, reference["name"]) or {}
            source = f"key {reference['key']} of {kind} {reference['name']}"
            return Value(entries.get(reference["key"]), source)
    return Value(None, "its pod")
