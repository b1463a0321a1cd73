# SPDX-License-Identifier: Apache-2.0
"""What writers suffered from a fault, kind by kind, from its start on.

A writer sends its next request when the one before has ended: what is told here is as exact as its
pace and, where requests hang, as their time-out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlflow_conformance.disruption.disturbance import Disturbance
from mlflow_conformance.disruption.thresholds import FaultBounds, WriteBounds
from mlflow_conformance.disruption.writers import KINDS, RECORDS, WriteSent
from mlflow_conformance.evidence.case import Evidence

_NS = 1_000_000_000
_WORDS = {
    "add": "batches of metrics",
    "param": "params",
    "tag": "tags",
    "version": "model versions",
    "alias": "aliases",
    "put": "artifacts",
}


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


def suffered(attempts: Sequence[WriteSent], fault_ns: int, until_ns: int) -> Suffered:
    """What requests of one kind suffered, from a fault to the end of its window."""
    since = [a for a in attempts if a.ended_ns >= fault_ns]
    failed = [a for a in since if not a.acknowledged]
    done = sorted(a.ended_ns for a in since if a.acknowledged)
    edges = [fault_ns, *done, max([until_ns, *done[-1:]])]
    begun = sorted(max(a.began_ns, fault_ns) for a in failed)
    return Suffered(
        silence_s=max(b - a for a, b in pairwise(edges)) / _NS,
        failing_s=(begun[-1] - begun[0]) / _NS if begun else 0.0,
        failed=len(failed),
        statuses=sorted({a.status for a in failed} - {0}),
        before=sum(not a.acknowledged for a in attempts) - len(failed),
    )


def expect_written(evidence: Evidence, seen: Disturbance, row: FaultBounds) -> None:
    """Writers of every kind were disturbed no longer and in no other way than promised."""
    for kind in KINDS:
        found = suffered([a for a in seen.attempts if a.kind == kind], seen.fault_ns, seen.until_ns)
        if found.before:
            evidence.note(f"{_WORDS[kind]}: failed before the fault", found.before, door="front")
        _judge(evidence, kind, found, row.record_writes if kind in RECORDS else row.artifact_writes)


def _judge(evidence: Evidence, kind: str, found: Suffered, bounds: WriteBounds) -> None:
    word = _WORDS[kind]
    if bounds.outage_s is not None:
        evidence.expect(
            "writes.silence", f"{word}: longest span without an acknowledged one",
            round(found.silence_s, 3), "<=", bounds.outage_s, unit="s", door="front",
        )  # fmt: skip
    if bounds.failing_s is not None:
        evidence.expect(
            "writes.failing", f"{word}: from the first to the last failed one",
            round(found.failing_s, 3), "<=", bounds.failing_s, unit="s", door="front",
        )  # fmt: skip
    if bounds.failed is None:
        evidence.note(f"{word}: failed", found.failed, door="front")
    else:
        evidence.expect(
            "writes.failed", f"{word}: failed", found.failed, "<=", bounds.failed, door="front"
        )
    if bounds.statuses is not None:
        evidence.expect(
            "writes.statuses", f"{word}: other HTTP statuses of failed ones",
            [s for s in found.statuses if s not in bounds.statuses], "==", [], door="front",
        )  # fmt: skip
