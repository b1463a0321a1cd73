# SPDX-License-Identifier: Apache-2.0
"""Fills a matrix: every source tries every destination, at once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.network_policy.matrix import Destination, Matrix, Source, probed
from mlflow_conformance.network_policy.pods import Probes


def survey(
    probes: Probes,
    sources: Mapping[str, Source],
    destinations: Sequence[Destination],
    waiter: Waiter,
) -> Matrix:
    """Try every cell once, and sources with an allowed path that is not open yet until it is.

    A policy is enforced on a new pod a moment after the pod's birth, on its own node and on the
    nodes that it connects to, so a path may open late; the matrix keeps every attempt.

    Raises:
        KubeFailed: a probe could not be made or asked.
        TimedOut: a probe pod was not ready in time.
    """
    sources = probed(sources)
    probes.ensure(sources)
    matrix = Matrix(sources, destinations)
    timeout_s = waiter.seconds("denied connection")

    def once() -> list[str]:
        asked = matrix.unsettled if matrix.cells else list(sources)
        replies = probes.attempts(dict.fromkeys(asked, destinations), timeout_s)
        for name, answers in replies.items():
            matrix.record(
                name,
                [
                    (destination, reply.outcome, reply.elapsed_s)
                    for destination, reply in zip(destinations, answers, strict=True)
                ],
            )
        return matrix.unsettled

    # Its time over, the matrix holds which cells stayed closed, and its reader judges them.
    with suppress(TimedOut):
        waiter.until(
            "open: every allowed path",
            once,
            done=lambda unsettled: not unsettled,
            timeout="policy enforced",
        )
    return matrix
