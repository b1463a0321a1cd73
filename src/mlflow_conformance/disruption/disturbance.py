# SPDX-License-Identifier: Apache-2.0
"""One scenario as it was played, and the part of the record in which it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.disruption.proofs import Played
from mlflow_conformance.disruption.scenario import Scenario
from mlflow_conformance.disruption.undisturbed import Undisturbed
from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import RunRecord


@dataclass(frozen=True)
class Needs:
    """What a window must hold before it is judged.

    Attributes:
        writes: acknowledged writes.
        before: of each kind, acknowledged before the fault: those that come after it can no longer
            be lost by it.
        requests: planned requests of the load.
        steady_s: how long the deployment must be whole without a break, seconds.
        hold_s: how long a fault that must be ended is held, seconds.
    """

    writes: int
    before: Mapping[str, int]
    requests: int
    hold_s: float = 0
    steady_s: float = 0


@dataclass(frozen=True)
class Disturbance:
    """One scenario as it was played, and what the load saw of it.

    Attributes:
        window: the load from before the fault to after the recovery.
        result: what came of it from the fault on: what failed sooner is not the fault's.
        attempts: every request of the writers.
        fault_s: when the fault began, seconds from the start of the window.
        fault_ns: the same on the monotonic clock, as in the ledger.
        over_ns: when the experiment was over, likewise.
        until_ns: the end of the window, likewise.
        whole_s: from the fault until the deployment was whole again; None when it was not.
        undisturbed: the load of the run until the end of the window, without every fault.
        others_cpu: the greatest share of this machine's CPU time that others than the load and the
            cluster took in `load.machine.SPAN_S` seconds of the window; None where the
            cluster is elsewhere.
    """

    scenario: Scenario
    played: Played
    window: RunRecord
    result: LoadResult
    attempts: Sequence[SentRequest]
    fault_s: float
    fault_ns: int
    over_ns: int
    until_ns: int
    whole_s: float | None
    undisturbed: Undisturbed
    others_cpu: float | None = None
