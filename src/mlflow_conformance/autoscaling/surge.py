# SPDX-License-Identifier: Apache-2.0
"""Loads the autoscaled deployment from pods of the cluster, through the Service, and watches it.

The load surges until new replicas have served, and then goes on quietly while the replicas that
are no longer needed leave.
"""

import time
from collections.abc import Callable
from pathlib import Path

from mlflow_conformance.autoscaling.rest import bring_to_rest, hurried
from mlflow_conformance.autoscaling.thresholds import Surge
from mlflow_conformance.autoscaling.window import Window
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load import seeding, workload
from mlflow_conformance.load.machine import OthersCpu
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.load_pods import running_in_pods
from mlflow_conformance.target.machine import cluster_cpu
from mlflow_conformance.target.watch import Watch, first, watching


def surged(
    target: Target,
    run: Run,
    surge: Surge,
    folder: Path,
    garbage: list[str],
    *,
    after_surge: Callable[[Watch], None],
) -> Window:
    """Bring the deployment to rest, load it, and watch.

    Args:
        folder: gets the records; it must exist.
        garbage: gets the experiment that was loaded, to be removed for good.
        after_surge: called with the watch when the surge is over and the quiet begins; returns
            when what it waits for has come.

    Raises:
        Undecided: the deployment did not come to rest, or the load did not begin.
        KubeFailed: the pods that send it could not be made.
    """
    window = Window(surge)
    with run.phase("autoscaler at rest"):
        window.obstacle = bring_to_rest(target, run.waiter)
    if window.obstacle:
        return window
    api = target.api()
    with run.phase("objects for the load"):
        world = seeding.make(api, f"surge-{run.run_id}-{folder.name}")
    garbage.append(world.experiment_id)
    try:
        plan = LoadPlan(
            url=target.service_url,
            workload=workload.load(surge.workload),
            steps=surge.steps,
            seed=run.seed,
            workers=surge.workers,
            world=world,
            headers=dict(target.inside_headers),
            ca_file=target.inside_ca_file,
        )
        kube, names = target.need_kube(), target.names.runner
        if target.inside.call("lacking", modules=["locust"]):
            raise Undecided(
                f"the runner's image {names.image} has no Locust, so no load can be sent from "
                "pods: name this suite's own under names.runner.image"
            )
        with (
            run.phase("load from pods") as note,
            running_in_pods(plan, folder, kube, names, run.waiter) as load,
            watching(target) as window.watch,
            OthersCpu(cluster_cpu(target)) as others,
        ):
            window.start = load.started(run.waiter).timestamp()
            _until_quiet(window, run.waiter)
            after_surge(window.watch)
            window.recorded = load.wait()
            window.watched_until = time.time()
            window.others_cpu = others.most()
            note.detail = f"{len(window.recorded.records)} requests"
    finally:
        with run.phase("objects removed") as note:
            note.detail = seeding.remove(api, world)
    return window


def _until_quiet(window: Window, waiter: Waiter) -> None:
    quiet = window.start + window.surge.for_s
    waiter.until(
        "over: the surge",
        lambda: window.watch.looks[-1:],
        done=lambda seen: bool(seen) and seen[0].at >= quiet,
        timeout="surge",
        interval_s=0.5,
    )


def fall_in_haste(target: Target, waiter: Waiter, watch: Watch) -> None:
    """Let the autoscaler take away at once what the quiet does not need, and wait until it went.

    Its stabilization window is another promise; what leaving costs those who send does not depend
    on how long it waits. Where nothing leaves in time, the watch shows so.
    """
    if watch.looks[-1].wanted <= watch.looks[0].wanted:
        return
    begun = time.time()

    def gone() -> bool:
        now = watch.looks[-1]
        leaving = first(
            [s for s in watch.looks if s.at >= begun], lambda s: any(p.terminating for p in s.pods)
        )
        return leaving is not None and len(now.pods) == now.wanted == now.ready

    with hurried(target, waiter):
        try:
            waiter.until(
                "gone: replicas that are not needed any more",
                gone,
                done=bool,
                timeout="autoscaler at rest",
            )
        except TimedOut:
            return


def wait_until_back(waiter: Waiter, watch: Watch) -> None:
    """Wait until there are as many replicas as before; where that does not come, it is seen so."""
    before = watch.looks[0].wanted
    if all(s.wanted == before for s in watch.looks):
        return

    def back() -> bool:
        now = watch.looks[-1]
        return now.wanted == before == now.ready

    try:
        waiter.until(
            f"back: {before} replicas", back, done=bool, timeout="autoscaler back", interval_s=1
        )
    except TimedOut:
        return
