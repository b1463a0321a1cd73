# SPDX-License-Identifier: Apache-2.0
"""Carries out a plan of restarts while something else upgrades the deployment."""

import random
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.upgrade.interleaving import Restart, victim
from mlflow_conformance.upgrade.watching import UpgradeWatch

_LOOK_S = 0.1


@dataclass
class Restarted:
    """What became of a plan.

    Attributes:
        done: what was deleted, in a few words each.
        left: what had no moment.
    """

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@contextmanager
def restarting(
    kube: Kube, watch: UpgradeWatch, plan: Sequence[Restart], numbers: random.Random
) -> Iterator[Restarted]:
    """Restart pods as planned for as long as the context lasts.

    Pods that are there when it begins, and what is made from the same templates, are old ones.

    Raises:
        KubeFailed: a pod could not be deleted.
    """
    seen, stop = Restarted(), threading.Event()
    before = {pod.template for look in watch.looks()[-1:] for pod in look.pods}
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(_carry_out, kube, watch, list(plan), before, numbers, seen, stop)
        try:
            yield seen
        finally:
            stop.set()
        job.result()


def _carry_out(
    kube: Kube,
    watch: UpgradeWatch,
    plan: list[Restart],
    before: Collection[str],
    numbers: random.Random,
    seen: Restarted,
    stop: threading.Event,
) -> None:
    while plan and not stop.is_set():
        looks = watch.looks()
        for step in plan:
            pod = victim(step, looks[-1].pods, before, numbers) if looks else None
            if pod is not None:
                kube.delete("pod", pod.name, missing_ok=True)
                seen.done.append(f"{step}: {pod.name}")
                # What stood before this one in the plan has had its moment.
                seen.left += [str(each) for each in plan[: plan.index(step)]]
                del plan[: plan.index(step) + 1]
                break
        stop.wait(_LOOK_S)
    seen.left += [str(each) for each in plan]
