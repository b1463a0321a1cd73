# SPDX-License-Identifier: Apache-2.0
"""The traces of callers that trace themselves, as a Jaeger has them."""

from typing import cast

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.jaeger import Jaeger, Span, Trace
from mlflow_conformance.observability.callers import Caller
from mlflow_conformance.observability.traced import all_joined, arrived, without_database

ONE, OTHER = (Caller(number * 32, number * 16, sampled=True) for number in "ab")
SERVED = Span("1", ONE.span, "GET", "mlflow", {"span.kind": "server"})
STATEMENT = Span("2", "1", "SELECT", "mlflow", {"db.system": "postgresql"})


class Holds:
    """A Jaeger that holds some traces."""

    def __init__(self, *traces: Trace) -> None:
        self._traces = {trace.id: trace for trace in traces}

    def trace(self, number: str) -> Trace | None:
        return self._traces.get(number)


def holding(*traces: Trace) -> Jaeger:
    return cast(Jaeger, Holds(*traces))


def test_a_trace_without_the_servers_part_has_arrived_and_is_not_joined() -> None:
    jaeger = holding(Trace(ONE.trace, [SERVED]), Trace(OTHER.trace, [SERVED]))
    assert arrived(jaeger, [ONE, OTHER]) == [ONE, OTHER]
    assert list(all_joined(jaeger, [ONE, OTHER], Waiter(scale=0))) == [ONE]
    assert arrived(holding(), [ONE]) == []


def test_traces_without_the_database_are_told_by_their_ids() -> None:
    whole, lacking = Trace("t", [SERVED, STATEMENT]), Trace("u", [SERVED])
    assert without_database({ONE: whole}) == []
    assert without_database({ONE: lacking}) == ["u"]
