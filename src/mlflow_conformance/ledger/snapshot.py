# SPDX-License-Identifier: Apache-2.0
"""What a state that was restored must hold of the writes that were acknowledged around its backup.

The backup's snapshot was taken at some moment between two that the writers' machine knows: before
the backup was asked for, and after it was there. No clock of another machine is compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlflow_conformance.ledger.history import Operation


@dataclass(frozen=True)
class SnapshotFinding:
    """A restored state against the ledger of its writers.

    Attributes:
        owed: writes that were acknowledged before the backup was asked for.
        kept: writes that are there.
        lost: owed and not there.
        torn: there, though an earlier acknowledged write of the same client is not: no single
            moment looked like that.
        ghosts: there, though they were refused, tried after the backup was finished, or never.
        doubled: there more than once.
        forgone: acknowledged while or after the backup was made, and not there; allowed.
        window_s: seconds from the request for the backup to the return of the last write that is
            there; 0 when that came before.
        last_ns: when the last acknowledged write that is there returned, on the ledger's clock;
            None when none is.
    """

    owed: int
    kept: int
    lost: Sequence[str]
    torn: Sequence[str]
    ghosts: Sequence[str]
    doubled: Sequence[str]
    forgone: int
    window_s: float
    last_ns: int | None

    @property
    def holds(self) -> bool:
        """It is one moment of the past, and not too early a one."""
        return not (self.lost or self.torn or self.ghosts or self.doubled)


def check_snapshot(
    operations: Iterable[Operation], present: Iterable[str], *, began_ns: int, ended_ns: int
) -> SnapshotFinding:
    """Hold a restored state against the writes around its backup.

    Args:
        operations: each with a text of its own as value; one client does one at a time.
        present: the values that are there.
        began_ns: when the backup was asked for, on the ledger's clock.
        ended_ns: when it was known to be finished.
    """
    operations = list(operations)
    count = Counter(present)
    tried = {str(o.value): o for o in operations if o.outcome != "refused"}
    late = {v for v, o in tried.items() if o.invoked_ns > ended_ns}
    owed = [o for o in operations if o.acknowledged and o.returned_ns and o.returned_ns < began_ns]
    there = [o for v, o in tried.items() if v in count]
    last_ns = max((o.returned_ns for o in there if o.returned_ns), default=began_ns)
    sure = [o.returned_ns for o in there if o.acknowledged and o.returned_ns]
    return SnapshotFinding(
        owed=len(owed),
        kept=len(there),
        lost=sorted(str(o.value) for o in owed if str(o.value) not in count),
        torn=sorted(_torn(operations, count)),
        ghosts=sorted(v for v in count if v not in tried or v in late),
        doubled=sorted(v for v, n in count.items() if n > 1),
        forgone=sum(o.acknowledged and str(o.value) not in count for o in operations)
        - sum(str(o.value) not in count for o in owed),
        window_s=max(0.0, (last_ns - began_ns) / 1e9),
        last_ns=max(sure, default=None),
    )


def _torn(operations: Sequence[Operation], there: Counter[str]) -> Iterable[str]:
    by_client: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        by_client[operation.client].append(operation)
    for mine in by_client.values():
        missing = False
        for operation in sorted(mine, key=lambda o: o.invoked_ns):
            value = str(operation.value)
            if missing and value in there:
                yield value
            missing = missing or (operation.acknowledged and value not in there)
