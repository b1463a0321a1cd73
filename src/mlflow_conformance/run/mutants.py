# SPDX-License-Identifier: Apache-2.0
"""The run of all mutants: the healthy target first, then one broken target after the other."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import typer

from mlflow_conformance import __version__
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.config.guides import folder_of
from mlflow_conformance.config.profile import (
    HelmDeployment,
    KustomizeDeployment,
    LoadedProfile,
)
from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import SPEAKER, Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import Expected, Mutation, RunEnded, RunStarted
from mlflow_conformance.evidence.run import (
    RunFolder,
    command_line,
    make_folder,
    new_run_id,
    nothing_seen,
)
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict, judge
from mlflow_conformance.mutants.mutant import Mutant, MutantSpec
from mlflow_conformance.report import write_all
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run.known import promised
from mlflow_conformance.stand.standing import take_down

_OUTPUT = "output.txt"
"""What a gate printed; beside its evidence."""
_LONGEST_S = 900
_LONGEST_CHECK_S = 420  # of any check: HPA-4 waits for the autoscaler's window of five minutes


def chosen(
    mutants: Mapping[str, Mutant], only: Sequence[str], known_ids: Mapping[str, object]
) -> dict[str, Mutant]:
    """The mutants that are named, or that kill a check that is named; all when nothing is.

    One that is not named itself is about no other check than those that are.

    Args:
        only: mutants, checks such as ``TRK-1``, and families of checks such as ``TRK``.

    Raises:
        Unusable: a word is neither a mutant nor a check or family that has one.
    """
    if not only:
        return dict(mutants)
    for word in only:
        if not any(_names(m, i, [word]) for m in mutants.values() for i in m.spec.kills):
            names = [*mutants, *known_ids]
            raise Unusable(
                f"There is no mutant {word!r}, nor a check of that ID that has one"
                + nearest(word, names).rstrip("?"),
                remedy="List the mutants with `mlflow-conformance mutants --list`",
            )
    found = (m.about([i for i in m.spec.kills if _names(m, i, only)]) for m in mutants.values())
    return {m.name: m for m in found if m.spec.kills}


def _names(mutant: Mutant, check_id: str, words: Sequence[str]) -> bool:
    """Whether one of the words names the mutant, the check or the check's family."""
    return not {mutant.name, check_id, prefix_of(check_id)}.isdisjoint(words)


def breaks(spec: MutantSpec, deployment: HelmDeployment | KustomizeDeployment | None) -> bool:
    """Whether a mutant can break a deployment: one that changes files must change files of it."""
    if not spec.by.files or deployment is None:
        return True
    parts = folder_of(deployment).parts
    of_it = {after for before, after in pairwise(parts) if before == "deployment"}
    return any(Path(change.path).parts[0] in of_it for change in spec.by.files)


def run(
    mutants: Mapping[str, Mutant],
    *,
    profile: str,
    tier: Tier,
    keep: bool,
    reuse: bool,
    output: Path | None,
) -> int:
    """Run the named checks against the healthy target, then against each mutant.

    A mutant is killed when its check passes on the healthy target and *fails* on the mutant; an
    `unknown` kills nothing. Returns 0 when all were killed, 1 when one survived, 2 when the
    healthy target did not pass.

    Raises:
        Unusable: as for a gate, or no mutant is about a check that this profile expects.
    """
    known = catalogue.read(assets.asset("suites"))
    loaded = promised(profile, known)
    pairs = [
        (mutant, check_id)
        for mutant in mutants.values()
        for check_id in mutant.spec.kills
        if check_id in loaded.rows(tier) and breaks(mutant.spec, loaded.profile.deployment)
    ]
    if not pairs:
        raise Unusable(
            f"No mutant is about a check that {profile} expects in the tier {tier}",
            remedy="Name another mutant, --profile or --tier",
        )
    made = make_folder(output, new_run_id())
    folder = made.path
    with ExitStack() as stack:
        stack.callback(_leave_no_empty, made)
        log = stack.enter_context(EvidenceLog(made.log))
        log.append(_started(loaded, folder))
        interrupted: str | None = "stopped by a signal"
        try:
            healthy = _verdicts(
                folder / "healthy", profile, tier, sorted({c for _, c in pairs}), reuse=reuse
            )
            for number, mutant in enumerate(dict.fromkeys(m.name for m, _ in pairs), 1):
                ids = [c for m, c in pairs if m.name == mutant]
                total = len({m.name for m, _ in pairs})
                typer.echo(f"[{number:2}/{total}] {mutant}: {mutants[mutant].spec.breaks}")
                for event in _mutate(folder, profile, tier, mutants[mutant], ids, healthy):
                    log.append(event)
                    word = "killed" if event.killed else f"SURVIVED: {event.detail}"
                    typer.echo(f"        {event.check}: {event.mutated}, {word}")
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
    typer.echo(f"report:   {folder / 'report.html'}")
    return verdict.exit_code


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


def _mutate(
    folder: Path,
    profile: str,
    tier: Tier,
    mutant: Mutant,
    ids: Sequence[str],
    healthy: Mapping[str, Judged],
) -> list[Mutation]:
    started = time.monotonic()
    broken = _verdicts(folder / mutant.name, profile, tier, ids, mutant=mutant.name)
    events = []
    for check_id in ids:
        before, after = healthy.get(check_id), broken.get(check_id)
        good = before.raw if before else Verdict.UNKNOWN
        bad = after.raw if after else Verdict.UNKNOWN
        because = mutant.spec.reason(check_id)
        broke = list(dict.fromkeys(o.id for o in after.failed_observations)) if after else []
        killed = good is Verdict.PASS and bad is Verdict.FAIL and because in broke
        detail = after.reason if after else "the check did not report"
        if bad is Verdict.FAIL and because not in broke:
            detail = f"{because} holds; what broke is {', '.join(broke)}: {detail}"
        if good is not Verdict.PASS:
            detail = f"the healthy target does not pass: {before.reason if before else 'no report'}"
        events.append(
            Mutation(
                mutant=mutant.name,
                check=check_id,
                breaks=mutant.spec.breaks,
                healthy=good,
                mutated=bad,
                because=because,
                broke=broke,
                killed=killed,
                duration_s=round(time.monotonic() - started, 3),
                detail=detail,
            )
        )
    return events


def _verdicts(
    folder: Path,
    profile: str,
    tier: Tier,
    ids: Sequence[str],
    *,
    reuse: bool = False,
    mutant: str | None = None,
) -> dict[str, Judged]:
    """Run checks in a process of their own, so that nothing of a mutant stays in this one."""
    argv = [
        sys.executable, "-m", "mlflow_conformance", "gate",
        "--profile", profile, "--tier", tier, "--keep", "--output", str(folder),
    ]  # fmt: skip
    argv += ["--reuse"] if reuse else []
    # The healthy run has just stood everything up and proven it.
    argv += ["--prepared", "--mutant", mutant] if mutant else []
    for check_id in ids:
        argv += ["--check", check_id]
    code, output = _finished(argv, within_s=_LONGEST_S + _LONGEST_CHECK_S * len(ids))
    log = folder / "evidence.jsonl"
    if log.exists():
        (folder / _OUTPUT).write_text(output, encoding="utf-8")
    if code == 3 or not log.exists():
        raise Unusable(
            f"The checks could not be run{f' on {mutant}' if mutant else ''}: {_reason(output)}",
            remedy=f"See {folder.parent} for what was run before",
        )
    verdict: RunVerdict = judge(read(log))
    return {c.id: c for c in verdict.checks}


def _reason(output: str) -> str:
    """Why a gate could not be run: its sentence, which pytest's own last line may follow."""
    lines = output.strip().splitlines() or ["it said nothing"]
    own = [line for line in lines if line.startswith(SPEAKER)]
    return (own or lines)[-1].removeprefix(SPEAKER)


def _finished(argv: Sequence[str], *, within_s: float) -> tuple[int, str]:
    """Run a gate to its end: exit code and everything that it printed.

    However this ends, the gate is given the time to put back what it broke.
    """
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as gate:
        try:
            output, _ = gate.communicate(timeout=within_s)
        except subprocess.TimeoutExpired as problem:
            raise Unusable(
                f"The checks were not finished within {within_s:g} s",
                remedy="Name fewer mutants, or see what the gate alone does",
            ) from problem
        finally:
            if gate.poll() is None:
                gate.terminate()
                gate.communicate()
        return gate.returncode, output
