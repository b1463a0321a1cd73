# SPDX-License-Identifier: Apache-2.0
"""Operators on configuration that a ConfigMap or Secret holds.

A value that is no file is an environment variable. Of files those are changed that have a setting
a line: ``.conf``, ``.env``, ``.ini``, ``.cnf``, ``.properties``. Programs, dashboards and rules of
alerts are not: a line less of a program is no other deployment but a broken one, and the mutants
that rewrite scripts say what they break.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from mlflow_conformance.mutants.candidates.edits import short
from mlflow_conformance.mutants.candidates.places import Place
from mlflow_conformance.mutants.candidates.values import others

_SETTINGS = re.compile(r".*\.(conf|env|ini|cnf|properties)")
_SETTING = re.compile(r"(\s*([\w.]+)\s*=\s*'?)([^'#\n]*?)('?\s*(?:#.*)?)")
_ACCESS: Mapping[str, str] = {
    "hostssl": "host", "scram-sha-256": "trust", "reject": "trust", "cert": "trust",
}  # fmt: skip
"""Words of pg_hba.conf, and what admits more: plain connections, and everybody."""


@dataclass(frozen=True)
class TextEdit:
    """What becomes of one key of `data`.

    Attributes:
        key: of `data`.
        new: its value afterwards; None when it is gone.
    """

    operator: str
    place: Place
    says: str
    key: str
    new: JsonValue


def text_edits(manifest: Mapping[str, Any]) -> Iterator[TextEdit]:
    """Every change of what a ConfigMap or Secret holds, in the order of its lines.

    Of a Secret a key can be missing and no more: what is deployed are not the values that were
    rendered, for each rendering makes its own.
    """
    data = Place().to("data")
    for key, value in {**manifest.get("data", {}), **manifest.get("stringData", {})}.items():
        here = data.to(key)
        if manifest["kind"] == "Secret":
            yield TextEdit("drop", here, "is removed", key, None)
        elif _SETTINGS.fullmatch(key):
            yield from _file(here, key, value)
        elif "." not in key:
            yield TextEdit("drop", here, "is removed", key, None)
            for operator, other in others(value):
                yield _said(operator, here, key, value, str(other), str(other))


def _file(here: Place, key: str, text: str) -> Iterator[TextEdit]:
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        told = line.strip()
        if not told or told.startswith(("#", ";")):
            continue
        found = _SETTING.fullmatch(line.rstrip("\n"))
        place = here.to(found[2]) if found else here.to(at, told.replace("  ", " "))

        def whole(new: str, at: int = at) -> str:
            return "".join([*lines[:at], new, *lines[at + 1 :]])

        yield TextEdit("drop", place, "is removed", key, whole(""))
        if found:
            for operator, other in others(found[3]):
                new = whole(f"{found[1]}{other}{found[4]}\n")
                yield _said(operator, place, key, found[3], str(other), new)
        for word, loose in _ACCESS.items():
            if not found and word in told.split():
                new = whole(re.sub(rf"(?<!\S){word}(?!\S)", loose, line))
                yield _said(f"loosen-{loose}", place, key, word, loose, new)


def _said(operator: str, place: Place, key: str, old: Any, new: Any, text: str) -> TextEdit:
    return TextEdit(operator, place, f"is {short(new)} in place of {short(old)}", key, text)
