# SPDX-License-Identifier: Apache-2.0
"""Holds a played scenario against what a profile promises, in a check's evidence."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.disturbance import Disturbance
from mlflow_conformance.disruption.proofs import (
    decoys,
    disturbed_decoys,
    disturbed_neighbours,
    prove,
)
from mlflow_conformance.disruption.suffering import expect_written
from mlflow_conformance.disruption.thresholds import FaultBounds, PlayedBounds
from mlflow_conformance.disruption.undisturbed import Undisturbed
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.writers import KINDS
from mlflow_conformance.ledger.writes_kept import WritesKept, wrong_with
from mlflow_conformance.load.expectations import excuse, expect_outage, note_load, note_others
from mlflow_conformance.load.run_record import RunRecord

_US = 1_000_000


@dataclass(frozen=True)
class Failing:
    """The span from the first to the last request that failed, both included; zero without one.

    Attributes:
        seconds: from the one's planned moment to the other's.
        after_s: the last one's planned moment, from the start of the fault.
        before: how many had failed when the fault began, which is not its doing.
    """

    requests: int
    seconds: float
    after_s: float
    before: int


def failing(window: RunRecord, fault_s: float) -> Failing:
    """How long clients were disturbed by a fault, told from planned moments.

    Args:
        fault_s: when the fault began, seconds from the start of the window.
    """
    fault_us = window.since_us + round(fault_s * _US)
    moments = [r.planned_us for r in window.records if r.failure]
    failed = [at for at in moments if at >= fault_us]
    before = len(moments) - len(failed)
    if not failed:
        return Failing(0, 0.0, 0.0, before)
    return Failing(
        len(failed), (failed[-1] - failed[0]) / _US, (failed[-1] - fault_us) / _US, before
    )


def expect_kept(
    evidence: Evidence,
    seen: Disturbance,
    operations: Sequence[Operation],
    kept: Sequence[WritesKept],
    row: PlayedBounds,
) -> None:
    """No acknowledged write is lost, torn or changed, at any door.

    Raises:
        Undecided: fewer writes were acknowledged, in all or before the fault, than the row asks.
    """
    acknowledged = sum(o.acknowledged for o in operations)
    evidence.note("acknowledged writes", acknowledged)
    before = Counter(
        o.kind
        for o in operations
        if o.acknowledged and o.returned_ns is not None and o.returned_ns < seen.fault_ns
    )
    evidence.note("acknowledged before the fault", {kind: before[kind] for kind in KINDS})
    evidence.note("writes without an answer", sum(o.outcome == "open" for o in operations))
    for each in kept:
        if each.shown:
            door = f"{each.door} ({each.kind})"
            evidence.note(f"acknowledged, read back by {door}", each.finding.acknowledged)
            evidence.note(
                f"without an answer and there nevertheless, by {door}", len(each.finding.recovered)
            )
    wrong, unless = wrong_with(kept)
    evidence.expect(
        "writes.kept", "what is wrong with acknowledged writes", wrong, "==", [], unless=unless
    )
    if acknowledged < row.writes:
        evidence.undecided(f"only {acknowledged} writes were acknowledged, {row.writes} are asked")
    for kind, least in asked_before(row).items():
        if before[kind] < least:
            evidence.undecided(
                f"only {before[kind]} of kind {kind} were acknowledged before the fault, "
                f"{least} are asked"
            )


def asked_before(row: PlayedBounds) -> dict[str, int]:
    """Writes that must be acknowledged when the fault comes, by kind of the ledger's operations."""
    return dict.fromkeys(KINDS, row.artifacts_before) | {"add": row.writes_before}


def expect_proven(evidence: Evidence, seen: Disturbance) -> str:
    """The fault happened; returns the proof.

    Raises:
        Undecided: nothing shows that it happened, or the experiment was not carried out.
    """
    if problems := seen.played.journal.problems():
        evidence.undecided(f"{seen.scenario.name} was not carried out: {'; '.join(problems)}")
    proof = prove(seen.scenario.spec.proof, seen.played)
    evidence.note("proof of the fault", proof)
    played = seen.played
    evidence.note("decoys", len(decoys(played.before, played.scene)), door="kubernetes")
    if changed := disturbed_neighbours(played):
        evidence.note("pods of others that changed meanwhile", changed, door="kubernetes")
    if touched := disturbed_decoys(played):
        evidence.note("decoys that were touched", touched, door="kubernetes")
    return proof


def expect_spared(evidence: Evidence, seen: Disturbance) -> None:
    """The fault touched nobody but its victims.

    For a check that promises it of its own fault; DIS-11 holds it against the faults of all.
    """
    evidence.expect(
        "decoys", "decoys that were touched", disturbed_decoys(seen.played), "==", [],
        door="kubernetes",
    )  # fmt: skip


def expect_whole_again(evidence: Evidence, seen: Disturbance, row: FaultBounds) -> None:
    """The deployment is as it was, in time."""
    starved = note_others(evidence, seen.others_cpu, row.others_cpu)
    late = [
        f"{a.name}: {', '.join(map(str, a.output['late']))}"
        for a in seen.played.journal.run
        if isinstance(a.output, dict) and a.output.get("late")
    ]
    if late:
        evidence.note("what was not whole again", late, door="kubernetes")
    if seen.whole_s is None or late:
        evidence.expect("whole.after", "whole again", False, "==", True, door="kubernetes")
        return
    evidence.expect(
        "whole.after", "whole again", round(seen.whole_s, 1), "<=", row.whole_s,
        unit="s", door="kubernetes", unless=starved,
    )  # fmt: skip


def expect_served(evidence: Evidence, seen: Disturbance, row: FaultBounds) -> None:
    """Clients were disturbed no longer, no oftener and in no other way than promised.

    Raises:
        Undecided: the load was not offered as planned, or was too short.
    """
    result, offered = seen.result, len(seen.window.planned_us)
    note_load(evidence, result, "front")
    evidence.note("requests, with those before the fault", offered, door="front")
    if offered < row.requests:
        evidence.undecided(f"only {offered} requests were offered")
    span = failing(seen.window, seen.fault_s)
    evidence.note("failed before the fault", span.before, door="front")
    evidence.note("last failed request after the fault", round(span.after_s, 2), unit="s")
    evidence.note("undisturbed requests", seen.undisturbed.requests, door="front")
    evidence.note("undisturbed requests that failed", seen.undisturbed.failed, door="front")
    strays = seen.undisturbed.strays(result.overall.requests, row.stray_share)
    starved = excuse(seen.others_cpu, row.others_cpu)
    expect_outage(evidence, result, row.outage, "front", strays, starved)
    if row.failing_s is not None:
        _require_telling(evidence, seen, row.failing_s)
        evidence.expect(
            "failing", "from the first to the last failed request", round(span.seconds, 3),
            "<=", row.failing_s, unit="s", door="front", unless=starved,
        )  # fmt: skip
    overall = result.overall
    if row.failures is not None:
        other = sorted(set(overall.failures) - set(row.failures))
        evidence.expect(
            "failure-kinds", "kinds of failure that are not clear", other, "==", [], door="front"
        )
    if row.statuses is not None:
        known = {"200", *map(str, row.statuses)}
        odd = sorted(set(overall.statuses) - known - {"0"})
        evidence.expect("statuses", "other HTTP statuses", odd, "==", [], door="front")
    expect_written(evidence, seen, row, starved)


def expect_undisturbed(evidence: Evidence, seen: Undisturbed, row: PlayedBounds) -> None:
    """What fails between the windows of faults is somebody's too: no more of it than noise."""
    evidence.note("undisturbed requests", seen.requests, door="front")
    if seen.failed:
        evidence.note("failed between faults, by the fault before", seen.failed_after, door="front")
    evidence.expect(
        "undisturbed", "requests that failed while nothing was done to the deployment",
        seen.failed, "<=", seen.most(row.stray_share), door="front",
    )  # fmt: skip


def _require_telling(evidence: Evidence, seen: Disturbance, bound_s: float) -> None:
    """A pod that hung must have hung for longer than the bound and a request's time-out together.

    What was waiting when it goes on is answered late, within the time-out, and is no failure: after
    a shorter hang a pod that was never taken out of service would look like one that was.
    """
    if (seen.scenario.spec.proof, seen.scenario.spec.victim) != ("container stopped", "mlflow"):
        return
    held_s, timeout_s = seen.played.scene.hold_s, seen.window.header.timeout_s
    if held_s < bound_s + timeout_s:
        evidence.undecided(
            f"a hang of {held_s:g} s with requests of {timeout_s:g} s cannot show that the pod "
            "left the Service: make hold_s longer"
        )


def expect_replicas(evidence: Evidence, ready: int, least: int) -> None:
    """As many replicas are ready as the promise is about; to be said before any of them is hit."""
    evidence.expect("replicas", "ready replicas before", ready, ">=", least, door="kubernetes")


def table_line(
    seen: Disturbance,
    proof: str | None,
    operations: Sequence[Operation],
    kept: Sequence[WritesKept],
) -> dict[str, Any]:
    """One line of the report's table."""
    lost = {(k.kind, str(value)) for k in kept for value in k.finding.lost}
    return {
        "scenario": seen.scenario.spec.title,
        "proof": proof,
        "requests": len(seen.window.planned_us),
        "failed": seen.result.overall.failed,
        "outage_s": round(seen.result.outage.silence.seconds, 3),
        "failing_s": round(failing(seen.window, seen.fault_s).seconds, 3),
        "acknowledged": sum(o.acknowledged for o in operations),
        "lost": len(lost) if lost or all(k.shown for k in kept) else None,
        "whole_s": None if seen.whole_s is None else round(seen.whole_s, 1),
    }


def proof_or_none(seen: Disturbance) -> str | None:
    """The proof, or None when there is none: the row of the table is written either way."""
    try:
        return prove(seen.scenario.spec.proof, seen.played)
    except Undecided:
        return None
