# SPDX-License-Identifier: Apache-2.0
"""An upgrade by the deployment's own way, while every kind of client goes on."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from mlflow_conformance.cluster import workloads
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.config.manners import Manner
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.ledger.log import Ledger, read
from mlflow_conformance.ledger.writers import Pace, remove_model
from mlflow_conformance.load import engine, seeding
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.arrivals import RateStep
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.load.run_record import whole_part
from mlflow_conformance.load.workload import load as load_workload
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.machine import cluster_cpu
from mlflow_conformance.target.revisions import needed
from mlflow_conformance.upgrade.clients import SENT, WORDS, Clients, going
from mlflow_conformance.upgrade.interleaving import Restart
from mlflow_conformance.upgrade.kept import runs_and_models_kept, traces_kept
from mlflow_conformance.upgrade.restarting import restarting
from mlflow_conformance.upgrade.revising import revisions_noted
from mlflow_conformance.upgrade.told import told
from mlflow_conformance.upgrade.traces import Traces
from mlflow_conformance.upgrade.upgraded import Upgraded
from mlflow_conformance.upgrade.watching import UpgradeWatch

_WORKLOAD = "upgrade"
_LONGEST_S = 3600.0
_EDGE_S = 2.0
_NS = 1e9


@dataclass(frozen=True)
class Setting:
    """What is upgraded, how, and what goes on meanwhile.

    Attributes:
        forward: the deployment's own way; takes the seconds that it may need.
        images: of A and B, as their pods name them.
        plan: pods that are restarted in the middle.
        rate: requests a second of the load.
        before: of each kind of request, acknowledged before it begins.
        label: unique; names of all that is made begin with it.
        folder: gets the load's record and the ledger.
    """

    target: Target
    waiter: Waiter
    manner: Manner
    forward: Callable[[float], None]
    images: tuple[str, str]
    plan: Sequence[Restart]
    numbers: random.Random
    rate: float
    before: int
    label: str
    folder: Path
    seed: int
    doors: Sequence[MlflowApi]


@dataclass
class _Moments:
    """What is noted while it goes on."""

    refused: str = ""
    began_ns: int = 0
    applied_ns: int = 0
    over_ns: int | None = None
    until_ns: int = 0
    held_s: float = 0.0
    began_s: float = 0.0
    until_s: float = 0.0
    own: dict[str, str] = field(default_factory=dict)


def upgrade(setting: Setting) -> Upgraded:
    """Upgrade while clients go on, and read back what was acknowledged.

    Raises:
        Undecided: A is not what is deployed, or too little was written before it began.
        TimedOut: the same, or the load's record is not whole.
        KubeFailed, InsideFailed, ApiError, NoReply: cluster, database or MLflow cannot be read
            where nothing is being upgraded.
    """
    target, seen = setting.target, _Moments()
    kube, sql, bucket = target.need_kube(), target.need_sql(), target.need_bucket()
    front = setting.doors[0]
    seen.own[setting.images[0]] = _need(kube, target, setting.images[0])
    earlier = told(kube, target.names.mlflow.selector)
    path = setting.folder / "ledger.jsonl"
    with ExitStack() as stack:
        load, experiment_id = stack.enter_context(_loaded(setting))
        started = load.started(setting.waiter)
        notes = stack.enter_context(revisions_noted(target, sql, setting.waiter))
        watch = stack.enter_context(UpgradeWatch(kube, target.names.mlflow, sql))
        ledger = stack.enter_context(Ledger(path, sync=False))
        with going(ledger, setting.doors, Traces(setting.label, experiment_id), Pace()) as clients:
            stack.callback(remove_model, front, clients.writers.model)
            _acknowledged(clients, setting, time.monotonic_ns(), setting.before, "before it begins")
            time.sleep(_EDGE_S)
            zero = time.time() - started.timestamp(), time.monotonic_ns()
            with OthersCpu(cluster_cpu(target)) as others:
                with restarting(kube, watch, setting.plan, setting.numbers) as done:
                    _carried_out(setting, clients, seen)
                _settle(setting, clients, seen)
            seen.began_s = zero[0] + (seen.began_ns - zero[1]) / _NS
            seen.until_s = zero[0] + (seen.until_ns - zero[1]) / _NS
        watch.close()
        notes.read(sql)
        if seen.over_ns is not None:
            seen.own[setting.images[1]] = _need(kube, target, setting.images[1])
        result = _recorded(setting, load, seen)
        begun = told(kube, target.names.mlflow.selector).since(earlier)
        operations = read(path)
        return Upgraded(
            manner=setting.manner, images=setting.images, refused=seen.refused,
            began_ns=seen.began_ns, applied_ns=seen.applied_ns, over_ns=seen.over_ns,
            until_ns=seen.until_ns, held_s=seen.held_s, own=seen.own,
            attempts=clients.pacer.attempts(), load=result, looks=watch.looks(),
            locks=watch.locks(), blind=watch.failed, restarted=done, plan=setting.plan,
            locks_unseen_s=watch.locks_unseen_s(), told=begun, noted=notes,
            runs_kept=runs_and_models_kept(operations, clients, front, sql, bucket),
            traces_kept=traces_kept(operations, clients.traces, front, sql),
            others_cpu=others.most(),
        )  # fmt: skip


@contextmanager
def _loaded(setting: Setting) -> Iterator[tuple[engine.LocalLoad, str]]:
    """The open-model load on the front door, and the experiment that it uses."""
    door = setting.target.need_front()
    world = seeding.make(door.api(), setting.label)
    plan = LoadPlan(
        url=door.url, workload=load_workload(_WORKLOAD),
        steps=[RateStep(rate=setting.rate, duration_s=_LONGEST_S)], seed=setting.seed, world=world,
        ca_file=door.ca_file, client_file=door.client_file, headers=dict(door.headers),
    )  # fmt: skip
    try:
        with engine.running(plan, setting.folder) as load:
            yield load, world.experiment_id
    finally:
        seeding.remove(door.api(), world)


def _carried_out(setting: Setting, clients: Clients, seen: _Moments) -> None:
    """The upgrade itself, in its manner."""
    kube, names = setting.target.need_kube(), setting.target.names.mlflow
    seconds = setting.waiter.seconds("upgraded")
    seen.began_ns = time.monotonic_ns()
    with ExitStack() as stack:
        wanted = 0
        if setting.manner == "hold-traces":
            stack.enter_context(clients.pacer.holding(SENT))
        if setting.manner == "scale-to-none":
            wanted = kube.get("deployment", names.deployment)["spec"]["replicas"]
            kube.scale("deployment", names.deployment, 0)
            setting.waiter.until(
                "gone: every pod of MLflow",
                lambda: [p.name for p in kube.pods(names.selector) if p.replica],
                done=lambda left: not left,
                timeout="rollout",
            )
        try:
            setting.forward(seconds)
        except ProgramRefused as problem:
            seen.refused = problem.what
        if wanted and not kube.get("deployment", names.deployment)["spec"].get("replicas"):
            kube.scale("deployment", names.deployment, wanted)
        seen.applied_ns = time.monotonic_ns()
        seen.over_ns = _over(setting, kube)
    if setting.manner == "hold-traces":
        seen.held_s = (time.monotonic_ns() - seen.began_ns) / _NS


def _over(setting: Setting, kube: Kube) -> int | None:
    """The moment when every pod is a ready one of B, if it comes."""
    names = setting.target.names.mlflow

    def images() -> set[str]:
        return {
            str(c["image"])
            for pod in kube.pods(names.selector)
            if pod.replica
            for c in pod.raw["spec"]["containers"]
            if c["name"] == names.container
        }

    try:
        workloads.wait_rolled_out(
            kube, "deployment", names.deployment, kube.namespace, setting.waiter
        )
        setting.waiter.until(
            "of B: every pod of MLflow", images, done=lambda seen: seen == {setting.images[1]},
            timeout="pod ready",
        )  # fmt: skip
    except TimedOut:
        return None
    return time.monotonic_ns()


def _settle(setting: Setting, clients: Clients, seen: _Moments) -> None:
    """Let every kind be acknowledged again; what does not come is for the record to show."""
    over = time.monotonic_ns()
    with suppress(TimedOut):
        _acknowledged(clients, setting, over, 1, "each kind again")
    time.sleep(_EDGE_S)
    seen.until_ns = time.monotonic_ns()


def _acknowledged(clients: Clients, setting: Setting, since_ns: int, least: int, what: str) -> None:
    setting.waiter.until(
        f"acknowledged: {least} of every kind of request, {what}",
        lambda: clients.pacer.acknowledged(since_ns),
        done=lambda seen: all(seen[kind] >= least for kind in WORDS),
        timeout="writes acknowledged",
        interval_s=0.2,
    )


def _recorded(setting: Setting, load: engine.Load, seen: _Moments) -> LoadResult:
    """The load from the first command on, once every reply is there."""
    part = setting.waiter.until(
        "recorded: every request of the upgrade",
        lambda: whole_part(load.record(), seen.began_s, seen.until_s),
        done=lambda record: not record.missing,
        timeout="load recorded",
    )
    return analyse(part)


def _need(kube: Kube, target: Target, image: str) -> str:
    """The revision that an image needs, asked of a pod of it.

    Raises:
        Undecided: no ready pod has it, or it has several heads.
    """
    names = target.names.mlflow
    for pod in kube.ready_pods(names.selector, container=names.container):
        if any(c["image"] == image for c in pod.raw["spec"]["containers"]):
            heads = needed(kube, pod.name, names.container)
            if len(heads) == 1:
                return heads[0]
            raise Undecided(f"the migrations of {image} have {len(heads)} heads")
    raise Undecided(f"no ready pod runs {image}: the version before must be what is deployed")
