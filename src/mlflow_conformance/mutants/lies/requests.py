# SPDX-License-Identifier: Apache-2.0
"""Lies about what was asked: it is thrown away, carried out in part, or elsewhere."""

import re
import threading
from abc import abstractmethod
from dataclasses import replace
from typing import Any

from pydantic import Field, JsonValue, PrivateAttr

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.mutants.lies.base import (
    Asked,
    Forward,
    Lie,
    json_reply,
)


class Drop(Lie):
    """Acknowledges a request and throws it away."""

    name = "drop"
    body: dict[str, JsonValue] = Field(default={})

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        return self._tell(json_reply(self.body))


class Postpone(Lie):
    """Acknowledges a request without a body, as an object store does, and carries it out too late.

    That is when the mutant is over: what a check could not remove is in no later check's way.
    """

    name = "postpone"
    _owed: list[Asked] = PrivateAttr(default_factory=list)

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        with self._lock:
            self._owed.append(asked)
        return self._tell(Reply(204, {}, b"", 0))

    def settle(self, forward: Forward) -> None:
        """See `Lie.settle`.

        Raises:
            NoReply: the server did not answer, and what is owed to it stays undone.
        """
        for asked in self._owed:
            forward(asked)


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
        return self._tell(forward(asked.with_fields(body)))


class _OfField(Lie):
    """Carries out a request with another body, where that has the field; the truth elsewhere."""

    field: str

    @abstractmethod
    def _edit(self, body: dict[str, Any]) -> None:
        """Change the body's JSON object, which has the field."""

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        body = asked.fields()
        if self.field not in body:
            return forward(asked)
        self._edit(body)
        return self._tell(forward(asked.with_fields(body)))


class Ignore(_OfField):
    """Throws away one field of the request, and acknowledges it as if it had been heeded."""

    name = "ignore"

    def _edit(self, body: dict[str, Any]) -> None:
        del body[self.field]


class Substitute(_OfField):
    """Puts another value into a field of the request."""

    name = "substitute"
    value: JsonValue

    def _edit(self, body: dict[str, Any]) -> None:
        body[self.field] = self.value


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


class CompleteCut(Lie):
    """Takes what came of a body before the client went away for the whole of it."""

    name = "complete-cut"
    completes_what_was_cut = True

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        return self._tell(forward(asked))


class Misplace(Lie):
    """Carries out a request under another path."""

    name = "misplace"
    find: str
    put: str

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        target = re.sub(self.find, self.put, asked.target)
        return self._tell(forward(replace(asked, target=target)))


class Repeat(Lie):
    """Carries out a request twice, the second time at once or so many seconds later."""

    name = "repeat"
    after_s: float = Field(default=0, ge=0)
    _later: list[threading.Timer] = PrivateAttr(default_factory=list)

    def lie(self, asked: Asked, forward: Forward) -> Reply:
        """See `Lie.lie`."""
        reply = forward(asked)
        if self.after_s:
            again = threading.Timer(self.after_s, forward, [asked])
            again.start()
            self._later.append(again)
        else:
            forward(asked)
        return self._tell(reply)

    def settle(self, forward: Forward) -> None:  # noqa: ARG002 - what is not yet repeated is left
        """See `Lie.settle`."""
        for again in self._later:
            again.cancel()
            again.join()


class Copy(_OfField):
    """Puts the value of one field of the request into another as well."""

    name = "copy"
    to: str

    def _edit(self, body: dict[str, Any]) -> None:
        body[self.to] = body[self.field]


class HangUp(Lie):
    """Ends the connection without an answer, and does nothing."""

    name = "hang-up"

    def lie(self, asked: Asked, forward: Forward) -> Reply:  # noqa: ARG002 - that is the lie
        """See `Lie.lie`."""
        raise NoReply("reset", "the proxy hangs up", 0)


LIES: tuple[type[Lie], ...] = (
    Drop, Postpone, Forget, Ignore, Substitute, TruncateUpload, CompleteCut, Misplace, Repeat,
    Copy, HangUp,
)  # fmt: skip
"""All of them."""
