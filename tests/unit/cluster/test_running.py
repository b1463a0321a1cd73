# SPDX-License-Identifier: Apache-2.0
"""Which containers of a pod run."""

from typing import Any

from mlflow_conformance.cluster.pods import running_in

RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def test_sidecars_run_and_what_is_there_for_the_start_does_not_count() -> None:
    pod = {
        "spec": {
            "initContainers": [
                {"name": "schema"},
                {"name": "proxy", "restartPolicy": "Always"},
            ],
            "containers": [{"name": "mlflow"}, {"name": "gone"}],
        },
        "status": {
            "initContainerStatuses": [
                {"name": "schema", "state": RUNNING},
                {"name": "proxy", "state": RUNNING},
            ],
            "containerStatuses": [
                {"name": "mlflow", "state": RUNNING},
                {"name": "gone", "state": {"terminated": {}}},
            ],
        },
    }
    assert running_in(pod) == ["proxy", "mlflow"]
    assert running_in({"spec": {"containers": []}}) == []
