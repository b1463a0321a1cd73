# SPDX-License-Identifier: Apache-2.0
"""The autoscaler at rest, and how to get it there sooner than its own window lets it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

from mlflow_conformance.config.object_change import ObjectChange
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.changes import changed
from mlflow_conformance.target.watch import Look, look, obstacle

_HASTE = ObjectChange(
    kind="hpa",
    name="{hpa}",
    patch_type="merge",
    patch={
        "spec": {
            "behavior": {
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                }
            }
        }
    },
)


@contextmanager
def hurried(target: Target, waiter: Waiter) -> Iterator[None]:
    """The autoscaler takes away at once what is not needed; afterwards it is as it was.

    Raises:
        Unusable: it could not be changed, or not put back.
    """
    with changed(target, [_HASTE], waiter):
        yield


def bring_to_rest(target: Target, waiter: Waiter) -> str | None:
    """Wait until the autoscaler measures, and the deployment has its minimum of replicas.

    Load of checks before this one may have left it above that. Returns why the autoscaler cannot
    act, or None.

    Raises:
        Undecided: it does not come to rest, and nothing shows that this is its fault.
    """
    kube, names = target.need_kube(), target.names.mlflow
    hopeless = _lasting(names.scaled)
    with ExitStack() as stack:
        now = look(kube, names)
        if why := hopeless(now):
            return why
        if not _rests(now):
            stack.enter_context(hurried(target, waiter))
        try:
            waiter.until(
                "at rest: the autoscaler",
                lambda: look(kube, names),
                done=_rests,
                hopeless=hopeless,
                timeout="autoscaler at rest",
                interval_s=1,
            )
        except Hopeless as problem:
            return str(problem)
        except TimedOut as late:
            if why := obstacle([cast(Look, late.last)], names.scaled):
                return why
            raise Undecided(str(late)) from late
    return None


def _rests(seen: Look) -> bool:
    scaler = seen.scaler
    return (
        scaler is not None
        and scaler.measures
        and seen.wanted == scaler.minimum == seen.ready == len(seen.pods)
        and all(scaler.current[name] < goal for name, goal in scaler.goals.items())
    )


def _lasting(scaled: str) -> Callable[[Look], str | None]:
    """What no waiting mends, unlike measurements that are not there yet."""

    def reason(seen: Look) -> str | None:
        scaler = seen.scaler
        why = obstacle([seen], scaled)
        if scaler is None or scaler.target != scaled:
            return why
        if scaler.minimum >= scaler.maximum:
            return f"pinned: minimum and maximum are {scaler.minimum} and {scaler.maximum} replicas"
        missing = "missing request" in scaler.reasons.get("ScalingActive", "")
        return why if missing else None

    return reason
