# SPDX-License-Identifier: Apache-2.0
"""What must hold between a ledger and what the system holds afterwards.

Each invariant is linear in the number of operations. An acknowledged write must be there, a
refused one must not, an open one may or may not: it is never held against the system.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mlflow_conformance.ledger.history import Operation


def _key(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class SetFinding:
    """A set after the ledger's additions.

    Attributes:
        acknowledged: how many additions the server said yes to.
        lost: acknowledged and not there.
        ghosts: there, though nobody tried to add it, or though it was refused.
        duplicated: there more than once.
        recovered: not acknowledged, and there nevertheless; allowed.
    """

    acknowledged: int
    lost: Sequence[JsonValue]
    ghosts: Sequence[JsonValue]
    duplicated: Sequence[JsonValue]
    recovered: Sequence[JsonValue]

    @property
    def holds(self) -> bool:
        """Nothing is lost, invented or doubled."""
        return not (self.lost or self.ghosts or self.duplicated)


def check_set(operations: Iterable[Operation], present: Iterable[JsonValue]) -> SetFinding:
    """Every acknowledged value is there once, and nothing else but open ones.

    A value that was tried more than once counts as acknowledged when any try was, and as refused
    only when all were.
    """
    outcomes: dict[str, set[str]] = {}
    values: dict[str, JsonValue] = {}
    for operation in operations:
        key = _key(operation.value)
        outcomes.setdefault(key, set()).add(operation.outcome)
        values[key] = operation.value
    found = Counter(map(_key, present))
    acknowledged = [k for k, o in outcomes.items() if "acknowledged" in o]
    possible = {k for k, o in outcomes.items() if o != {"refused"}}
    return SetFinding(
        acknowledged=len(acknowledged),
        lost=[values[k] for k in acknowledged if k not in found],
        ghosts=[json.loads(k) for k in found if k not in possible],
        duplicated=[json.loads(k) for k, n in found.items() if n > 1],
        recovered=[values[k] for k in found if k in possible and "acknowledged" not in outcomes[k]],
    )


@dataclass(frozen=True)
class AppendFinding:
    """Numbers handed out by a server, such as versions of a model.

    Attributes:
        duplicates: acknowledged to more than one writer.
        lost: acknowledged and not there.
        gaps: missing between the first and the last that are there.
        ghosts: there and handed out to nobody, more than open tries explain.
    """

    acknowledged: int
    duplicates: Sequence[int]
    lost: Sequence[int]
    gaps: Sequence[int]
    ghosts: Sequence[int]

    @property
    def unique(self) -> bool:
        """No number was handed out twice."""
        return not self.duplicates

    @property
    def dense(self) -> bool:
        """No number between the first and the last is missing."""
        return not self.gaps

    @property
    def holds(self) -> bool:
        """Unique, dense, and nothing lost or invented."""
        return not (self.duplicates or self.lost or self.gaps or self.ghosts)


def check_unique_append(
    operations: Iterable[Operation], present: Iterable[int], *, first: int = 1
) -> AppendFinding:
    """Numbers that the server handed out are unique, dense from `first`, and still there.

    Every operation's `result` is the number that it was given.

    Raises:
        TypeError: an acknowledged operation was given no number.
    """
    operations = list(operations)
    given: list[int] = []
    for operation in operations:
        if operation.acknowledged:
            if isinstance(operation.result, bool) or not isinstance(operation.result, int):
                raise TypeError(f"{operation.result!r} is no number that was handed out")
            given.append(operation.result)
    there = set(present)
    unclaimed = sorted(there - set(given))
    still_open = sum(o.outcome == "open" for o in operations)
    return AppendFinding(
        acknowledged=len(given),
        duplicates=sorted(n for n, times in Counter(given).items() if times > 1),
        lost=sorted(set(given) - there),
        gaps=[n for n in range(first, max(there, default=first - 1)) if n not in there],
        ghosts=unclaimed[still_open:],
    )
