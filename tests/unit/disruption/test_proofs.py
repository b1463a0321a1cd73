# SPDX-License-Identifier: Apache-2.0
"""A fault counts when the cluster shows it, whatever the experiment says of itself."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

import clusters
from clusters import HEALTHY, changed, container, pod, without
from mlflow_conformance.cluster.view import ClusterView
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.disruption.proofs import (
    Played,
    disturbed_decoys,
    disturbed_neighbours,
    prove,
)
from mlflow_conformance.disruption.scenario import ProofName
from mlflow_conformance.disruption.scene import Scene
from mlflow_conformance.disruption.toolkit import Activity, Journal

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def journal(**outputs: Any) -> Journal:
    """A journal in which everything succeeded."""
    run = [Activity(name, "succeeded", NOW, output, "") for name, output in outputs.items()]
    return Journal("completed", True, True, run, run)


def played(
    after: ClusterView = HEALTHY, *, scene: Scene | None = None, said: Journal | None = None
) -> Played:
    return Played(scene or clusters.scene(), HEALTHY, after, said or journal())


@pytest.mark.parametrize("name", get_args(ProofName))
def test_a_fault_that_hit_nothing_is_not_proven(name: ProofName) -> None:
    """The journal of a fault that matched nothing: all succeeded, and the cluster is as it was."""
    said = journal(
        process_states={"states": {}},
        node_state={"schedulable": True, "pods": []},
        drain_node={"evicted": 0, "refused": {}, "left": []},
        dropped_packets={"dropped": 0},
        wait_stuck={"stuck": False, "last": "2 new and 2 ready of 2"},
    )
    with pytest.raises(Undecided):
        prove(name, played(scene=clusters.scene(node="worker"), said=said))


def test_crash() -> None:
    now = container(pod("one"), id="containerd://one1", restarts=1, exit_code=137)
    assert "restarts 0 to 1" in prove("container restarted", played(changed(now)))


@pytest.mark.parametrize(
    "now",
    [
        container(pod("one"), id="containerd://one1", restarts=1, exit_code=0),
        container(pod("one"), id="containerd://one1", restarts=0, exit_code=137),
        container(pod("one"), id="containerd://one0", restarts=1, exit_code=137),
    ],
    ids=["ended by itself", "not restarted", "the same container"],
)
def test_what_only_looks_like_a_crash(now: Any) -> None:
    with pytest.raises(Undecided):
        prove("container restarted", played(changed(now)))


def test_crash_of_a_pod_that_is_gone() -> None:
    with pytest.raises(Undecided, match="gone"):
        prove("container restarted", played(without("one")))


def test_deletion() -> None:
    assert "is gone" in prove("pod replaced", played(without("one", pod("three"))))


def test_restart() -> None:
    after = ClusterView([pod("three"), pod("four"), pod("database", "postgresql")], HEALTHY.nodes)
    assert "all 2 pods" in prove("pods replaced", played(after))


def test_half_a_restart_is_none() -> None:
    with pytest.raises(Undecided, match="1 of 2"):
        prove("pods replaced", played(without("one", pod("three"))))


@pytest.mark.parametrize(
    ("states", "proven"),
    [({"1": "T", "2": "T"}, True), ({"1": "T", "2": "S"}, False), ({}, False)],
)
def test_hang(states: dict[str, str], proven: bool) -> None:
    said = journal(process_states={"states": states})
    if proven:
        assert "all 2 processes" in prove("container stopped", played(said=said))
    else:
        with pytest.raises(Undecided):
            prove("container stopped", played(said=said))


def test_drain() -> None:
    said = journal(
        node_state={"schedulable": False, "pods": []},
        drain_node={"evicted": 3, "refused": {}, "left": []},
    )
    scene = clusters.scene(node="worker2", pods=[])
    assert "3 pods evicted" in prove("node drained", played(scene=scene, said=said))
    nobody = clusters.scene(node="control", pods=[])
    with pytest.raises(Undecided, match="no pod of MLflow"):
        prove("node drained", played(scene=nobody, said=said))


def test_a_stopped_node_is_seen_by_its_engine_and_by_kubernetes() -> None:
    scene = clusters.scene(node="worker2", stops=True)
    seen = journal(stopped_node={"frozen": True, "ready": False})
    assert "1 pods of MLflow" in prove("node stopped", played(scene=scene, said=seen))
    early = journal(stopped_node={"frozen": True, "ready": True})
    with pytest.raises(Undecided, match="hold_s longer"):
        prove("node stopped", played(scene=scene, said=early))
    never = journal(stopped_node={"frozen": False, "ready": False})
    with pytest.raises(Undecided, match="not frozen"):
        prove("node stopped", played(scene=scene, said=never))


def test_partition() -> None:
    said = journal(dropped_packets={"dropped": 12})
    assert prove("link cut", played(said=said)) == "12 packets dropped"


def test_an_activity_that_failed_proves_nothing() -> None:
    failed = Activity("dropped_packets", "failed", NOW, None, "CommandFailed: no")
    with pytest.raises(Undecided, match="CommandFailed"):
        prove("link cut", played(said=Journal("completed", True, True, [failed], [])))


class TestDecoys:
    def test_the_victim_is_none(self) -> None:
        now = container(pod("one"), id="containerd://one1", restarts=1)
        assert disturbed_decoys(played(changed(now))) == []

    def test_a_neighbour_that_restarted(self) -> None:
        now = container(pod("database", "postgresql"), id="containerd://x", restarts=2)
        assert disturbed_decoys(played(changed(now))) == [
            "mlflow/database: postgresql restarted 2 times"
        ]

    def test_a_sibling_that_is_gone(self) -> None:
        assert disturbed_decoys(played(without("two"))) == ["mlflow/two is gone"]

    def test_a_neighbour_with_another_container_of_the_same_count(self) -> None:
        now = container(pod("store", "s3"), id="containerd://other")
        assert disturbed_decoys(played(changed(now))) == ["mlflow/store: s3 is another container"]

    def test_what_had_ended_before_is_none(self) -> None:
        job = pod("job", finished=True)
        seen = Played(clusters.scene(), changed(job), HEALTHY, journal())
        assert disturbed_decoys(seen) == []

    def test_a_pod_of_a_job_is_none(self) -> None:
        job = pod("job", owner="Job")
        seen = Played(clusters.scene(), changed(job), HEALTHY, journal())
        assert disturbed_decoys(seen) == []

    def test_what_others_do_is_told_apart(self) -> None:
        seen = played(without("agent"))
        assert disturbed_decoys(seen) == []
        assert disturbed_neighbours(seen) == ["kube-system/agent is gone"]

    def test_a_pod_that_came_later_is_none(self) -> None:
        assert disturbed_decoys(played(changed(pod("three")))) == []
