# SPDX-License-Identifier: Apache-2.0
"""The ways in which a server can lie, each as one small rule.

A rule sees every exchange that its `method` and `path` match, and lies in one of every `one_in` of
them. Which one of each block is drawn from `seed`, so that a mutant lies at the same places every
time and never, by bad luck, not at all. Everything else passes through untouched.
"""

import json
import random
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PrivateAttr, ValidationError

from mlflow_conformance.config.documents import nearest
from mlflow_conformance.core.errors import Unusable
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
        return _object(self.body)


Forward = Callable[[Asked], Reply]


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def json_reply(value: JsonValue, status: int = 200) -> Reply:
    """A reply as MLflow would write it."""
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(value).encode(), 0)


def _edited(reply: Reply, field: str, edit: Callable[[Any], Any]) -> Reply:
    """The reply with one dotted field of its JSON object changed, if it has that field."""
    body = _object(reply.body)
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
        door: what it stands in front of: MLflow, or the object store as the suite sees it.
        method: regular expression that the whole method matches.
        path: regular expression that is searched in the path.
        one_in: it lies in one of so many exchanges that match.
        seed: draws which one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]
    completes_what_was_cut: ClassVar[bool] = False

    door: Literal["mlflow", "s3"] = "mlflow"
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

    def _tell(self, reply: Reply) -> Reply:
        with self._lock:
            self._told += 1
        return reply


class Drop(Lie):
    """Acknowledges a request and throws it away."""

    name = "drop"
    body: dict[str, JsonValue] = {}

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        return self._tell(json_reply(self.body))


class Forget(Lie):
    """Throws away one of every `every` entries of a list in the request, and acknowledges all."""

    name = "forget"
    field: str
    every: int = Field(default=1, ge=1)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        body = asked.fields()
        entries = body.get(self.field)
        if not isinstance(entries, list) or len(entries) < self.every:
            return forward(asked)
        body[self.field] = [e for n, e in enumerate(entries, 1) if n % self.every]
        return self._tell(forward(replace(asked, body=json.dumps(body).encode())))


class Ignore(Lie):
    """Throws away one field of the request, and acknowledges it as if it had been heeded."""

    name = "ignore"
    field: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        body = asked.fields()
        if self.field not in body:
            return forward(asked)
        del body[self.field]
        return self._tell(forward(replace(asked, body=json.dumps(body).encode())))


class Stale(Lie):
    """Gives an earlier reply to the same request again."""

    name = "stale"
    _kept: dict[tuple[str, str, bytes], Reply] = PrivateAttr(default_factory=dict)

    def truth(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.truth`."""
        reply = forward(asked)
        if reply.status == 200:
            self._kept.setdefault((asked.method, asked.target, asked.body), reply)
        return reply

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        kept = self._kept.get((asked.method, asked.target, asked.body))
        return self._tell(kept) if kept else self.truth(asked, forward)


class TruncateUpload(Lie):
    """Loses the last bytes of a body on its way in."""

    name = "truncate-upload"
    lost: int = Field(default=1, ge=1)
    longer_than: int = 0

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        if len(asked.body) <= max(self.longer_than, self.lost):
            return forward(asked)
        return self._tell(forward(replace(asked, body=asked.body[: -self.lost])))


class TruncateDownload(Lie):
    """Loses the last bytes of a body on its way out."""

    name = "truncate-download"
    lost: int = Field(default=1, ge=1)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        if reply.status != 200 or len(reply.body) <= self.lost:
            return reply
        return self._tell(replace(reply, body=reply.body[: -self.lost]))


class Misplace(Lie):
    """Carries out a request under another path."""

    name = "misplace"
    find: str
    put: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        target = re.sub(self.find, self.put, asked.target)
        return self._tell(forward(replace(asked, target=target)))


class DuplicateVersion(Lie):
    """Gives a model version the number of the one before it."""

    name = "duplicate-version"
    path: str = "model-versions/create$"

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        version = _object(reply.body).get("model_version", {}).get("version")
        if reply.status != 200 or not version or int(version) < 2:
            return reply
        return self._tell(_edited(reply, "model_version.version", lambda v: str(int(v) - 1)))


class Forgive(Lie):
    """Says 200 where the server refused."""

    name = "forgive"
    body: dict[str, JsonValue] = {}

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        return self._tell(json_reply(self.body)) if reply.status >= 400 else reply


class BothWin(Lie):
    """Tells everyone who creates the same experiment that they made it."""

    name = "both-win"
    path: str = "experiments/create$"

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        if reply.status != 400:
            return reply
        query = f"get-by-name?experiment_name={quote(str(asked.fields().get('name')), safe='')}"
        target = asked.target.replace("create", query)
        found = forward(Asked("GET", target, asked.headers, b""))
        made = _object(found.body).get("experiment", {}).get("experiment_id")
        return self._tell(json_reply({"experiment_id": made})) if made else reply


class Reverse(Lie):
    """Turns a list of the reply round."""

    name = "reverse"
    field: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(_edited(forward(asked), self.field, lambda v: list(reversed(v))))


class Omit(Lie):
    """Leaves the first entry of a list out of the reply."""

    name = "omit"
    field: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(_edited(forward(asked), self.field, lambda v: v[1:]))


class Change(Lie):
    """Says another value in one field of the reply."""

    name = "change"
    field: str
    value: JsonValue

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(_edited(forward(asked), self.field, lambda _: self.value))


class Fail(Lie):
    """Breaks with a status of its own where the server refused."""

    name = "fail"
    status: int = Field(default=500, ge=400, le=599)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        if reply.status < 400:
            return reply
        error: JsonValue = {"error_code": "INTERNAL_ERROR", "message": "Internal Server Error"}
        return self._tell(json_reply(error, self.status))


class CompleteCut(Lie):
    """Takes what came of a body before the client went away for the whole of it."""

    name = "complete-cut"
    completes_what_was_cut = True

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(forward(asked))


class Repeat(Lie):
    """Carries out a request twice."""

    name = "repeat"

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        forward(asked)
        return self._tell(reply)


class Substitute(Lie):
    """Puts another value into a field of the request."""

    name = "substitute"
    field: str
    value: JsonValue

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        body = asked.fields()
        if self.field not in body:
            return forward(asked)
        body[self.field] = self.value
        return self._tell(forward(replace(asked, body=json.dumps(body).encode())))


class Break(Lie):
    """Breaks with a status of its own, whatever was asked, and does nothing."""

    name = "break"
    status: int = Field(default=500, ge=400, le=599)

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        error: JsonValue = {"error_code": "INTERNAL_ERROR", "message": "Internal Server Error"}
        return self._tell(json_reply(error, self.status))


class Delay(Lie):
    """Answers right and late."""

    name = "delay"
    seconds: float = Field(gt=0, le=3600)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        time.sleep(self.seconds)
        return self._tell(forward(asked))


class Stall(Lie):
    """Stands still for the first `for_s` of every `every_s` seconds; all who come then wait."""

    name = "stall"
    for_s: float = Field(gt=0, le=3600)
    every_s: float = Field(gt=0, le=3600)
    _zero: float = PrivateAttr(default_factory=time.monotonic)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        left = self.for_s - (time.monotonic() - self._zero) % self.every_s
        if left <= 0:
            return forward(asked)
        time.sleep(left)
        return self._tell(forward(asked))


class Strip(Lie):
    """Leaves a header out of the reply."""

    name = "strip"
    header: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        kept = {k: v for k, v in reply.headers.items() if k.lower() != self.header.lower()}
        return self._tell(replace(reply, headers=kept))


class Label(Lie):
    """Adds a header to the reply."""

    name = "label"
    header: str
    value: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        return self._tell(replace(reply, headers={**reply.headers, self.header: self.value}))


class Serve(Lie):
    """Answers with bytes of its own, whatever was asked."""

    name = "serve"
    text: str
    content_type: str = "application/octet-stream"

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        headers = {"Content-Type": self.content_type}
        return self._tell(Reply(200, headers, self.text.encode(), 0))


LIES: dict[str, type[Lie]] = {
    lie.name: lie
    for lie in (
        BothWin, Break, Change, CompleteCut, Delay, Drop, DuplicateVersion, Fail, Forget, Forgive,
        Ignore, Label, Misplace, Omit, Repeat, Reverse, Serve, Stale, Stall, Strip, Substitute,
        TruncateDownload, TruncateUpload,
    )
}  # fmt: skip
"""Every rule by its name in `mutant.yaml`."""


def lie_of(rule: str, parameters: Mapping[str, JsonValue]) -> Lie:
    """A rule by name with its parameters.

    Raises:
        Unusable: there is no such rule, or a parameter is not as it must be.
    """
    if rule not in LIES:
        raise Unusable(
            f"The lying proxy has no rule {rule!r}{nearest(rule, LIES).rstrip('?')}",
            remedy=f"Use one of: {', '.join(LIES)}",
        )
    try:
        lie = LIES[rule].model_validate(dict(parameters))
        re.compile(lie.method)
        re.compile(lie.path)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise Unusable(
            f"The rule {rule!r} of the lying proxy cannot be used: "
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            remedy="docs/mutants.md lists the rules and their parameters",
        ) from problem
    except re.error as problem:
        raise Unusable(
            f"A pattern of the rule {rule!r} is no regular expression: {problem}",
            remedy="Correct it in the mutant",
        ) from problem
    return lie
