# SPDX-License-Identifier: Apache-2.0
"""What is known of a candidate before it is tried."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer
from mlflow_conformance.cluster.failures import KubeFailed
from mlflow_conformance.mutants.candidates.applying import foreseen
from mlflow_conformance.mutants.candidates.candidate import Candidate
from mlflow_conformance.mutants.mutant import Breakage


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.have("PodDisruptionBudget", "server", spec={"minAvailable": 1})
        yield server


def candidate(name: str = "server", refused: str = "", **change: Any) -> Candidate:
    what = {"kind": "poddisruptionbudget.policy", "name": name, **change}
    breakage = Breakage.model_validate({"breaks": "it is other", "by": {"objects": [what]}})
    return Candidate(f"{name} drop", breakage, [], refused)


PATCH: dict[str, Any] = {
    "patch_type": "json",
    "json_patch": [{"op": "remove", "path": "/spec/minAvailable"}],
}


def test_what_the_schemas_refuse_is_asked_of_no_cluster(api: ApiServer, tmp_path: Path) -> None:
    found = foreseen(api.kube(tmp_path), candidate(refused="it is required", **PATCH))
    assert found == ("refused", "it is required")
    assert not api.requests


def test_what_is_not_there_is_absent(api: ApiServer, tmp_path: Path) -> None:
    fate, why = foreseen(api.kube(tmp_path), candidate("other", **PATCH))
    assert (fate, why) == ("absent", "there is no poddisruptionbudget.policy other in the cluster")


def test_a_refusal_is_told_apart_from_a_cluster_that_fails(api: ApiServer, tmp_path: Path) -> None:
    kube = api.kube(tmp_path)
    api.refuse.add("PATCH")
    fate, why = foreseen(kube, candidate(**PATCH))
    assert fate == "refused"
    assert "403 Forbidden: refused" in why
    assert api.requests[-1].query["dryRun"] == "All"
    api.down.add("/apis/policy/v1")
    with pytest.raises(KubeFailed, match="503"):
        foreseen(kube, candidate(**PATCH))


def test_a_deletion_is_tried_without_asking(api: ApiServer, tmp_path: Path) -> None:
    assert foreseen(api.kube(tmp_path), candidate(action="delete")) == ("tried", "")
    assert not api.asked("PATCH")


def test_what_kubernetes_leaves_out_is_no_change_when_it_goes(
    api: ApiServer, tmp_path: Path
) -> None:
    gone = {"op": "remove", "path": "/spec/unhealthyPodEvictionPolicy"}
    fate, why = foreseen(api.kube(tmp_path), candidate(patch_type="json", json_patch=[gone]))
    assert (fate, "it is the default" in why) == ("same", True)
