# SPDX-License-Identifier: Apache-2.0
"""Probe pods, and the proof that this cluster enforces policies."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.network_policy.canary import Canary, run_canary
from mlflow_conformance.network_policy.pods import Probes, probes
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.under_way import RunMark


@pytest.fixture(scope="package")
def probe_pods(target: Target, waiter: Waiter, conformance_run: Run) -> Iterator[Probes]:
    """Pods that try connections; each is made when it is first needed.

    They are gone before checks of other families: a node with a pod of theirs cannot be drained.
    """
    runner = target.names.runner
    mark = RunMark(conformance_run.run_id, runner.namespace, conformance_run.held_by)
    with probes(target.need_kube(), runner, waiter, mark) as pods:
        yield pods


@pytest.fixture(scope="package")
def canary(probe_pods: Probes, waiter: Waiter) -> Canary:
    """What became of a known-good path when a policy of our own denied it."""
    return run_canary(probe_pods, waiter, waiter.seconds("denied connection"))


@pytest.fixture(scope="package")
def enforced_policies(canary: Canary) -> Canary:
    """The canary, where it proved that policies cut; else what needs it is unknown at once."""
    if not canary.proven:
        raise Undecided(
            "NET-0 showed no enforcement of policies here, so a closed path would prove nothing "
            f"(before {canary.before}, under the policy {canary.denied}, after {canary.after})"
        )
    return canary
