# SPDX-License-Identifier: Apache-2.0
"""Lies in the answer: what is not so, what was so, and what was not asked for."""

from dataclasses import replace
from urllib.parse import quote

from pydantic import Field, JsonValue, PrivateAttr

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.mutants.lies.base import (
    Asked,
    Forward,
    Lie,
    broken_reply,
    edited,
    json_object,
    json_reply,
)


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


class DuplicateVersion(Lie):
    """Gives a model version the number of the one before it."""

    name = "duplicate-version"
    path: str = "model-versions/create$"

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        version = json_object(reply.body).get("model_version", {}).get("version")
        if reply.status != 200 or not version or int(version) < 2:
            return reply
        return self._tell(edited(reply, "model_version.version", lambda v: str(int(v) - 1)))


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
        made = json_object(found.body).get("experiment", {}).get("experiment_id")
        return self._tell(json_reply({"experiment_id": made})) if made else reply


class Forgive(Lie):
    """Says 200 where the server refused."""

    name = "forgive"
    body: dict[str, JsonValue] = Field(default={})

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        return self._tell(json_reply(self.body)) if reply.status >= 400 else reply


class Fail(Lie):
    """Breaks with a status of its own where the server refused."""

    name = "fail"
    status: int = Field(default=500, ge=400, le=599)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        if reply.status < 400:
            return reply
        return self._tell(broken_reply(self.status))


class Break(Lie):
    """Breaks with a status of its own, whatever was asked, and does nothing."""

    name = "break"
    status: int = Field(default=500, ge=400, le=599)

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        return self._tell(broken_reply(self.status))


class Reverse(Lie):
    """Turns a list of the reply round."""

    name = "reverse"
    field: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(edited(forward(asked), self.field, lambda v: list(reversed(v))))


class Omit(Lie):
    """Leaves the first entry of a list out of the reply."""

    name = "omit"
    field: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(edited(forward(asked), self.field, lambda v: v[1:]))


class Change(Lie):
    """Says another value in one field of the reply."""

    name = "change"
    field: str
    value: JsonValue

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(edited(forward(asked), self.field, lambda _: self.value))


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


LIES: tuple[type[Lie], ...] = (
    Stale, TruncateDownload, DuplicateVersion, BothWin, Forgive, Fail, Break, Reverse, Omit,
    Change, Strip, Label, Serve,
)  # fmt: skip
"""All of them."""
