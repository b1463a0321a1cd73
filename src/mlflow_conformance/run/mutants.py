# SPDX-License-Identifier: Apache-2.0
"""The run of all mutants: each family's checks on the healthy target, then on its mutants."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import typer

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.model import Mutation
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict
from mlflow_conformance.mutants.choosing import breaks
from mlflow_conformance.mutants.mutant import Mutant
from mlflow_conformance.run import code_seen
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.mutant_rounds import MutantRounds
from mlflow_conformance.run.processes import Processes
from mlflow_conformance.run.series import series


def run(
    mutants: Mapping[str, Mutant],
    *,
    profile: str,
    tier: Tier,
    keep: bool,
    reuse: bool,
    output: Path | None,
    resumes: bool = False,
) -> int:
    """Run the named checks against the healthy target, then against each mutant.

    A mutant is killed when its check passes on the healthy target and *fails* on the mutant by all
    observations that the mutant is about; an `unknown` kills nothing. Returns 0 when all were
    killed, 1 when one survived, 2 when the healthy target did not pass.

    Args:
        resumes: go on with the run in `output`; mutants that it has seen are not run again.

    Raises:
        Unusable: as for a gate, no mutant is about a check that this profile expects, or there is
            no run to go on with.
    """
    known = catalogue.read(assets.asset("suites"))
    loaded = promised(profile, known)
    kills = {
        mutant.name: [c for c in mutant.spec.kills if c in loaded.rows(tier)]
        for mutant in mutants.values()
        if breaks(mutant.spec, loaded.profile.deployment)
    }
    if not any(kills.values()):
        raise Unusable(
            f"No mutant is about a check that {profile} expects in the tier {tier}",
            remedy="Name another mutant, --profile or --tier",
        )

    order = list(loaded.rows(tier))

    def as_it_was(earlier: RunVerdict) -> Sequence[Mutation]:
        return [m for m in earlier.mutations if _is_as_it_was(m, mutants.get(m.mutant))]

    with series(loaded, output, keep=keep, resumes=resumes, taken_over=as_it_was) as under_way:
        done = {(m.mutant, m.check) for m in under_way.known if isinstance(m, Mutation)}
        left = {
            name: [c for c in ids if (name, c) not in done]
            for name, ids in kills.items()
            if any((name, c) not in done for c in ids)
        }
        if done:
            typer.echo(f"known from the run before: {len(done)} of {sum(map(len, kills.values()))}")
        processes = Processes(under_way.folder.path, profile, tier, reuse=reuse)
        rounds = MutantRounds(processes, mutants, under_way.log, len(left))
        for family in in_rows(left, order):
            rounds.of_family(under_way.folder.path, family)
    return under_way.conclude()


def in_rows(
    left: Mapping[str, Sequence[str]], order: Sequence[str]
) -> Iterator[Mapping[str, Sequence[str]]]:
    """Mutants with their checks, family by family and check by check, in the profile's order.

    Args:
        order: the IDs of the profile's checks.
    """
    place = {check_id: n for n, check_id in enumerate(order)}
    first = {name: min(ids, key=place.__getitem__) for name, ids in left.items()}
    prefixes = dict.fromkeys(map(prefix_of, sorted(first.values(), key=place.__getitem__)))
    for prefix in prefixes:
        names = [name for name in left if prefix_of(first[name]) == prefix]
        names.sort(key=lambda name: place[first[name]])
        yield {name: left[name] for name in names}


def _is_as_it_was(seen: Mutation, mutant: Mutant | None) -> bool:
    """Whether what is known of a mutant still holds; what nobody could see is looked at again."""
    return (
        mutant is not None
        and seen.mutated != Verdict.UNKNOWN
        and seen.check in mutant.spec.kills
        and (seen.breaks, seen.because) == (mutant.spec.breaks, mutant.spec.reasons(seen.check))
        and seen.digest == code_seen.digest(seen.mutant, seen.check)
    )
