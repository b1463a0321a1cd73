# SPDX-License-Identifier: Apache-2.0
"""What a Jaeger answers, by the JSON API of its query service (jaegertracing.io, "APIs")."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.http import Sender

_MICROSECONDS = 1_000_000


class JaegerRefused(Exception):  # noqa: N818 - an observation rather than a defect
    """Jaeger did not answer a question."""


@dataclass(frozen=True)
class Span:
    """One span of a trace.

    Attributes:
        id: its own, as 16 hexadecimal digits.
        parent: that of the span which it is a child of; None of a root.
        service: the name of who made it.
        tags: its attributes, and ``span.kind``; values as texts.
    """

    id: str
    parent: str | None
    name: str
    service: str
    tags: Mapping[str, str]

    @property
    def serves(self) -> bool:
        """Whether it is a request as its server saw it."""
        return self.tags.get("span.kind") == "server"

    @property
    def asks(self) -> bool:
        """Whether it is a request as who sent it saw it."""
        return self.tags.get("span.kind") == "client"

    @property
    def address(self) -> str:
        """Where a request went to; empty where its span does not say so.

        OpenTelemetry's ``url.full``, which was ``http.url`` before its conventions were stable.
        """
        return self.tags.get("url.full") or self.tags.get("http.url", "")

    @property
    def of_database(self) -> bool:
        """Whether it is a statement that a database was given (OpenTelemetry's ``db.system``)."""
        return any(tag in self.tags for tag in ("db.system", "db.system.name"))


@dataclass(frozen=True)
class Trace:
    """The spans of one trace that have arrived until now.

    Attributes:
        id: as 32 hexadecimal digits.
    """

    id: str
    spans: Sequence[Span]

    def served(self, caller: str) -> Span | None:
        """The request of a caller as the server saw it; None where there is no such span.

        Args:
            caller: the span that the request was sent in.
        """
        return next((s for s in self.spans if s.serves and s.parent == caller), None)

    def asks_database(self, caller: str) -> bool:
        """Whether a statement of the database is below a caller's request at the server."""
        served = self.served(caller)
        return served is not None and any(span.of_database for span in self.below(served))

    def below(self, top: Span) -> Iterator[Span]:
        """Every span that a way of parents leads from to another one."""
        parents = {top.id}
        left = [span for span in self.spans if span is not top]
        while found := [span for span in left if span.parent in parents]:
            yield from found
            parents = {span.id for span in found}
            left = [span for span in left if span not in found]

    def mentions(self, text: str) -> bool:
        """Whether an attribute of any span holds a text."""
        return any(text in value for span in self.spans for value in span.tags.values())


@dataclass(frozen=True)
class Jaeger:
    """A Jaeger, asked once for each question.

    Attributes:
        url: of its query service, without a trailing slash.
    """

    send: Sender
    url: str
    timeout_s: float

    def trace(self, number: str) -> Trace | None:
        """A trace; None where no span of it has arrived.

        Args:
            number: its ID, as 32 hexadecimal digits.

        Raises:
            NoReply, JaegerRefused: it does not answer.
        """
        found = self._asked(f"traces/{number}", missing=True)
        return _trace(found[0]) if found else None

    def newest(self, service: str, start_s: float, end_s: float, limit: int) -> list[Trace]:
        """The newest traces of a service, at most so many.

        Args:
            start_s: when they began at the earliest, seconds since the epoch.
            end_s: and at the latest.

        Raises:
            NoReply, JaegerRefused: it does not answer.
        """
        query = urlencode(
            {
                "service": service,
                "start": int(start_s * _MICROSECONDS),
                "end": int(end_s * _MICROSECONDS),
                "limit": limit,
            }
        )
        return [_trace(each) for each in self._asked(f"traces?{query}")]

    def _asked(self, what: str, *, missing: bool = False) -> list[dict[str, Any]]:
        address = f"{self.url}/api/{what}"
        reply = self.send("GET", address, headers={}, body=None, timeout_s=self.timeout_s)
        if missing and reply.status == 404:
            return []
        try:
            said: Any = reply.json()
            if reply.status == 200:
                found: list[dict[str, Any]] = said["data"] or []
                return found
            why = brief(str(said["errors"]))
        except (ValueError, KeyError, TypeError):
            why = brief(reply.text)
        raise JaegerRefused(f"Jaeger answered {reply.status} to {what}: {why}")


def _trace(said: dict[str, Any]) -> Trace:
    processes = said["processes"]
    spans = [_span(each, processes[each["processID"]]["serviceName"]) for each in said["spans"]]
    return Trace(id=said["traceID"].zfill(32), spans=spans)


def _span(said: dict[str, Any], service: str) -> Span:
    parents = [r["spanID"] for r in said["references"] if r["refType"] == "CHILD_OF"]
    return Span(
        id=said["spanID"].zfill(16),
        parent=parents[0].zfill(16) if parents else None,
        name=said["operationName"],
        service=service,
        tags={tag["key"]: str(tag["value"]) for tag in said["tags"]},
    )
