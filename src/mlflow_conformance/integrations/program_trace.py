# SPDX-License-Identifier: Apache-2.0
"""The trace of a program that uses MLflow: its own span, what it asked for, and MLflow's part."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlflow_conformance.doors.jaeger import Span, Trace

_API = re.compile(r"/api/\d+\.\d+/mlflow/(?P<call>.+)")


@dataclass(frozen=True)
class ProgramTrace:
    """A trace that begins with a span which a program made itself.

    Attributes:
        begin: that span.
        server: the name of the service that MLflow's spans have.
    """

    trace: Trace
    begin: Span
    server: str

    @property
    def requests(self) -> list[Span]:
        """The requests that the program sent in it, as the program saw them."""
        below = self.trace.below(self.begin)
        return [s for s in below if s.asks and s.service == self.begin.service and s.address]

    def calls(self) -> Mapping[str, int]:
        """How many requests there are for each of MLflow's calls, such as ``runs/create``."""
        return Counter(map(_call, self.requests))

    def unserved(self) -> list[str]:
        """The calls of requests without MLflow's own span below them."""
        return [_call(sent) for sent in self.requests if not self._served(sent)]

    def without_database(self) -> list[str]:
        """The calls of requests without a statement of the database below MLflow's span."""
        lacking = (sent for sent in self.requests if not self.trace.asks_database(sent.id))
        return [_call(sent) for sent in lacking]

    def whole(self, calls: Mapping[str, int]) -> bool:
        """Whether so many requests for each call have arrived, all of them with MLflow's part."""
        enough = all(self.calls().get(call, 0) >= count for call, count in calls.items())
        return enough and not self.unserved() and not self.without_database()

    def _served(self, sent: Span) -> bool:
        served = self.trace.served(sent.id)
        return served is not None and served.service == self.server


def begun_by(traces: Sequence[Trace], program: str, server: str) -> Iterator[ProgramTrace]:
    """Those of a program's traces that begin with a span of its own, and not with a request.

    Args:
        program, server: the names of the services that their spans have.
    """
    for trace in traces:
        for span in trace.spans:
            if span.parent is None and span.service == program and not span.asks:
                yield ProgramTrace(trace, span, server)


def _call(sent: Span) -> str:
    path = urlsplit(sent.address).path
    found = _API.search(path)
    return found["call"] if found else path
