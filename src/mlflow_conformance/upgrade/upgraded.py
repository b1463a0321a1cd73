# SPDX-License-Identifier: Apache-2.0
"""An upgrade as it was seen: what clients met, what was written, and what pods and locks were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.config.manners import Manner
from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.ledger.writes_kept import WritesKept
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.upgrade.interleaving import Restart
from mlflow_conformance.upgrade.locks import Held
from mlflow_conformance.upgrade.restarting import Restarted
from mlflow_conformance.upgrade.revising import RevisionNotes
from mlflow_conformance.upgrade.told import MigrationLogs
from mlflow_conformance.upgrade.watching import SchemaLook


@dataclass(frozen=True)
class Upgraded:
    """An upgrade as it was seen; moments of the monotonic clock.

    Attributes:
        refused: what the deployment's own way said when it gave up; empty when it did not.
        began_ns: before its first command.
        applied_ns: when its last command had ended.
        over_ns: when every pod was a ready one of B; None when that never came.
        until_ns: the end of what is judged.
        held_s: for how long traces were held back, seconds.
        own: the revision that each image needs.
        blind: looks that got no answer.
        locks_unseen_s: the longest span without an answered look at locks, seconds.
        told: the migrations that pods say they began meanwhile.
        noted: who wrote the schema's revision meanwhile.
        others_cpu: the greatest share of this machine's CPU time that others than the load and the
            cluster took, as of `OthersCpu.most`; None where nobody knows.
    """

    manner: Manner
    images: tuple[str, str]
    refused: str
    began_ns: int
    applied_ns: int
    over_ns: int | None
    until_ns: int
    held_s: float
    own: Mapping[str, str]
    attempts: Sequence[SentRequest]
    load: LoadResult
    looks: Sequence[SchemaLook]
    locks: Sequence[Held]
    blind: Mapping[str, int]
    locks_unseen_s: float
    told: MigrationLogs
    noted: RevisionNotes
    restarted: Restarted
    plan: Sequence[Restart]
    runs_kept: Sequence[WritesKept]
    traces_kept: Sequence[WritesKept]
    others_cpu: float | None

    @property
    def schema_changed(self) -> bool:
        """B needs another schema than A."""
        return len(set(self.own.values())) > 1

    def acknowledged_before(self, kind: str) -> int:
        """Requests of a kind that were acknowledged before it began."""
        return sum(
            s.acknowledged and s.ended_ns < self.began_ns for s in self.attempts if s.kind == kind
        )
