# SPDX-License-Identifier: Apache-2.0
"""Rounds of mutants: those of a family one after the other, and what each of them shows."""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

import typer

from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import Mutation
from mlflow_conformance.evidence.verdict import Judged, Verdict
from mlflow_conformance.mutants.mutant import Mutant
from mlflow_conformance.run import code_seen
from mlflow_conformance.run.processes import PlayedRound, Processes
from mlflow_conformance.run.rounds import Round


class MutantRounds:
    """The rounds of a run, one family after the other."""

    def __init__(
        self, processes: Processes, mutants: Mapping[str, Mutant], log: EvidenceLog, total: int
    ) -> None:
        """Nothing is tried yet.

        Args:
            log: where it is written down what each mutant showed.
            total: how many mutants there will be.
        """
        self._processes, self._mutants = processes, mutants
        self._log, self._total = log, total
        self._healthy: dict[str, Judged] = {}
        self._numbers = count(1)

    def of_family(self, folder: Path, left: Mapping[str, Sequence[str]]) -> None:
        """Run checks on the healthy target, then on each mutant.

        A mutant that could not be tried to its end has survived, and the others go on.

        Args:
            folder: where each round has its own.
            left: mutants of one family, each with the checks that must notice it.

        Raises:
            Unusable: the healthy target cannot be had.
        """
        checks = list(dict.fromkeys(c for ids in left.values() for c in ids))
        unknown = [c for c in checks if c not in self._healthy]
        rounds = [
            Round(folder=folder / name, mutant=name, checks=self._reasons(name, ids))
            for name, ids in left.items()
        ]
        if unknown:
            healthy = folder / f"healthy-{prefix_of(checks[0]).lower()}"
            rounds.insert(0, Round(folder=healthy, checks={c: [] for c in unknown}))
        for played in self._processes.play(rounds):
            if played.round.mutant is None:
                self._healthy.update(played.checks)
            else:
                self._record(self._mutants[played.round.mutant], played)

    def _reasons(self, name: str, ids: Sequence[str]) -> dict[str, list[str]]:
        return {c: self._mutants[name].spec.reasons(c) for c in ids}

    def _record(self, mutant: Mutant, played: PlayedRound) -> None:
        number = next(self._numbers)
        typer.echo(f"[{number:2}/{self._total}] {mutant.name}: {mutant.spec.breaks}")
        why = f"it could not be tried to its end: {played.stopped}" if played.stopped else None
        for check_id in played.round.checks:
            event = mutation(
                mutant,
                check_id,
                self._healthy.get(check_id),
                played.checks.get(check_id),
                seconds=played.seconds,
                stopped=why,
            )
            self._log.append(event)
            by = ", ".join(event.because)
            word = f"killed by {by}" if event.killed else f"SURVIVED: {event.detail}"
            typer.echo(f"        {event.check}: {event.mutated}, {word}")


def mutation(
    mutant: Mutant,
    check_id: str,
    before: Judged | None,
    after: Judged | None,
    *,
    seconds: float,
    stopped: str | None = None,
) -> Mutation:
    """What a check shows of a mutant.

    Args:
        before: the check on the healthy target, None when it did not report.
        after: the check on the mutant.
        seconds: what the mutant took.
        stopped: why it could not be tried to its end; what was seen counts for nothing then.
    """
    after = None if stopped else after
    good = before.raw if before else Verdict.UNKNOWN
    bad = after.raw if after else Verdict.UNKNOWN
    because = mutant.spec.reasons(check_id)
    broke = observed(after, broken=True)
    detail = after.reason if after else stopped or "the check did not report"
    whole = [i for i in because if i not in broke]
    if bad is Verdict.FAIL and whole:
        detail = f"{', '.join(whole)} did not break; what broke is {', '.join(broke)}: {detail}"
    if good is not Verdict.PASS:
        detail = f"the healthy target does not pass: {before.reason if before else 'no report'}"
    return Mutation(
        mutant=mutant.name,
        check=check_id,
        breaks=mutant.spec.breaks,
        healthy=good,
        mutated=bad,
        because=because,
        broke=broke,
        bounded=observed(before, broken=False),
        killed=good is Verdict.PASS and bad is Verdict.FAIL and not whole,
        duration_s=round(seconds, 3),
        detail=detail,
        code=code_seen.suite_code(),
        digest=code_seen.digest(mutant.name, check_id),
    )


def observed(judged: Judged | None, *, broken: bool) -> list[str]:
    """The IDs of what had a bound in a check; of what broke it alone, if asked for."""
    if judged is None or judged.check is None:
        return []
    bounded = [o for o in judged.check.observations if o.bound is not None]
    return list(dict.fromkeys(o.id for o in bounded if not broken or outcome(o) == "broken"))
