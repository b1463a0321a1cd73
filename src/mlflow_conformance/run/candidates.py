# SPDX-License-Identifier: Apache-2.0
"""The run of candidates: which single changes of a deployment does no check notice?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer
import yaml

from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import LoadedProfile, Profile
from mlflow_conformance.config.tiers import Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.evidence.model import CandidateSeen, CandidateVerdict, Fate
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged, RunVerdict, Verdict, noticed
from mlflow_conformance.mutants.candidates.applying import foreseen
from mlflow_conformance.mutants.candidates.candidate import Candidate, candidates, sampled
from mlflow_conformance.mutants.candidates.judgements import Judgements, judged, matching
from mlflow_conformance.run import gates
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.mutant_rounds import observed
from mlflow_conformance.run.processes import Processes
from mlflow_conformance.run.resuming import set_aside
from mlflow_conformance.run.rounds import Round
from mlflow_conformance.run.series import GateSeries, series
from mlflow_conformance.stand.deploy.manifests import rendered
from mlflow_conformance.stand.standing import kept

UNJUDGED = "unjudged.yaml"
"""Beside the run's evidence: what nobody noticed, in the form of a file of judgements."""


def made_up(
    profile: str, tier: Tier, only: Sequence[str], *, most: int | None, seed: int
) -> list[Candidate]:
    """The candidates of a profile's deployment, in their order.

    Args:
        only: names, in which `*` stands for any text; empty for all.
        most: at most so many of them, drawn by `seed`; None for all.

    Raises:
        Unusable: the deployment cannot be rendered, or a name is no candidate's.
    """
    loaded = promised(profile, catalogue.read(assets.asset("suites")))
    deployment = rendered(loaded.profile, tell)
    found = candidates(deployment, loaded.profile.names, loaded.rows(tier))
    for pattern in only:
        if not any(matching([pattern], c.name) for c in found):
            raise Unusable(
                f"No candidate of {profile} is called {pattern!r}",
                remedy=f"List them with `mlflow-conformance mutants --generate --profile {profile} "
                "--list`; * stands for any text",
            )
    found = [c for c in found if not only or matching(only, c.name)]
    return found if most is None else sampled(found, most, seed)


def run(
    chosen: Sequence[Candidate],
    *,
    profile: str,
    tier: Tier,
    keep: bool,
    reuse: bool,
    output: Path | None,
    resumes: bool = False,
) -> int:
    """Run the checks that could notice against the healthy target, then against each candidate.

    Returns 0 when each was noticed or is judged harmless, 1 when one was not.

    Raises:
        Unusable: as for a gate, or there is no run to go on with.
    """
    loaded = promised(profile, catalogue.read(assets.asset("suites")))
    judgements = judged(loaded.profile.name)
    by_name = {c.name: c for c in chosen}

    def as_it_was(earlier: RunVerdict) -> Sequence[CandidateSeen]:
        return [
            seen.model_copy(update={"harmless": judgements.why(seen.name)})
            for seen in earlier.candidates
            if _is_as_it_was(seen, by_name.get(seen.name))
        ]

    with series(loaded, output, keep=keep, resumes=resumes, taken_over=as_it_was) as under_way:
        done = {e.name for e in under_way.known if isinstance(e, CandidateSeen)}
        left = [c for c in chosen if c.name not in done]
        if left:
            _run_left(under_way, loaded, profile, tier, left, judgements, reuse=reuse)
    code = under_way.conclude()
    _leave_to_judge(under_way.folder.path)
    return code


def _is_as_it_was(seen: CandidateSeen, candidate: Candidate | None) -> bool:
    if candidate is None or seen.breaks != candidate.breakage.breaks:
        return False
    return seen.fate != "tried" or list(seen.checks) == list(candidate.checks)


def _run_left(
    under_way: GateSeries,
    loaded: LoadedProfile,
    profile: str,
    tier: Tier,
    left: Sequence[Candidate],
    judgements: Judgements,
    *,
    reuse: bool,
) -> None:
    folder = under_way.folder.path
    set_aside(folder / "healthy")
    wanted = {i for c in left for i in c.checks if not c.refused}
    ids = [i for i in loaded.rows(tier) if i in wanted]
    healthy = gates.verdicts(folder / "healthy", profile, tier, ids, reuse=reuse)
    fates = _foreseen(loaded.profile, left)
    tried = [c for c in left if fates[c.name][0] == "tried"]
    processes = Processes(folder, profile, tier, reuse=True, prepared=True)
    rounds = processes.play([_round(folder, c) for c in tried])
    for number, candidate in enumerate(left, 1):
        fate, detail = fates[candidate.name]
        typer.echo(f"[{number:2}/{len(left)}] {candidate.breakage.breaks}")
        played = next(rounds) if fate == "tried" else None
        if played and played.stopped:
            fate, detail = "stopped", played.stopped
        changed = played.checks if played and not played.stopped else {}
        event = CandidateSeen(
            name=candidate.name,
            breaks=candidate.breakage.breaks,
            fate=fate,
            detail=detail,
            checks=_seen(candidate, healthy, changed) if changed else {},
            harmless=judgements.why(candidate.name),
            duration_s=round(played.seconds if played else 0, 3),
        )
        under_way.log.append(event)
        typer.echo(f"        {_told(event)}")


def _foreseen(profile: Profile, left: Sequence[Candidate]) -> Mapping[str, tuple[Fate, str]]:
    """What the cluster says of each candidate before any of them is tried."""
    with kept(profile) as kube:
        try:
            return {c.name: foreseen(kube, c) for c in left}
        except KubeFailed as problem:
            raise Unusable(
                f"The cluster cannot be asked about the candidates: {problem}",
                remedy="See whether its API server answers, and go on with --resume",
            ) from problem


def _round(folder: Path, candidate: Candidate) -> Round:
    """The round in which the checks run while a candidate is so."""
    file = folder / f"{candidate.file}.yaml"
    content = candidate.breakage.model_dump(mode="json", exclude_defaults=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=100), encoding="utf-8")
    checks: dict[str, list[str]] = {check_id: [] for check_id in candidate.checks}
    return Round(folder=folder / candidate.file, mutant=str(file), checks=checks)


def _seen(
    candidate: Candidate, healthy: Mapping[str, Judged], changed: Mapping[str, Judged]
) -> dict[str, CandidateVerdict]:
    def raw(judged: Judged | None) -> Verdict:
        return judged.raw if judged else Verdict.UNKNOWN

    return {
        check_id: CandidateVerdict(
            healthy=raw(healthy.get(check_id)),
            changed=raw(changed.get(check_id)),
            broke=observed(changed.get(check_id), broken=True),
        )
        for check_id in candidate.checks
    }


def _told(event: CandidateSeen) -> str:
    if event.fate != "tried":
        return f"{event.fate}: {event.detail}"
    if by := noticed(event):
        told = [f"{i} ({', '.join(event.checks[i].broke)})" for i in by]
        return f"noticed by {', '.join(told)}"
    return f"harmless: {event.harmless}" if event.harmless else "UNNOTICED"


def _leave_to_judge(folder: Path) -> None:
    """Write what nobody noticed in the form in which it is judged, for somebody to say why."""
    path = folder / UNJUDGED
    left = recorded(folder).unnoticed
    if not left:
        path.unlink(missing_ok=True)
        return
    entries = [{"changes": [c.name], "because": ""} for c in left]
    path.write_text(yaml.safe_dump({"harmless": entries}, sort_keys=False), encoding="utf-8")
    typer.echo(f"to judge: {path}")
