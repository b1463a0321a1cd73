# SPDX-License-Identifier: Apache-2.0
"""A run of `mlflow-conformance sla` with a profile of its own."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from mlflow_conformance.config.inheritance import Inherited
from mlflow_conformance.config.profile import LoadedProfile, Profile
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import Run, make_folder
from mlflow_conformance.latency.judging import checks_of

HEALTH = """
name: health
description: d
source: s
connection: close
arrivals: constant
timeout_s: 5
mix: {health: 1}
"""
"""A workload that needs nothing of a server but `/health`."""
PROMISES: dict[str, dict[str, JsonValue]] = {
    "LAT-1": {
        "load": None,
        "each_operation_s": {"p95": 1.0},
        "all_operations_s": {},
        "errors": 0.05,
        "others_cpu": None,
    },
    "LAT-3": {"achieved": 0.99, "lateness_p99_s": 1.0, "others_cpu": None},
}


def run(folder: Path, promises: dict[str, dict[str, JsonValue]] = PROMISES) -> Run:
    profile = Profile.model_validate(
        {
            "schema": 1,
            "name": "tests",
            "names": {
                "namespace": "mlflow",
                "mlflow": {"deployment": "d", "service": "s", "selector": {"a": "b"}},
                "runner": {"image": "i"},
            },
            "checks": {
                name: {"promise": f"The promise of {name}.", "thresholds": thresholds}
                for name, thresholds in promises.items()
            },
        }
    )
    made = make_folder(folder, "20261122T200000Z-test")
    rows = {name: profile.checks[name] for name in checks_of(list(profile.checks))}
    return Run(
        loaded=LoadedProfile(profile, folder / "profile.yaml", Inherited.nothing("0" * 64)),
        rows=rows,
        left_out={},
        folder=made,
        run_id="20261122T200000Z-test" if promises is PROMISES else f"{datetime.now(UTC):%f}",
        seed=11,
        command=["mlflow-conformance", "sla"],
        log=EvidenceLog(made.log),
        waiter=Waiter(),
    )
