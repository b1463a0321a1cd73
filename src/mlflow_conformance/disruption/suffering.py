# SPDX-License-Identifier: Apache-2.0
"""What is promised of writers under a fault, kind by kind, from its start on."""

from dataclasses import replace

from mlflow_conformance.disruption.disturbance import Disturbance
from mlflow_conformance.disruption.thresholds import FaultBounds, WriteBounds
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.ledger.suffering import Suffered, suffered
from mlflow_conformance.ledger.writers import KINDS, RECORDS

_WORDS = {
    "add": "batches of metrics",
    "param": "params",
    "tag": "tags",
    "version": "model versions",
    "alias": "aliases",
    "put": "artifacts",
}


def expect_written(
    evidence: Evidence, seen: Disturbance, row: FaultBounds, starved: str = ""
) -> None:
    """Writers of every kind were disturbed no longer and in no other way than promised.

    As many of all their writes as undisturbed load loses are noise, and not counted.

    Args:
        starved: why what is too slow, or fails for it, need not be the deployment's doing.
    """
    requests = sum(a.ended_ns >= seen.fault_ns for a in seen.attempts)
    strays = seen.undisturbed.strays(requests, row.stray_share)
    for kind in KINDS:
        sent = [a for a in seen.attempts if a.kind == kind]
        found = suffered(sent, seen.fault_ns, seen.until_ns)
        noise = min(strays, found.failed)
        found, strays = replace(found, failed=found.failed - noise), strays - noise
        if found.before:
            evidence.note(f"{_WORDS[kind]}: failed before the fault", found.before, door="front")
        if not any(a.acknowledged and a.began_ns >= seen.over_ns for a in sent):
            # However long the promise lets it be silent.
            evidence.expect(
                "writes.silence", f"{_WORDS[kind]}: acknowledged again", False, "==", True,
                door="front",
            )  # fmt: skip
        bounds = row.record_writes if kind in RECORDS else row.artifact_writes
        _judge(evidence, kind, found, bounds, starved)


def _judge(
    evidence: Evidence, kind: str, found: Suffered, bounds: WriteBounds, starved: str
) -> None:
    word = _WORDS[kind]
    evidence.expect(
        "writes.silence", f"{word}: longest span without an acknowledged one",
        round(found.silence_s, 3), "<=", bounds.outage_s, unit="s", door="front",
        unless=starved,
    )  # fmt: skip
    if bounds.failing_s is not None:
        evidence.expect(
            "writes.failing", f"{word}: from the first to the last failed one",
            round(found.failing_s, 3), "<=", bounds.failing_s, unit="s", door="front",
            unless=starved,
        )  # fmt: skip
    if bounds.failed is None:
        evidence.note(f"{word}: failed", found.failed, door="front")
    else:
        evidence.expect(
            "writes.failed", f"{word}: failed", found.failed, "<=", bounds.failed, door="front",
            unless=starved,
        )  # fmt: skip
    if bounds.statuses is not None:
        evidence.expect(
            "writes.statuses", f"{word}: other HTTP statuses of failed ones",
            [s for s in found.statuses if s not in bounds.statuses], "==", [], door="front",
        )  # fmt: skip
