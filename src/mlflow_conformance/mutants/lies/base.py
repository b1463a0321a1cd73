# SPDX-License-Identifier: Apache-2.0
"""What every lie is made of: the exchange, and when it is time to lie.

A rule sees every exchange that its `method` and `path` match, and lies in one of every `one_in` of
them. Which one of each block is drawn from `seed`, so that a mutant lies at the same places every
time and never, by bad luck, not at all. Everything else passes through untouched.
"""

import json
import random
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PrivateAttr

from mlflow_conformance.doors.http import Reply


@dataclass(frozen=True)
class Asked:
    """One request; `target` is its path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]

    def fields(self) -> dict[str, Any]:
        """The body's JSON object; empty when it is none."""
        return json_object(self.body)

    def with_fields(self, fields: Mapping[str, Any]) -> "Asked":
        """The same request with another JSON object as its body."""
        return replace(self, body=json.dumps(fields).encode())


Forward = Callable[[Asked], Reply]


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is; empty when it is none."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def json_reply(value: JsonValue, status: int = 200) -> Reply:
    """A reply as MLflow would write it."""
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(value).encode(), 0)


def broken_reply(status: int) -> Reply:
    """How MLflow says that it broke."""
    error: JsonValue = {"error_code": "INTERNAL_ERROR", "message": "Internal Server Error"}
    return json_reply(error, status)


def edited(reply: Reply, field: str, edit: Callable[[Any], Any]) -> Reply:
    """The reply with one dotted field of its JSON object changed, if it has that field."""
    body = json_object(reply.body)
    *parents, last = field.split(".")
    holder: Any = body
    for parent in parents:
        holder = holder.get(parent) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or last not in holder:
        return reply
    holder[last] = edit(holder[last])
    return replace(json_reply(body), status=reply.status)


class Lie(BaseModel, ABC):
    """A rule and its parameters.

    Attributes:
        name: as `mutant.yaml` spells it.
        door: what it stands in front of: MLflow, the object store as the suite sees it, or
            one server of the pair that stands before an upgrade.
        method: regular expression that the whole method matches.
        path: regular expression that is searched in the path.
        one_in: it lies in one of so many exchanges that match.
        seed: draws which one.
    """

    # Built when it is told: every run loads all lies, and tells one at the most.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    name: ClassVar[str]
    completes_what_was_cut: ClassVar[bool] = False

    door: Literal["mlflow", "s3", "pair-a", "pair-b"] = "mlflow"
    method: str = ".*"
    path: str = ""
    one_in: int = Field(default=1, ge=1)
    seed: int = 0
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _seen: int = PrivateAttr(default=0)
    _chosen: int = PrivateAttr(default=0)
    _told: int = PrivateAttr(default=0)

    @property
    def told(self) -> int:
        """How often it lied."""
        return self._told

    def answer(self, asked: Asked, forward: Forward) -> Reply:
        """Answer a request, truthfully or not."""
        if not (re.fullmatch(self.method, asked.method) and re.search(self.path, asked.path)):
            return forward(asked)
        with self._lock:
            if self._seen % self.one_in == 0:
                draw = random.Random(f"{self.seed}:{self._seen}")  # noqa: S311 - no secret
                self._chosen = draw.randrange(self.one_in)
            due = self._seen % self.one_in == self._chosen
            self._seen += 1
        return self.lie(asked, forward) if due else self.truth(asked, forward)

    def truth(self, asked: Asked, forward: Forward) -> Reply:
        """What it does when it is not the time to lie."""
        return forward(asked)

    @abstractmethod
    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """What it does when it is."""

    def settle(self, forward: Forward) -> None:
        """Make up for what it did when it is over, so that the next check finds nothing of it."""

    def _tell(self, reply: Reply) -> Reply:
        with self._lock:
            self._told += 1
        return reply
