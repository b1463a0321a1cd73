# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong on purpose, made from MLflow's own API definition.

MLflow declares its REST API in protocol buffers: every call with its HTTP method and path, every
field with its type. From that, each request here takes one call and one way of being wrong, so
that a failure names both and can be repeated by its seed.
"""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import JsonValue

_FAMILIES = (
    "experiments", "runs", "metrics", "registered-models", "model-versions", "logged-models",
    "traces",
)  # fmt: skip
_CREATORS = frozenset({"/mlflow/experiments/create", "/mlflow/registered-models/create"})
_ABSENT = "ffffffffffffffffffffffffffffffff"
_LONG = 70_000
TRACES = (_ABSENT, "x" * 50, "DROP TABLE", "etc/passwd", "NO_SUCH_VALUE", "999999999")
"""What these requests ask for, as it would stand in a row that one of them wrote."""


@dataclass(frozen=True)
class Field:
    """One field of a call: its kind is string, integer, float, boolean, message or enum."""

    name: str
    kind: str
    repeated: bool


@dataclass(frozen=True)
class Call:
    """One call of the API; `path` may hold parameters in braces."""

    method: str
    path: str
    version: int
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class BadRequest:
    """One request and what is wrong with it."""

    method: str
    path: str
    call: str
    wrong: str
    body: bytes | None

    @property
    def signature(self) -> str:
        """The call and the kind of wrong, without what was drawn at random."""
        return f"{self.method} {self.call}: {self.wrong}"

    @property
    def reads(self) -> bool:
        """It asks for something and changes nothing, so 200 is no harm."""
        return self.method == "GET" or "search" in self.call or "get" in self.call.rsplit("/", 1)[1]

    def reproducer(self, url: str = "$MLFLOW_TRACKING_URI") -> str:
        """A command that sends it."""
        data = ""
        if self.body is not None:
            text = self.body.decode("latin-1")
            shown = text if len(text) <= 300 else text[:150] + f"…({len(text)} characters)"
            data = f" -H 'Content-Type: application/json' --data-binary {shlex.quote(shown)}"
        return f"curl -X {self.method}{data} '{url}{self.path[:400]}'"


def calls() -> list[Call]:
    """The calls of tracking and registry that the installed MLflow declares."""
    from mlflow.protos import databricks_pb2, model_registry_pb2, service_pb2

    found = []
    for service in (
        service_pb2.DESCRIPTOR.services_by_name["MlflowService"],
        model_registry_pb2.DESCRIPTOR.services_by_name["ModelRegistryService"],
    ):
        for method in service.methods:
            for endpoint in method.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                if not endpoint.path.startswith(tuple(f"/mlflow/{f}" for f in _FAMILIES)):
                    continue
                fields = tuple(_field(f) for f in method.input_type.fields)
                found.append(Call(endpoint.method, endpoint.path, endpoint.since.major, fields))
    return sorted(found, key=lambda c: (c.path, c.method))


def _field(descriptor: Any) -> Field:
    kinds = {
        descriptor.CPPTYPE_STRING: "string", descriptor.CPPTYPE_MESSAGE: "message",
        descriptor.CPPTYPE_ENUM: "enum", descriptor.CPPTYPE_BOOL: "boolean",
        descriptor.CPPTYPE_DOUBLE: "float", descriptor.CPPTYPE_FLOAT: "float",
    }  # fmt: skip
    repeated = bool(descriptor.is_repeated)
    return Field(descriptor.name, kinds.get(descriptor.cpp_type, "integer"), repeated)


_PLAIN: dict[str, JsonValue] = {
    "integer": 1, "float": 1.0, "boolean": True, "enum": "NO_SUCH_VALUE",
}  # fmt: skip


def _plausible(field: Field) -> JsonValue:
    """A value of the right type that names nothing that exists."""
    if field.kind == "message":
        one: JsonValue = {}
    elif field.kind == "string":
        number = field.name in ("experiment_id", "experiment_ids")
        one = "999999999" if number else _ABSENT if "id" in field.name else f"absent-{_ABSENT}"
    else:
        one = _PLAIN[field.kind]
    return [one] if field.repeated else one


_WRONG_TYPES: dict[str, Sequence[JsonValue]] = {
    "string": (17, {"a": 1}, ["x"], True),
    "integer": ("seven", {"a": 1}, 2**70, -(2**70), 1.5, [1]),
    "float": ("much", {"a": 1}, [1.0]),
    "boolean": ("perhaps", 17, {"a": 1}),
    "enum": (-17, {"a": 1}, "nothing"),
    "message": ("text", 17, [1]),
}

_TEXTS: dict[str, str] = {
    "empty": "",
    "long": "x" * _LONG,
    "NUL": "a\x00b",
    "lone surrogate": "\ud800",
    "quotes": "'; DROP TABLE runs; --",
    "path": "../../../../etc/passwd",
    "control": "a\r\n\tb",
}

_BODIES: dict[str, bytes] = {
    "cut JSON": b'{"a": ',
    "JSON array": b"[]",
    "JSON null": b"null",
    "JSON text": b'"x"',
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "deep JSON": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "empty body": b"",
}


def generate(rng: Random, count: int) -> list[BadRequest]:
    """`count` requests: every call in turn, each time wrong in another way."""
    known = calls()
    ways = {call: _ways(call, rng) for call in known}
    order = list(known)
    found: list[BadRequest] = []
    while len(found) < count and any(ways.values()):
        rng.shuffle(order)
        found += [ways[call].pop()() for call in order if ways[call]]
    return found[:count]


def _ways(call: Call, rng: Random) -> list[Callable[[], BadRequest]]:
    """The ways in which one call can be wrong, in random order."""
    made = list(_each_way(call, rng))
    rng.shuffle(made)
    return made


def _each_way(call: Call, rng: Random) -> Iterator[Callable[[], BadRequest]]:
    request = partial(_request, call)
    in_path = {part[1:-1] for part in call.path.split("/") if part.startswith("{")}
    fields = [f for f in call.fields if f.name not in in_path]
    good = {f.name: _plausible(f) for f in fields}
    # What makes something new must be wrong in its name, or it would be right.
    creates = call.path in _CREATORS
    if not creates:
        yield partial(request, "names nothing that exists", good)
    yield partial(request, "nothing given", {})
    for field in fields if not creates else [f for f in fields if f.name == "name"]:
        wrong = rng.choice(_WRONG_TYPES[field.kind])
        value: JsonValue = [wrong] if field.repeated and rng.random() < 0.5 else wrong
        yield partial(request, f"{field.name} of a wrong type", {**good, field.name: value})
        if field.kind == "string" and not field.repeated:
            for name in ("empty", "long") if creates else rng.sample(sorted(_TEXTS), 2):
                yield partial(request, f"{field.name} {name}", {**good, field.name: _TEXTS[name]})
    if call.method != "GET":
        for name in rng.sample(sorted(_BODIES), 3):
            yield partial(request, name, {}, body=_BODIES[name])
    for parameter in sorted(in_path):
        # A slash, even an encoded one, would lead to no call at all.
        name = rng.choice(("long", "NUL", "quotes"))
        yield partial(request, f"{parameter} {name}", good, in_path={parameter: _TEXTS[name]})


def _request(
    call: Call,
    wrong: str,
    values: dict[str, JsonValue],
    body: bytes | None = None,
    in_path: dict[str, str] | None = None,
) -> BadRequest:
    path = "/".join(
        quote((in_path or {}).get(part[1:-1], _ABSENT)[:1500], safe="")
        if part.startswith("{")
        else part
        for part in call.path.split("/")
    )
    path = f"/api/{call.version}.0{path}"
    if call.method == "GET":
        pairs = [(k, _text(v)) for k, v in values.items()]
        query = urlencode(pairs, errors="surrogatepass")
        return BadRequest("GET", f"{path}?{query[:6000]}", call.path, wrong, None)
    content = body if body is not None else json.dumps(values).encode()
    return BadRequest(call.method, path, call.path, wrong, content)


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
