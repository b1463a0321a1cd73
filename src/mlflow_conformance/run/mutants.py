# SPDX-License-Identifier: Apache-2.0
"""The run of all mutants: the healthy target first, then one broken target after the other."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import typer

from mlflow_conformance import __version__
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import LoadedProfile
from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.bounds import outcome
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import Expected, Mutation, RunEnded, RunStarted
from mlflow_conformance.evidence.run import (
    RunFolder,
    command_line,
    make_folder,
    new_run_id,
    nothing_seen,
)
from mlflow_conformance.evidence.verdict import Judged, Verdict
from mlflow_conformance.mutants.choosing import breaks
from mlflow_conformance.mutants.mutant import Mutant
from mlflow_conformance.report import write_all
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run import gates
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.resuming import resume, set_aside
from mlflow_conformance.stand.standing import take_down


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

    A mutant is killed when its check passes on the healthy target and *fails* on the mutant by the
    observation that the mutant is about; an `unknown` kills nothing. Returns 0 when all were
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
    made, seen = _begun(loaded, mutants, output, resumes=resumes)
    done = {(m.mutant, m.check) for m in seen}
    left = {
        name: [c for c in ids if (name, c) not in done]
        for name, ids in kills.items()
        if any((name, c) not in done for c in ids)
    }
    with ExitStack() as stack:
        stack.callback(_leave_no_empty, made)
        log = stack.enter_context(EvidenceLog(made.log))
        interrupted: str | None = "stopped by a signal"
        try:
            if left:
                _run_left(made.path, profile, tier, mutants, left, log, reuse=reuse)
            interrupted = None
        except Unusable as problem:
            interrupted = str(problem)
            raise
        finally:
            log.append(RunEnded(ended=datetime.now(UTC), interrupted=interrupted))
            if not keep:
                take_down()
    verdict = write_all(made.log)
    typer.echo(render(verdict))
    typer.echo(f"report:   {made.path / 'report.html'}")
    return verdict.exit_code


def _begun(
    loaded: LoadedProfile, mutants: Mapping[str, Mutant], output: Path | None, *, resumes: bool
) -> tuple[RunFolder, Sequence[Mutation]]:
    """The run's folder, with a log that has begun, and what is known from a run before."""
    if not resumes:
        made = make_folder(output, new_run_id())
        with EvidenceLog(made.log) as log:
            log.append(_started(loaded, made.path))
        return made, ()
    if output is None:
        raise Unusable(
            "--resume goes on with a run, and --output names none",
            remedy="Add --output with the folder of that run",
        )
    return resume(output, _started(loaded, output), mutants)


def _run_left(
    folder: Path,
    profile: str,
    tier: Tier,
    mutants: Mapping[str, Mutant],
    left: Mapping[str, Sequence[str]],
    log: EvidenceLog,
    *,
    reuse: bool,
) -> None:
    """Run the healthy target, then the mutants that are left, with the checks of each."""
    set_aside(folder / "healthy")
    checks = sorted({c for ids in left.values() for c in ids})
    healthy = gates.verdicts(folder / "healthy", profile, tier, checks, reuse=reuse)
    for number, (name, ids) in enumerate(left.items(), 1):
        mutant = mutants[name]
        typer.echo(f"[{number:2}/{len(left)}] {name}: {mutant.spec.breaks}")
        set_aside(folder / name)
        started = time.monotonic()
        broken = gates.verdicts(folder / name, profile, tier, ids, mutant=name)
        for check_id in ids:
            event = mutation(
                mutant,
                check_id,
                healthy.get(check_id),
                broken.get(check_id),
                seconds=time.monotonic() - started,
            )
            log.append(event)
            word = f"killed by {event.because}" if event.killed else f"SURVIVED: {event.detail}"
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
    because = mutant.spec.reason(check_id)
    broke = _ids(after, broken=True)
    detail = after.reason if after else "the check did not report"
    if bad is Verdict.FAIL and because not in broke:
        detail = f"{because} did not break; what broke is {', '.join(broke)}: {detail}"
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
        bounded=_ids(before, broken=False),
        killed=good is Verdict.PASS and bad is Verdict.FAIL and because in broke,
        duration_s=round(seconds, 3),
        detail=detail,
    )


def _ids(judged: Judged | None, *, broken: bool) -> list[str]:
    """The IDs of what had a bound in a check; of what broke it alone, if asked for."""
    if judged is None or judged.check is None:
        return []
    bounded = [o for o in judged.check.observations if o.bound is not None]
    return list(dict.fromkeys(o.id for o in bounded if not broken or outcome(o) == "broken"))


def _leave_no_empty(folder: RunFolder) -> None:
    if folder.log.exists() and nothing_seen(folder.log):
        folder.discard()


def _started(loaded: LoadedProfile, folder: Path) -> RunStarted:
    return RunStarted(
        run_id=folder.name,
        started=datetime.now(UTC),
        tool_version=__version__,
        command=command_line(),
        profile=loaded.profile.name,
        profile_sha256=loaded.sha256,
        target={"kind": "kind"},
        seed=0,
        expected=list[Expected](),
    )
