# SPDX-License-Identifier: Apache-2.0
"""The run of all mutants: the healthy target first, then one broken target after the other."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.tiers import UPGRADE, Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.model import Mutation
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict
from mlflow_conformance.mutants.choosing import breaks
from mlflow_conformance.mutants.mutant import Mutant
from mlflow_conformance.run import gates
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.resuming import set_aside
from mlflow_conformance.run.series import GateSeries, series


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

    def as_it_was(earlier: RunVerdict) -> Sequence[Mutation]:
        return [m for m in earlier.mutations if _is_as_it_was(m, mutants.get(m.mutant))]

    with series(loaded, output, keep=keep, resumes=resumes, taken_over=as_it_was) as under_way:
        done = {(m.mutant, m.check) for m in under_way.known if isinstance(m, Mutation)}
        left = {
            name: [c for c in ids if (name, c) not in done]
            for name, ids in kills.items()
            if any((name, c) not in done for c in ids)
        }
        if left:
            _run_left(under_way, profile, tier, mutants, left, reuse=reuse)
    return under_way.conclude()


def _is_as_it_was(seen: Mutation, mutant: Mutant | None) -> bool:
    return (
        mutant is not None
        and seen.check in mutant.spec.kills
        and (seen.breaks, seen.because) == (mutant.spec.breaks, mutant.spec.reasons(seen.check))
    )


def _run_left(
    under_way: GateSeries,
    profile: str,
    tier: Tier,
    mutants: Mapping[str, Mutant],
    left: Mapping[str, Sequence[str]],
    *,
    reuse: bool,
) -> None:
    """Run the healthy target, then the mutants that are left, with the checks of each."""
    folder = under_way.folder.path
    set_aside(folder / "healthy")
    checks = sorted({c for ids in left.values() for c in ids})
    healthy = gates.verdicts(folder / "healthy", profile, tier, checks, reuse=reuse)
    for number, (name, ids) in enumerate(left.items(), 1):
        mutant = mutants[name]
        typer.echo(f"[{number:2}/{len(left)}] {name}: {mutant.spec.breaks}")
        set_aside(folder / name)
        started = time.monotonic()
        # A mutant of an upgrade needs what is before it again.
        again = tier == UPGRADE
        broken = gates.verdicts(
            folder / name, profile, tier, ids, mutant=name, reuse=again, prepared=not again
        )
        for check_id in ids:
            event = mutation(
                mutant,
                check_id,
                healthy.get(check_id),
                broken.get(check_id),
                seconds=time.monotonic() - started,
            )
            under_way.log.append(event)
            by = ", ".join(event.because)
            word = f"killed by {by}" if event.killed else f"SURVIVED: {event.detail}"
            typer.echo(f"        {event.check}: {event.mutated}, {word}")


def mutation(
    mutant: Mutant, check_id: str, before: Judged | None, after: Judged | None, *, seconds: float
) -> Mutation:
    """What a check shows of a mutant.

    Args:
        before: the check on the healthy target, None when it did not report.
        after: the check on the mutant.
        seconds: what the mutant took.
    """
    good = before.raw if before else Verdict.UNKNOWN
    bad = after.raw if after else Verdict.UNKNOWN
    because = mutant.spec.reasons(check_id)
    broke = observed(after, broken=True)
    detail = after.reason if after else "the check did not report"
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
    )


def observed(judged: Judged | None, *, broken: bool) -> list[str]:
    """The IDs of what had a bound in a check; of what broke it alone, if asked for."""
    if judged is None or judged.check is None:
        return []
    bounded = [o for o in judged.check.observations if o.bound is not None]
    return list(dict.fromkeys(o.id for o in bounded if not broken or outcome(o) == "broken"))
