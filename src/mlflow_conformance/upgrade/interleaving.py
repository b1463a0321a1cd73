# SPDX-License-Identifier: Apache-2.0
"""Which pods are restarted at which moments of an upgrade, drawn from the run's seed.

An upgrade that nothing disturbs is the rare one: autoscalers, drains and evictions take pods away
in the middle. What matters is which versions serve and which schema the database has when one goes,
for what comes in its place must not serve on a schema that is not its own. So a moment is told by
what is there, and not by a clock, and a plan replays however fast the machine is.

A pod goes as `kubectl delete pod` takes it, with its grace period, and never the last one that is
ready: what that costs clients on an
undisturbed deployment is promised elsewhere (DIS-3.deletion).
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from mlflow_conformance.config.manners import Manner

Moment = Literal["before the first new pod", "a new pod starts", "old and new pods serve"]
Which = Literal["an old pod", "a new pod"]

_ALL: tuple[tuple[Moment, Which], ...] = (
    ("before the first new pod", "an old pod"),
    ("a new pod starts", "an old pod"),
    ("a new pod starts", "a new pod"),
    ("old and new pods serve", "an old pod"),
    ("old and new pods serve", "a new pod"),
)
_WITHOUT_OLD: tuple[tuple[Moment, Which], ...] = (("a new pod starts", "a new pod"),)


@dataclass(frozen=True)
class Restart:
    """One pod that is deleted at one moment."""

    moment: Moment
    which: Which

    def __str__(self) -> str:
        return f"{self.moment}: {self.which} is deleted"


def drawn(numbers: random.Random, count: int, manner: Manner) -> list[Restart]:
    """A plan of so many restarts at moments that differ, in the order of the moments.

    An upgrade that ends every old pod first has only one such moment.
    """
    choices = _WITHOUT_OLD if manner == "scale-to-none" else _ALL
    moments = list(dict.fromkeys(moment for moment, _ in choices))
    chosen = set(numbers.sample(moments, min(count, len(moments))))
    return [
        Restart(moment, numbers.choice([w for m, w in choices if m == moment]))
        for moment in moments
        if moment in chosen
    ]


@dataclass(frozen=True)
class ServingPod:
    """One pod of MLflow as it was seen.

    Attributes:
        image: of the container that serves.
        template: names what the pod was made from; an upgrade brings another one, also where it
            leaves the image as it is.
        address: where its connections to the database come from; empty before it has one.
    """

    uid: str
    name: str
    image: str
    template: str
    ready: bool
    terminating: bool
    address: str = ""


def victim(
    restart: Restart, pods: Sequence[ServingPod], before: Collection[str], numbers: random.Random
) -> ServingPod | None:
    """The pod to delete, if this is the moment; None while it is not.

    Args:
        before: the templates of old pods; every pod of another one is new.
    """
    there = sorted((p for p in pods if not p.terminating), key=lambda p: p.name)
    new = [p for p in there if p.template not in before]
    old = [p for p in there if p.template in before]
    ready = any(p.ready for p in new)
    now: Moment = (
        "before the first new pod"
        if not new
        else "old and new pods serve"
        if ready
        else "a new pod starts"
    )
    if now != restart.moment or (now == "old and new pods serve" and not any(p.ready for p in old)):
        return None
    # What is not ready serves nobody: an old pod that goes is one whose work others must take over.
    choice = new if restart.which == "a new pod" else [p for p in old if p.ready]
    # And somebody must be there to take it over: no budget would let the last ready pod be evicted.
    serving = sum(p.ready for p in there)
    choice = [p for p in choice if not p.ready or serving > 1]
    return numbers.choice(choice) if choice else None
