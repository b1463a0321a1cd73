# SPDX-License-Identifier: Apache-2.0
"""The traces of callers that trace themselves, as they have arrived."""

from collections.abc import Mapping, Sequence

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.jaeger import Jaeger, Trace
from mlflow_conformance.observability.callers import Caller


def arrived(jaeger: Jaeger, callers: Sequence[Caller]) -> list[Caller]:
    """The callers of whose traces any span has arrived.

    Raises:
        NoReply, JaegerRefused: Jaeger does not answer.
    """
    return [caller for caller in callers if jaeger.trace(caller.trace)]


def all_joined(jaeger: Jaeger, callers: Sequence[Caller], waiter: Waiter) -> dict[Caller, Trace]:
    """The traces of callers in which the server's span is a child of the caller's, when all of
    them have arrived or the time for that is over.

    Raises:
        NoReply, JaegerRefused: Jaeger does not answer.
    """
    return waiter.last_seen(
        f"arrived: {len(callers)} traces",
        lambda: _joined(jaeger, callers),
        done=lambda found: len(found) == len(callers),
        timeout="traces arrived",
        interval_s=1,
    )


def without_database(joined: Mapping[Caller, Trace]) -> list[str]:
    """The traces, by their IDs, in which no statement of the database is below the request."""
    return [trace.id for caller, trace in joined.items() if not trace.asks_database(caller.span)]


def _joined(jaeger: Jaeger, callers: Sequence[Caller]) -> dict[Caller, Trace]:
    found = {caller: jaeger.trace(caller.trace) for caller in callers}
    return {caller: trace for caller, trace in found.items() if trace and trace.served(caller.span)}
