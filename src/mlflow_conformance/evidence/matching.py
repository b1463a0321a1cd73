# SPDX-License-Identifier: Apache-2.0
"""Which observation of one run is which of another, and in what the two differ.

An observation has an ID that stays, and a sentence that may hold a subject: a pod, a run, a
number. Those of one ID are held against each other by their sentences, then by their sentences
without what a run makes anew, then by what they say. Records from before IDs have the sentences.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from mlflow_conformance.evidence.bounds import outcome, same
from mlflow_conformance.evidence.model import Observation
from mlflow_conformance.evidence.varying import masked, shape

Change = Literal["new", "gone", "outcome", "bound", "id"]
"""What became of an observation; `id` is the same sentence under another ID."""


@dataclass(frozen=True)
class Pair:
    """An observation of two runs; None in the run that does not have it."""

    before: Observation | None
    after: Observation | None

    @property
    def either(self) -> Observation:
        """The later of the two."""
        found = self.after or self.before
        assert found is not None, "a pair has one of the two"
        return found

    def change(self, *, numbers: bool) -> Change | None:
        """In what the two differ; values that vary are no difference.

        Args:
            numbers: whether numbers of two bounds differ; see `shape`.
        """
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        if outcome(self.before) != outcome(self.after):
            return "outcome"
        if _bound(self.before, numbers=numbers) != _bound(self.after, numbers=numbers):
            return "bound"
        return (
            "id" if self.before.id and self.after.id and self.before.id != self.after.id else None
        )

    @property
    def varies(self) -> bool:
        """Whether what was observed, or the value that it was held against, is another one."""
        if self.before is None or self.after is None:
            return False
        first, second = self.before.bound, self.after.bound
        bounds = first is None or second is None or same(first.value, second.value)
        return not (bounds and same(self.before.observed, self.after.observed))


def _bound(observation: Observation, *, numbers: bool) -> Hashable:
    bound = observation.bound
    return bound and (bound.op, shape(bound.value, numbers=numbers))


def pairs(before: Iterable[Observation], after: Iterable[Observation]) -> list[Pair]:
    """The observations with a bound of one check in two runs, each with its like.

    How often a bound held, for subjects that a run names anew, is of no account where it held in
    both runs.
    """
    rest = _Rest(
        [o for o in before if o.bound is not None], [o for o in after if o.bound is not None]
    )
    if all(o.id for o in (*rest.before, *rest.after)):
        rest.match(lambda o: (o.id, o.name))
        rest.match(lambda o: (o.id, masked(o.name)))
        rest.drop_more_of_the_same(lambda o: (o.id, masked(o.name)))
        rest.match(lambda o: o.id)
        rest.match(lambda o: o.name)
    else:
        rest.match(lambda o: o.name)
        rest.match(lambda o: masked(o.name))
        rest.drop_more_of_the_same(lambda o: masked(o.name))
    alone = [Pair(o, None) for o in rest.before] + [Pair(None, o) for o in rest.after]
    return rest.found + alone


_Key = Callable[[Observation], Hashable]
_SAYS: tuple[_Key, ...] = (
    lambda o: (outcome(o), _bound(o, numbers=True)),
    outcome,
    lambda _: None,
)
"""What two of several alike have in common, the most telling first."""


@dataclass
class _Rest:
    """The observations of two runs that have no like yet, and the pairs that were found."""

    before: list[Observation]
    after: list[Observation]
    found: list[Pair] = field(default_factory=list)

    def match(self, key: _Key) -> None:
        """Take out pairs that have a key in common, those first that say the same."""
        for says in _SAYS:
            waiting: dict[Hashable, deque[Observation]] = {}
            for o in self.after:
                waiting.setdefault((key(o), says(o)), deque()).append(o)
            alone = []
            for o in self.before:
                if alike := waiting.get((key(o), says(o))):
                    self.found.append(Pair(o, alike.popleft()))
                else:
                    alone.append(o)
            left = {id(o) for several in waiting.values() for o in several}
            self.before, self.after = alone, [o for o in self.after if id(o) in left]

    def drop_more_of_the_same(self, key: _Key) -> None:
        """Leave out what holds where a pair with the same key and bound holds as well."""
        held = {
            (key(o), _bound(o, numbers=False))
            for p in self.found
            if p.before and p.after and outcome(p.before) == outcome(p.after) == "holds"
            for o in (p.before, p.after)
        }

        def tells(o: Observation) -> bool:
            return outcome(o) != "holds" or (key(o), _bound(o, numbers=False)) not in held

        self.before = [o for o in self.before if tells(o)]
        self.after = [o for o in self.after if tells(o)]
