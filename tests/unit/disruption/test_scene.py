# SPDX-License-Identifier: Apache-2.0
"""Whom a scenario hits, and whom it may disturb."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

import clusters
from clusters import HEALTHY, NAMES, node, pod
from mlflow_conformance.cluster.view import NodeView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.casting import choose_node, choose_pod, disposable, victim_of
from mlflow_conformance.disruption.scene import Scene, pods_of

ONE = victim_of(pod("one"), "mlflow")


def test_the_seed_draws_the_victim() -> None:
    pods = pods_of(NAMES, "mlflow", HEALTHY)
    drawn = {choose_pod(pods, random.Random(seed)).name for seed in range(20)}
    assert drawn == {"one", "two"}
    assert choose_pod(pods, random.Random(1)) == choose_pod(pods[::-1], random.Random(1))


def test_nobody_ready_is_nobody_to_hit() -> None:
    with pytest.raises(Undecided, match="no ready pod"):
        choose_pod([pod("one", ready=False)], random.Random(1))


def test_a_part_outside_of_the_cluster_has_no_pods() -> None:
    with pytest.raises(Undecided, match="outside"):
        pods_of(NAMES.model_copy(update={"s3": None}), "s3", HEALTHY)


def test_the_drained_node_is_not_that_of_the_database() -> None:
    assert choose_node(NAMES, HEALTHY) == "worker2"


def test_a_node_that_stops_has_no_store_and_no_door_of_ours() -> None:
    with pytest.raises(Undecided, match=r"stopped: .*the object store on \['worker2'\]"):
        choose_node(NAMES, HEALTHY, stops=True)
    stores = [replace(p, node="worker") if p.name == "store" else p for p in HEALTHY.pods]
    assert choose_node(NAMES, replace(HEALTHY, pods=stores), stops=True) == "worker2"
    runner = replace(pod("runner", node="worker2"), owner="", namespace=NAMES.runner.namespace)
    with pytest.raises(Undecided, match=r"the suite's own pod on \['worker2'\]"):
        choose_node(NAMES, replace(HEALTHY, pods=[*stores, runner]), stops=True)


def test_a_pod_of_others_that_would_not_come_back_is_no_reason() -> None:
    runner = replace(pod("runner", node="worker2"), owner="", namespace="elsewhere")
    assert choose_node(NAMES, replace(HEALTHY, pods=[*HEALTHY.pods, runner])) == "worker2"


def test_a_node_with_a_pod_that_would_not_come_back_is_not_drained() -> None:
    alone = replace(pod("alone", node="worker2"), owner="")
    with pytest.raises(Undecided, match=r"pods without a controller on \['worker2'\]"):
        choose_node(NAMES, replace(HEALTHY, pods=[*HEALTHY.pods, alone]))


@pytest.mark.parametrize(
    "nodes",
    [[node("worker"), node("worker2", schedulable=False)], [node("worker2")], []],
    ids=["cordoned", "no other", "none"],
)
def test_no_node_to_drain(nodes: list[NodeView]) -> None:
    with pytest.raises(Undecided, match="no node can be drained"):
        choose_node(NAMES, replace(HEALTHY, nodes=nodes))


def test_only_the_victim_may_change_and_not_its_sibling() -> None:
    assert disposable(NAMES, ["mlflow"], [ONE], "", HEALTHY) == ["uid-one"]


def test_a_part_that_is_named_whole_may_change_whole() -> None:
    assert disposable(NAMES, ["deployment"], [], "", HEALTHY) == ["uid-one", "uid-two"]


def test_a_drained_node_keeps_its_daemons() -> None:
    assert disposable(NAMES, ["node"], [], "worker2", HEALTHY) == ["uid-store", "uid-two"]


def test_nothing_named_nothing_disposable() -> None:
    assert disposable(NAMES, [], [], "", HEALTHY) == []


def test_a_scene_comes_back_from_its_file(tmp_path: Path) -> None:
    made = clusters.scene(kept={"kind": "Deployment"}, peers=["10.0.0.1"])
    with made.handed(tmp_path) as path:
        assert Scene.read(path) == made
    assert not path.exists()
    assert Scene.read(tmp_path / "scene.json") == made.model_copy(update={"kept": None})
