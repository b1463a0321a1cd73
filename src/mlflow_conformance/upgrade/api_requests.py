# SPDX-License-Identifier: Apache-2.0
"""Requests to every call that A declares, about objects that are there, and to a workload's own.

The same list is made for A and for B. Objects that both have from A's data have one name at both;
those that are made for the comparison, such as a run, have one of their own at each.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load.operations import OPERATIONS, World

ABSENT = "f" * 32
"""No object has this ID."""
_JSON = {"Content-Type": "application/json"}
_PAGES = ("/health", "/version", "/", "/ajax-api/2.0/mlflow/experiments/search?max_results=5")
_LEFT_OUT = ("/test",)
"""Calls that send something elsewhere."""


class DeclaredField(Strict):
    """One field of a call; kind is string, integer, float, boolean, enum or message."""

    name: str
    kind: str
    repeated: bool
    required: bool
    values: list[str]
    fields: list["DeclaredField"]


class DeclaredCall(Strict):
    """One call of the API; `path` may hold parameters in braces."""

    method: str
    path: str
    version: int
    fields: list[DeclaredField]

    @property
    def family(self) -> str:
        """``runs`` of ``/mlflow/runs/get``."""
        return self.path.split("/")[2]

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.method} /api/{self.version}.0{self.path}"

    @property
    def when(self) -> int:
        """Its place in the order: reading, writing, deleting, restoring."""
        last = self.path.rsplit("/", 1)[1]
        if self.method == "GET" or last.startswith(("get", "search", "batchGet")):
            return 0
        if "restore" in last:
            return 3
        return 2 if self.method == "DELETE" or "delete" in last else 1


@dataclass(frozen=True)
class ApiRequest:
    """One request; `call` and `how` are the same at A and at B, whatever its objects are called."""

    call: str
    how: str
    method: str
    path: str
    body: bytes | None = None

    @property
    def name(self) -> str:
        """The call and how it was asked."""
        return f"{self.call} ({self.how})" if self.how else self.call

    @property
    def headers(self) -> dict[str, str]:
        """What it needs besides credentials."""
        return _JSON if self.body is not None else {}


@dataclass(frozen=True)
class ApiObjects:
    """What there is at a server, for fields by their names.

    A value may be for one call (``runs/create.name``), for a family of them (``metrics.key``), or
    for every field of that name.
    """

    world: World
    values: Mapping[str, JsonValue]

    def find(self, call: DeclaredCall, field: str) -> JsonValue:
        """A value for a field of a call; None when there is none to give."""
        own = f"{call.path.removeprefix('/mlflow/')}.{field}"
        family = f"{call.family}.{field}"
        return next((self.values[k] for k in (own, family, field) if k in self.values), None)


def requests(calls: Sequence[DeclaredCall], things: ApiObjects, seed: int) -> list[ApiRequest]:
    """Every request to one server, in the order in which they are sent."""
    found = [ApiRequest(f"GET {path}", "", "GET", path) for path in _PAGES]
    numbers = random.Random(seed)  # noqa: S311 - replayable, no secret
    for name, operation in OPERATIONS.items():
        built = operation.build(things.world, numbers, 1)
        found.append(ApiRequest(f"load {name}", "", built.method, built.path, built.body))
    for call in sorted(calls, key=lambda c: (c.when, c.path, c.method)):
        if not call.path.endswith(_LEFT_OUT):
            found += _ways(call, things)
    return found


def _ways(call: DeclaredCall, things: ApiObjects) -> Iterator[ApiRequest]:
    whole = {f.name: v for f in call.fields if (v := _value(call, f, things)) is not None}
    required = {f.name: whole[f.name] for f in call.fields if f.required and f.name in whole}
    yield _asked(call, "what is there", whole, things)
    if required and required != whole:
        yield _asked(call, "required fields", required, things)
    absent = {f.name: _absent(f) for f in call.fields}
    yield _asked(call, "what is not there", absent, None)
    yield _asked(call, "no field", {}, None)


def _value(call: DeclaredCall, field: DeclaredField, things: ApiObjects) -> JsonValue:
    known = things.find(call, field.name)
    if isinstance(known, str) and field.kind in ("integer", "float"):
        known = 1  # a metric's value, where a tag's is a text
    if known is not None:
        return [known] if field.repeated and not isinstance(known, list) else known
    if not field.required:
        return None
    return _absent(field)


def _absent(field: DeclaredField) -> JsonValue:
    """A value of the right type that names nothing."""
    one: JsonValue
    match field.kind:
        case "message":
            one = {f.name: _absent(f) for f in field.fields if f.required}
        case "enum":
            one = field.values[-1] if field.values else "NONE"
        case "integer" | "float":
            one = 1
        case "boolean":
            one = True
        case _:
            one = "999999999" if field.name.startswith("experiment_id") else ABSENT
    return [one] if field.repeated else one


def _asked(
    call: DeclaredCall, how: str, values: Mapping[str, JsonValue], things: ApiObjects | None
) -> ApiRequest:
    parts = []
    for part in call.path.split("/"):
        name = part[1:-1].partition("=")[0]
        if part.startswith("{"):
            known = things.find(call, name) if things else None
            parts.append(quote(str(known if known is not None else ABSENT), safe=""))
        else:
            parts.append(part)
    path = f"/api/{call.version}.0{'/'.join(parts)}"
    if call.method == "GET":
        pairs = [pair for name, value in values.items() for pair in _pairs(name, value)]
        return ApiRequest(call.name, how, "GET", f"{path}?{urlencode(pairs)}" if pairs else path)
    return ApiRequest(call.name, how, call.method, path, json.dumps(dict(values)).encode())


def _pairs(name: str, value: JsonValue) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _pairs(name, one)
    elif isinstance(value, (dict, bool)):
        yield name, json.dumps(value)
    else:
        yield name, value
