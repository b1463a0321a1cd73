# SPDX-License-Identifier: Apache-2.0
"""The upgrade under load, and the pair of servers before it, which the checks here share."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.run.fixtures.upgrade import UpgradeWay
from mlflow_conformance.stand.revision import Upgrading, image_name
from mlflow_conformance.target.backups import jobs
from mlflow_conformance.target.backups.lines import Lines, documented_lines
from mlflow_conformance.target.backups.making import back_up
from mlflow_conformance.target.backups.store import store_of
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade.before import Before, give, keep
from mlflow_conformance.upgrade.interleaving import drawn
from mlflow_conformance.upgrade.migration import MigrationRecord
from mlflow_conformance.upgrade.models import Models, Python, write_models
from mlflow_conformance.upgrade.pair import ServerPair, client_of, rehearsed, standing_pair
from mlflow_conformance.upgrade.retained import Altered, Settings, altered, meant, settings
from mlflow_conformance.upgrade.thresholds import DataGiven, UpgradeUnderLoad, WayBack
from mlflow_conformance.upgrade.under_load import Setting, upgrade
from mlflow_conformance.upgrade.upgraded import Upgraded
from mlflow_conformance.upgrade.way_back import BackedUp, serving_images, written


@pytest.fixture(scope="session")
def server_images(way: UpgradeWay, conformance_run: Run) -> tuple[str, str]:
    """The image of MLflow's server before the upgrade and after it."""
    profile = conformance_run.loaded.profile
    return image_name(way.a.objects(), profile), image_name(way.b.objects(), profile)


@pytest.fixture(scope="module")
def pair(target: Target, server_images: tuple[str, str], waiter: Waiter) -> Iterator[ServerPair]:
    """A server of A and one of B, each on its own copy of A's data."""
    with standing_pair(target, server_images[1], waiter) as standing:
        yield standing


@pytest.fixture(scope="session")
def settings_before(target: Target, server_images: tuple[str, str]) -> Settings:
    """Everything that is set before the upgrade."""
    return settings(target.need_kube(), server_images)


@pytest.fixture(scope="session")
def documented(target: Target) -> Iterator[Lines]:
    """The terminal of documented lines; what they changed for a restore is ended afterwards."""
    with documented_lines(target.need_own(), target) as lines:
        yield lines


@pytest.fixture(scope="session")
def backed_up(
    target: Target,
    conformance_run: Run,
    documented: Lines,
    server_images: tuple[str, str],
    upgrade_folder: Path,
    front: MlflowApi,
    waiter: Waiter,
) -> Iterator[BackedUp]:
    """Writes on the version before the upgrade, and a backup in the middle of them.

    A stage after the upgrade finds what the one before it has kept.
    """
    found = BackedUp.read(upgrade_folder)
    if found is not None:
        yield found
        return
    kube, label = target.need_kube(), conformance_run.label
    if serving_images(kube, target.names.mlflow) != [server_images[0]]:
        raise Undecided("the version before the upgrade is not what is deployed")
    writes = conformance_run.row("UPG-2", WayBack).writes
    made = answer("experiments/create", front.post("experiments/create", name=f"{label}-way-back"))
    experiment: str = made["experiment_id"]
    runs = written(front, experiment, writes)
    typed, job = time.time(), f"{label}-before"
    with conformance_run.phase("backup before the upgrade"):
        done = back_up(kube, documented, store_of(target), job, waiter)
    kept = BackedUp(
        experiment_id=experiment, runs=runs, after=written(front, experiment, writes),
        backup=done.name or "", outcome=done.outcome, backed_up=typed,
    )  # fmt: skip
    kept.kept_in(upgrade_folder)
    yield kept
    jobs.remove(kube, [job])


@pytest.fixture(scope="session")
def data_before(request: pytest.FixtureRequest) -> None:
    """What checks of this run need of the version before: to be made while that one still serves.

    What cannot be made is told in the checks that need it, for pytest raises it there again.
    """
    needed = {
        name
        for item in request.session.items
        if isinstance(item, pytest.Function)
        for name in item.fixturenames
    }
    for name in ("before", "migration"):
        if name in needed:
            with suppress(Exception):
                request.getfixturevalue(name)


@pytest.fixture(scope="session")
def upgraded(
    target: Target,
    conformance_run: Run,
    way: UpgradeWay,
    upgrading: Upgrading,
    server_images: tuple[str, str],
    data_before: None,
    settings_before: Settings,
    backed_up: BackedUp,
    front: MlflowApi,
    service: MlflowApi,
    waiter: Waiter,
) -> Upgraded:
    """The upgrade under load, which the checks share.

    What is told of the version before is read before it.
    """
    row = conformance_run.row("UPG-1", UpgradeUnderLoad)
    numbers = conformance_run.random_for("UPG-1")
    folder = conformance_run.folder.path / "upgrade"
    folder.mkdir(parents=True, exist_ok=True)
    with conformance_run.phase("upgrade under load") as note:
        seen = upgrade(
            Setting(
                target=target, waiter=waiter, manner=upgrading.manner, forward=way.forward,
                images=server_images, plan=drawn(numbers, row.restarts, upgrading.manner),
                numbers=numbers, rate=row.rate, before=row.before,
                label=f"upgrade-{conformance_run.run_id}".lower(), folder=folder,
                seed=conformance_run.seed, doors=[front, service],
            )
        )  # fmt: skip
        note.detail = upgrading.manner
    return seen


@pytest.fixture(scope="session")
def settings_altered(
    target: Target,
    server_images: tuple[str, str],
    settings_before: Settings,
    upgraded: Upgraded,
    upgrading: Upgrading,
    way: UpgradeWay,
) -> Altered:
    """How what is set differs after the upgrade, and what of it its files mean to change."""
    to_change = upgrading.b.kind != "version"
    return altered(
        settings_before,
        settings(target.need_kube(), server_images),
        meant(way.a.objects(), way.b.objects()) if to_change else None,
    )


@pytest.fixture(scope="session")
def deployed_after(
    request: pytest.FixtureRequest, target: Target, server_images: tuple[str, str]
) -> None:
    """The version after the upgrade, which a stage before has brought, or which is brought now.

    Raises:
        Undecided: the upgrade did not come to its end.
    """
    serving = serving_images(target.need_kube(), target.names.mlflow)
    if serving != [server_images[1]]:
        seen: Upgraded = request.getfixturevalue("upgraded")
        if seen.over_ns is None:
            raise Undecided("the upgrade did not come to its end, so that nothing leads back")


@pytest.fixture(scope="session")
def written_models(
    target: Target, server_images: tuple[str, str], service: MlflowApi, conformance_run: Run,
    upgrade_folder: Path, waiter: Waiter,
) -> Models:  # fmt: skip
    """Models that a client of the old version registered."""
    with client_of(target, server_images[0], waiter) as python:
        written = write_models(python, service, f"{conformance_run.label}-models")
    written.kept_in(upgrade_folder / "models.json")
    return written


@pytest.fixture(scope="session")
def before(
    target: Target, server_images: tuple[str, str], service: MlflowApi, conformance_run: Run,
    upgrading: Upgrading, upgrade_folder: Path, written_models: Models,
) -> Before:  # fmt: skip
    """Data of every kind that the old version was given, and all that it held then.

    Raises:
        Undecided: it is no longer the one that serves.
    """
    if serving_images(target.need_kube(), target.names.mlflow) != [server_images[0]]:
        raise Undecided("the old version no longer serves, and was given no data: start with UPG-3")
    runs = upgrading.runs or conformance_run.row("UPG-3.given", DataGiven).runs
    with conformance_run.phase("data of every kind written", f"{runs} runs"):
        given = give(
            target.inside, service, target.need_sql(), target.need_bucket(),
            f"{conformance_run.label}-given", runs, conformance_run.seed,
        )  # fmt: skip
    keep(given, upgrade_folder)
    return given


@pytest.fixture(scope="session")
def migration(
    target: Target,
    server_images: tuple[str, str],
    before: Before,
    waiter: Waiter,
    conformance_run: Run,
) -> MigrationRecord:  # fmt: skip
    """The migration, carried out on a copy of what the old version holds."""
    with conformance_run.phase("migration on a copy"):
        return rehearsed(target, server_images[1], waiter)


@pytest.fixture(scope="session")
def new_client(
    target: Target, server_images: tuple[str, str], waiter: Waiter
) -> Callable[[], AbstractContextManager[Python]]:
    """Starts a client of the new version."""
    return partial(client_of, target, server_images[1], waiter)


@pytest.fixture
def upgraded_service(target: Target) -> MlflowApi:
    """MLflow's API through the Service when the new version stands behind it, from the runner."""
    return target.api(target.pair_url("B", target.service_url))
