# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance upgrade`: its stages, each a gate with evidence of its own."""

import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from pydantic import JsonValue

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import LoadedProfile, Profile
from mlflow_conformance.config.tiers import UPGRADE, Tier
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import (
    Run,
    RunFolder,
    command_line,
    make_folder,
    new_run_id,
)
from mlflow_conformance.evidence.upgrade import ABOUT, UpgradeStage
from mlflow_conformance.evidence.verdict import Verdict
from mlflow_conformance.report.upgrade import files, telling
from mlflow_conformance.run import gates
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.upgrading import refuse_input
from mlflow_conformance.stand import images
from mlflow_conformance.stand.revision import Upgrading, deployment_at, images_in
from mlflow_conformance.stand.standing import refuse_left_up, take_down
from mlflow_conformance.stand.versions import MlflowVersion, lock_of, version_of

_BACK = "UPG-2"
"""What the IDs of checks of the way back begin with: they are last, for they end on A."""
_BOTH: Tier = "gate"
"""The tier of the checks that run on both sides: the thresholds are its."""


def run(
    wanted: Upgrading,
    *,
    profile: str,
    keep: bool,
    reuse: bool,
    output: Path | None,
    seed: int | None,
) -> int:
    """Try an upgrade on a cluster of our own, and say whether it can be made.

    Returns 0 for go, 1 for no-go, 2 for undecided.

    Args:
        keep: leave cluster and deployment up.
        reuse: use what a run left up, and leave it up again.

    Raises:
        Unusable: the pair or the profile cannot be used, the deployment before the upgrade cannot
            be had, or a stage could not be run.
    """
    refuse_input(wanted)
    loaded = promised(profile, catalogue.read(assets.asset("suites")))
    plan = _plan(loaded)
    if not reuse:
        refuse_left_up()
    _prepare_images(loaded.profile, wanted)
    run_id = new_run_id()
    folder = make_folder(output, run_id)
    run_seed = seed if seed is not None else random.SystemRandom().getrandbits(32)
    with ExitStack() as stack:
        stack.callback(_leave_no_empty, folder)
        log = stack.enter_context(EvidenceLog(folder.log))
        upgrade = Run(
            loaded=loaded,
            rows={},
            left_out={},
            folder=folder,
            run_id=run_id,
            seed=run_seed,
            command=command_line(),
            log=log,
            waiter=Waiter(loaded.profile.time_scale),
            interrupted="stopped by a signal",
        )
        log.append(upgrade.started(_target(wanted)))
        try:
            for stage, (tier, ids) in plan.items():
                _run_stage(upgrade, stage, profile, tier, ids, wanted, reuse=reuse)
            upgrade.interrupted = None
        except Unusable as problem:
            upgrade.interrupted = str(problem)
            raise
        finally:
            upgrade.ended()
            if any((folder.path / stage).exists() for stage in UpgradeStage):
                files.write_all(folder.path)
            if not (keep or reuse):
                take_down()
    verdict = files.read(folder.path)
    typer.echo(telling.terminal(verdict))
    typer.echo(f"page:     {folder.path / files.PAGE}")
    return verdict.exit_code


def refuse_attached(*options: object) -> None:
    """Make sure that no existing cluster is named: an upgrade changes what is deployed there.

    Raises:
        Unusable: one is.
    """
    if any(option is not None for option in options):
        raise Unusable(
            "An upgrade is tried on a cluster that this program makes",
            remedy="Leave --context, --namespace and --kubeconfig out, or add --plan, which only "
            "reads",
        )


def _plan(loaded: LoadedProfile) -> dict[UpgradeStage, tuple[Tier, list[str]]]:
    """The checks of every stage.

    Raises:
        Unusable: the profile expects no check of an upgrade, or names one that it does not have.
    """
    profile = loaded.profile
    of_upgrade = list(loaded.rows(UPGRADE))
    if not of_upgrade:
        raise Unusable(
            f"The profile {profile.name} expects no check of an upgrade",
            remedy="Add rows of the tier `upgrade`; profiles/k3d.yaml has them all",
        )
    both, there = profile.upgrade.checks, loaded.rows(_BOTH)
    for check_id in both:
        if check_id not in there:
            raise Unusable(
                f"The profile {profile.name} names {check_id!r} under upgrade.checks and does not "
                f"expect it in the tier {_BOTH}{nearest(check_id, there).rstrip('?')}",
                remedy="Correct upgrade.checks",
            )
    back = [i for i in of_upgrade if i.split(".")[0] == _BACK]
    forward = [i for i in of_upgrade if i not in back]
    plan: dict[UpgradeStage, tuple[Tier, list[str]]] = {
        UpgradeStage.BEFORE: (_BOTH, both),
        UpgradeStage.FORWARD: (UPGRADE, forward),
        UpgradeStage.AFTER: (_BOTH, both),
        UpgradeStage.BACK: (UPGRADE, back),
    }
    return plan


def _prepare_images(profile: Profile, wanted: Upgrading) -> None:
    """Make sure that both sides can be rendered, and make their images, before a cluster is made.

    Nothing is done where the programs that render are still to be built: the first stage does it.

    Raises:
        Unusable: a side cannot be rendered, or an image cannot be made.
    """
    tools = images.tools()
    if not (tools.helm.is_file() and tools.kubectl.is_file()):
        return
    kube = Kube(
        Path(), "", profile.names.namespace, kubectl=str(tools.kubectl), helm=str(tools.helm)
    )
    for side in (wanted.a, wanted.b):
        with TemporaryDirectory(prefix="mlflow-conformance-") as made:
            way = deployment_at(profile, side, Path(made) / "tree", kube=kube)
            for image in images_in(way.objects()):
                if (version := version_of(image)) is not None:
                    images.build_mlflow(str(version), lock_of(version), tell)
    for client in profile.upgrade.clients:
        images.build_mlflow(client, lock_of(MlflowVersion.parse(client)), tell)


def _run_stage(
    upgrade: Run,
    stage: UpgradeStage,
    profile: str,
    tier: Tier,
    ids: Sequence[str],
    wanted: Upgrading,
    *,
    reuse: bool,
) -> None:
    """Run one stage; the first one stands everything up, and the others trust it.

    Raises:
        Unusable: it could not be run.
    """
    if not ids:
        return
    typer.echo(f"{ABOUT[stage]}: {len(ids)} checks")
    shared = upgrade.folder.path / "shared"
    shared.mkdir(exist_ok=True)
    more = [
        f"--upgrade-from={wanted.a.spelled}",
        f"--upgrade-to={wanted.b.spelled}",
        f"--upgrade-folder={shared}",
        f"--seed={upgrade.seed}",
        f"--upgrade-way={wanted.manner}",
        *([f"--upgrade-runs={wanted.runs}"] if wanted.runs is not None else []),
        *([f"--upgrade-data={wanted.data}"] if wanted.data is not None else []),
    ]
    first = stage is UpgradeStage.BEFORE
    with upgrade.phase(stage) as note:
        judged = gates.verdicts(
            upgrade.folder.path / stage,
            profile,
            tier,
            ids,
            reuse=reuse and first,
            prepared=not first,
            more=more,
        )
        good = sum(j.verdict in (Verdict.PASS, Verdict.WAIVED) for j in judged.values())
        note.detail = f"{good} of {len(judged)} checks passed"
    typer.echo(f"        {note.detail}")


def _target(wanted: Upgrading) -> dict[str, JsonValue]:
    pair = {"from": wanted.a.spelled, "to": wanted.b.spelled, "way": wanted.manner}
    return {"kind": "kind", "upgrade": dict[str, JsonValue](pair)}


def _leave_no_empty(folder: RunFolder) -> None:
    """Leave nothing of an upgrade whose first stage has no evidence."""
    if files.is_upgrade(folder.path):
        return
    shared = folder.path / "shared"
    if shared.is_dir() and not any(shared.iterdir()):
        shared.rmdir()
    folder.discard()
