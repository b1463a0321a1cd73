# SPDX-License-Identifier: Apache-2.0
"""What a look at a deployment comes to, piece by piece, until a profile is written of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Conclusion:
    """Something that the profile says, and why.

    Attributes:
        what: a few words, as a person reads them.
        because: from what it was told.
    """

    what: str
    because: str


@dataclass(frozen=True)
class Blank:
    """Something that nobody but a person can tell.

    Attributes:
        key: of `names`, below which it stands in the profile.
        line: as it would be written there.
        why: what it is, and why it was not found.
        doors: the checks that ask for one of these fixtures stay `unknown` without it.
    """

    key: str
    line: str
    why: str
    doors: tuple[str, ...] = ()


@dataclass
class Survey:
    """All of it.

    Attributes:
        names: the profile's `names`, in their order.
        rows: thresholds that are this deployment's own, by the check's ID.
        more: rows of checks that no base has, whole, by the check's ID.
        absent: why checks are left out, by an ID or the name of a family.
        closed: why a door does not exist, by the fixture that checks ask for.
        warnings: what will keep a run from going as it should, and what to do.
    """

    names: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    decisions: list[Conclusion] = field(default_factory=list)
    gaps: list[Blank] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def decide(self, what: str, because: str) -> None:
        """Note a decision."""
        self.decisions.append(Conclusion(what, because))

    def lacks(self, reason: str, checks: Sequence[str]) -> None:
        """Leave checks out, by ID or family, unless there is a reason already."""
        for name in checks:
            self.absent.setdefault(name, reason)
