# SPDX-License-Identifier: Apache-2.0
"""How a deployment is traced while checks of it run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.observability.callers import Caller
from mlflow_conformance.observability.jaeger import Jaeger, Trace
from mlflow_conformance.stand.collecting import Collector


@dataclass(frozen=True)
class Tracing:
    """The Jaeger that its traces are sent to.

    Attributes:
        service: the name that the server's traces have.
        collector: what takes them; None where this run did not install it.
    """

    jaeger: Jaeger
    service: str
    collector: Collector | None

    def need_collector(self) -> Collector:
        """What takes traces.

        Raises:
            Undecided: it is not this run's own.
        """
        if self.collector is None:
            raise Undecided("a collector is taken away only where this run has installed it")
        return self.collector

    def joined(self, callers: Sequence[Caller]) -> dict[Caller, Trace]:
        """The traces of callers in which the server's span is a child of the caller's.

        Raises:
            NoReply, JaegerRefused: Jaeger does not answer.
        """
        found = {caller: self.jaeger.trace(caller.trace) for caller in callers}
        return {
            caller: trace for caller, trace in found.items() if trace and trace.served(caller.span)
        }

    def arrived(self, callers: Sequence[Caller]) -> list[Caller]:
        """The callers of whose traces any span has arrived.

        Raises:
            NoReply, JaegerRefused: Jaeger does not answer.
        """
        return [caller for caller in callers if self.jaeger.trace(caller.trace)]

    def all_joined(self, callers: Sequence[Caller], waiter: Waiter) -> dict[Caller, Trace]:
        """As `joined`, when all of them have arrived or the time for that is over.

        Raises:
            NoReply, JaegerRefused: Jaeger does not answer.
        """
        return waiter.last_seen(
            f"arrived: {len(callers)} traces",
            lambda: self.joined(callers),
            done=lambda found: len(found) == len(callers),
            timeout="traces arrived",
            interval_s=1,
        )


def without_database(joined: Mapping[Caller, Trace]) -> list[str]:
    """The traces, by their IDs, in which no statement of the database is below the request."""
    lacking = []
    for caller, trace in joined.items():
        served = trace.served(caller.span)
        if served is None or not any(span.of_database for span in trace.below(served)):
            lacking.append(trace.id)
    return lacking
