# SPDX-License-Identifier: Apache-2.0
"""The mutation score: how much of what checks hold against a bound is shown to be able to break."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.evidence.model import Mutation
from mlflow_conformance.evidence.verdict import RunVerdict


@dataclass(frozen=True)
class CheckScore:
    """One check and its mutants.

    Attributes:
        mutants: all that were to make it fail.
        killed: those that did, by the observations that they are about.
        observations: the IDs of what had a bound on the healthy target.
        unshown: those of them that no killed mutant is about.
    """

    check: str
    mutants: int
    killed: int
    observations: Sequence[str]
    unshown: Sequence[str]


@dataclass(frozen=True)
class Score:
    """All checks that have a mutant, in the order in which they were run."""

    checks: Sequence[CheckScore]

    @property
    def mutants(self) -> int:
        """How many there are; one that several checks must notice counts for each."""
        return sum(c.mutants for c in self.checks)

    @property
    def killed(self) -> int:
        """How many of them were."""
        return sum(c.killed for c in self.checks)

    @property
    def observations(self) -> int:
        """How many things were held against a bound on the healthy target."""
        return sum(len(c.observations) for c in self.checks)

    @property
    def shown(self) -> int:
        """How many of them were shown to be able to break."""
        return self.observations - sum(len(c.unshown) for c in self.checks)


def score(run: RunVerdict) -> Score:
    """The score of a run of mutants."""
    survivors = run.survivors
    of_check: dict[str, list[Mutation]] = {}
    for mutation in run.mutations:
        of_check.setdefault(mutation.check, []).append(mutation)
    return Score([_scored(check, found, survivors) for check, found in of_check.items()])


def _scored(check: str, found: Sequence[Mutation], survivors: Sequence[Mutation]) -> CheckScore:
    killed = [m for m in found if m not in survivors]
    observations = list(dict.fromkeys(i for m in found for i in m.bounded))
    shown = {i for m in killed for i in m.because}
    return CheckScore(
        check=check,
        mutants=len(found),
        killed=len(killed),
        observations=observations,
        unshown=[i for i in observations if i not in shown],
    )


@dataclass(frozen=True)
class Times:
    """What mutants took, each once whatever the number of checks that must notice it.

    Attributes:
        families: seconds of all mutants of a family, by the first part of its checks' IDs.
        slowest: mutants and their seconds, the longest first.
    """

    families: Mapping[str, float]
    slowest: Sequence[tuple[str, float]]


def times(run: RunVerdict, most: int = 10) -> Times:
    """The times of a run of mutants.

    Args:
        most: so many of the slowest.
    """
    first = {m.mutant: m for m in reversed(run.mutations)}
    families: dict[str, float] = {}
    for mutation in sorted(first.values(), key=run.mutations.index):
        prefix = prefix_of(mutation.check)
        families[prefix] = families.get(prefix, 0) + mutation.duration_s
    slowest = sorted(first.values(), key=lambda m: (-m.duration_s, m.mutant))[:most]
    return Times(families, [(m.mutant, m.duration_s) for m in slowest])
