# SPDX-License-Identifier: Apache-2.0
"""Answers of two servers to the same requests, compared by status, fields and types.

A client breaks when a call that worked is refused, when a field that it reads is gone, when the
field's type is another one, or when a refusal has another status or error code: by them it knows
whether something is not there yet or was asked for wrongly. A new field, a version's own number
and a refusal that became an answer break none.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import error_of

Kind = Literal["worse", "gone", "type", "refusal", "page", "new", "better"]
"""`worse`: refused or broken where A answered, or broken where A refused. `gone`: a field that A
has. `type`: a field of another type. These break clients. `refusal`: refused in other words.
`page`: a body that is no JSON at both, of another media type. `new`: a field that A lacks.
`better`: answered where A did not."""
BREAKING: tuple[Kind, ...] = ("worse", "gone", "type", "refusal")


@dataclass(frozen=True)
class ApiAnswer:
    """One reply, in what clients depend on.

    Attributes:
        status: 0 without a reply.
        code: MLflow's error code, or why no reply came.
        shape: types by the fields' paths; ``[]`` stands for every element of a list.
    """

    status: int
    code: str
    shape: Mapping[str, frozenset[str]]

    @property
    def good(self) -> bool:
        """It is what was asked for."""
        return 200 <= self.status < 300

    @property
    def broken(self) -> bool:
        """The server failed, or did not answer."""
        return self.status == 0 or self.status >= 500

    def __str__(self) -> str:
        """Status and code."""
        return f"{self.status or 'no reply'} {self.code}".strip()


@dataclass(frozen=True)
class AnswerDifference:
    """One thing in which two answers differ, as people read it."""

    request: str
    kind: Kind
    text: str

    def __str__(self) -> str:
        """Where it is and what it is."""
        return f"{self.request}: {self.text}"


def answer_of(reply: Reply | NoReply) -> ApiAnswer:
    """A reply in what clients depend on."""
    if isinstance(reply, NoReply):
        return ApiAnswer(0, reply.failure, {})
    code = "" if 200 <= reply.status < 300 else error_of(reply)[0]
    try:
        value: JsonValue = json.loads(reply.body)
    except ValueError:
        kind = next((v for k, v in reply.headers.items() if k.lower() == "content-type"), "")
        return ApiAnswer(reply.status, code, {"": frozenset({kind.partition(";")[0] or "bytes"})})
    shape: dict[str, set[str]] = {}
    for path, name in _types("", value):
        shape.setdefault(path, set()).add(name)
    return ApiAnswer(reply.status, code, {path: frozenset(names) for path, names in shape.items()})


def _types(path: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            yield path, "object"
            for key, one in value.items():
                yield from _types(f"{path}.{key}" if path else key, one)
        case list():
            yield path, "list"
            for one in value:
                yield from _types(f"{path}[]", one)
        case bool():
            yield path, "boolean"
        case int() | float():
            yield path, "number"
        case str():
            yield path, "string"
        case _:
            yield path, "null"


def differences(
    names: Sequence[str], ours: Sequence[ApiAnswer], theirs: Sequence[ApiAnswer]
) -> list[AnswerDifference]:
    """In what B's answers differ from A's, request by request."""
    found = []
    for name, a, b in zip(names, ours, theirs, strict=True):
        found += [AnswerDifference(name, kind, text) for kind, text in _between(a, b)]
    return found


def _between(a: ApiAnswer, b: ApiAnswer) -> Iterator[tuple[Kind, str]]:
    if a.status != b.status or (a.code != b.code and not a.good):
        text = f"{a} became {b}"
        if (a.good and not b.good) or (b.broken and not a.broken):
            yield "worse", text
        elif b.good or (a.broken and not b.broken):
            yield "better", text
        else:
            yield "refusal", text
    if a.good is not b.good or a.broken or b.broken:
        return
    for path in sorted(a.shape.keys() | b.shape.keys()):
        before, after = a.shape.get(path), b.shape.get(path)
        if before is None:
            yield "new", f"{path or 'the body'} is new"
        elif after is None:
            # What an object or list holds is gone with it: one line for both.
            if not _parent_gone(path, a, b):
                yield "gone", f"{path or 'the body'} is gone"
        elif not after <= before:
            pages = all("/" in name for name in before | after)
            text = f"{path or 'the body'} was {_words(before)} and is {_words(after)}"
            yield "page" if pages else "type", text


def _parent_gone(path: str, a: ApiAnswer, b: ApiAnswer) -> bool:
    parents = [path[: found.start()] for found in re.finditer(r"\.|\[\]", path)]
    return any(p in a.shape and p not in b.shape for p in parents)


def _words(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))
