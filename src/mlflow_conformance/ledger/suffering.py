# SPDX-License-Identifier: Apache-2.0
"""What the requests of one kind suffered from something that happened, from its start on.

A client sends its next request when the one before has ended: what is told here is as exact as its
pace and, where requests hang, as their time-out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlflow_conformance.ledger.pacing import SentRequest

_NS = 1_000_000_000


@dataclass(frozen=True)
class Suffered:
    """What became of the requests of one kind.

    Attributes:
        silence_s: the longest span without an acknowledged one.
        failing_s: from the start of the first failed one to that of the last; 0 without one.
        statuses: of those that failed, without the ones that got no answer.
        before: how many had failed when the fault began, which is not its doing.
    """

    silence_s: float
    failing_s: float
    failed: int
    statuses: Sequence[int]
    before: int


def suffered(attempts: Sequence[SentRequest], since_ns: int, until_ns: int) -> Suffered:
    """What requests of one kind suffered, from a fault to the end of its window."""
    since = [a for a in attempts if a.ended_ns >= since_ns]
    failed = [a for a in since if not a.acknowledged]
    done = sorted(a.ended_ns for a in since if a.acknowledged)
    edges = [since_ns, *done, max([until_ns, *done[-1:]])]
    begun = sorted(max(a.began_ns, since_ns) for a in failed)
    return Suffered(
        silence_s=max(b - a for a, b in pairwise(edges)) / _NS,
        failing_s=(begun[-1] - begun[0]) / _NS if begun else 0.0,
        failed=len(failed),
        statuses=sorted({a.status for a in failed} - {0}),
        before=sum(not a.acknowledged for a in attempts) - len(failed),
    )
