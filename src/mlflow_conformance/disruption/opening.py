# SPDX-License-Identifier: Apache-2.0
"""Opens a campaign: the autoscaler held at its minimum, and load on the front door."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mlflow_conformance.cluster import kept as objects
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.view import look
from mlflow_conformance.config.names import MlflowNames
from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.disruption.campaign import EDGE_S, LONGEST_S, Campaign
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load import engine, seeding
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.load.operations import World
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.workload import load as load_workload
from mlflow_conformance.report.disruptions import TIME_LINE_RECORD
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed
from mlflow_conformance.target.machine import cluster_cpu

_WORKLOAD = "pulse"


@contextmanager
def opened_campaign(
    target: Target, run: Run, rate: float, garbage: list[str]
) -> Iterator[Campaign]:
    """The deployment with its autoscaler held at its minimum, and load on the front door.

    The autoscaler is held so that the number of replicas is what the scenario says, rather than
    what the load happens to make of it; it is given back afterwards.

    Args:
        rate: requests a second.
        garbage: gets the ID of the experiment that the load and the writers use.

    Raises:
        Undecided: the target has no cluster or no front door.
        Unusable: the objects for the load could not be made.
    """
    kube = target.need_kube()
    door = target.need_front()
    folder = run.folder.path / "disruption"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_held_autoscaler(target, kube, run.waiter))
        api = door.api()
        world = seeding.make(api, f"disruption-{run.run_id}")
        garbage.append(world.experiment_id)
        stack.callback(_removed, run, api, world)
        plan = LoadPlan(
            url=door.url,
            workload=load_workload(_WORKLOAD),
            steps=[RateStep(rate=rate, duration_s=LONGEST_S)],
            seed=run.seed,
            world=world,
            ca_file=door.ca_file,
            client_file=door.client_file,
            headers=dict(door.headers),
        )
        load = stack.enter_context(engine.running(plan, folder))
        started = load.started(run.waiter)
        others = stack.enter_context(OthersCpu(cluster_cpu(target)))
        campaign = Campaign(
            target, run, run.waiter, load, started, folder, world.experiment_id, others
        )
        # Its senders begin together, a moment from now; no window may begin before them.
        campaign.until(EDGE_S)
        try:
            yield campaign
        finally:
            if campaign.bands:
                campaign.document().write(run.folder.path / TIME_LINE_RECORD)


def _replicas(kube: Kube, names: MlflowNames) -> int:
    wanted: int = objects.keep(kube, names.kind, names.deployment)["spec"]["replicas"]
    return wanted


def _pods(target: Target, kube: Kube) -> int:
    """Pods of MLflow, with those that are on their way out."""
    names = target.names
    found = look(kube).of(names.namespace, names.mlflow.selector)
    return sum(pod.replica for pod in found)


@contextmanager
def _held_autoscaler(target: Target, kube: Kube, waiter: Waiter) -> Iterator[None]:
    name = target.names.mlflow.hpa
    if name is None:
        yield
        return
    least = objects.keep(kube, "hpa", name)["spec"].get("minReplicas", 1)
    hold = ObjectChange(
        kind="hpa", name=name, patch_type="merge", patch={"spec": {"maxReplicas": least}}
    )
    with changed(target, [hold], waiter):
        # More replicas than that are what a load before has left; they must not leave later, nor
        # take requests with them while they do.
        waiter.until(
            f"at its minimum of {least}: the autoscaler {name}",
            lambda: (_replicas(kube, target.names.mlflow), _pods(target, kube)),
            done=lambda seen: max(seen) <= least,
            timeout="rollout",
        )
        yield


def _removed(run: Run, api: MlflowApi, world: World) -> None:
    with run.phase("objects of the faults removed") as note:
        note.detail = seeding.remove(api, world)
