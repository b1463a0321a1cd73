# SPDX-License-Identifier: Apache-2.0
"""Plans of restarts, and which pod is the one at which moment."""

import random
from dataclasses import replace

import pytest

from mlflow_conformance.upgrade.interleaving import Restart, ServingPod, drawn, victim

OLD, NEW = "mlflow:1", "mlflow:2"


def _pod(name: str, image: str, *, ready: bool = True, leaving: bool = False) -> ServingPod:
    return ServingPod(name, name, image, image, ready, leaving)


def test_a_seed_replays_a_plan_and_another_one_draws_another() -> None:
    plans = [drawn(random.Random(seed), 2, "rolling") for seed in range(30)]
    assert plans == [drawn(random.Random(seed), 2, "rolling") for seed in range(30)]
    assert len({str([str(step) for step in plan]) for plan in plans}) > 5


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_moments_of_a_plan_differ_and_are_in_their_order(count: int) -> None:
    order = ["before the first new pod", "a new pod starts", "old and new pods serve"]
    for seed in range(20):
        moments = [step.moment for step in drawn(random.Random(seed), count, "rolling")]
        assert len(moments) == min(count, 3)
        assert moments == [m for m in order if m in moments]


def test_without_old_pods_only_a_new_one_can_go() -> None:
    plan = drawn(random.Random(1), 3, "scale-to-none")
    assert plan == [Restart("a new pod starts", "a new pod")]


@pytest.mark.parametrize(
    ("restart", "pods", "name"),
    [
        (
            Restart("before the first new pod", "an old pod"),
            [_pod("a", OLD), _pod("b", OLD, ready=False), _pod("c", OLD, leaving=True)],
            None,  # nobody else serves
        ),
        (
            Restart("before the first new pod", "an old pod"),
            [_pod("a", OLD, ready=False), _pod("b", OLD), _pod("c", OLD)],
            "c",
        ),
        (Restart("a new pod starts", "a new pod"), [_pod("b", NEW, ready=False)], "b"),
        (Restart("before the first new pod", "an old pod"), [_pod("a", OLD), _pod("b", NEW)], None),
        (
            Restart("a new pod starts", "a new pod"),
            [_pod("a", OLD), _pod("b", NEW, ready=False)],
            "b",
        ),
        (
            Restart("a new pod starts", "an old pod"),
            [_pod("a", OLD, ready=False), _pod("b", NEW, ready=False)],
            None,
        ),
        (
            Restart("old and new pods serve", "a new pod"),
            [_pod("a", OLD), _pod("b", NEW)],
            "b",
        ),
        (
            Restart("old and new pods serve", "a new pod"),
            [_pod("a", OLD, leaving=True), _pod("b", NEW)],
            None,
        ),
    ],
)
def test_the_pod_of_a_moment(restart: Restart, pods: list[ServingPod], name: str | None) -> None:
    found = victim(restart, pods, {OLD}, random.Random(0))
    assert (found.name if found else None) == name


def test_new_pods_of_the_same_image_are_told_by_their_template() -> None:
    pods = [replace(_pod(name, OLD), template=name) for name in ("a", "b")]
    step = Restart("old and new pods serve", "a new pod")
    found = victim(step, pods, {"a"}, random.Random(0))
    assert found is not None
    assert found.name == "b"
