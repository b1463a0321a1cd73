# SPDX-License-Identifier: Apache-2.0
"""What uses the deployment beside it: something of our own, on a cluster of our own."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.integrations.serving import ServedModels
from mlflow_conformance.integrations.workflows import Workflows
from mlflow_conformance.stand.serving import kserve
from mlflow_conformance.stand.workflows import argo
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="module")
def workflows(target: Target, conformance_run: Run, waiter: Waiter) -> Iterator[Workflows]:
    """Argo Workflows, installed on a cluster that was made here; gone before other families.

    Raises:
        Undecided: the profile does not say where, or the cluster was not made here.
    """
    names = target.names.workflows
    if names is None:
        raise Undecided("the profile does not say where workflows run (names.workflows)")
    if not target.made_here:
        raise Undecided("Argo Workflows is installed only on a cluster that was made here")
    with ExitStack() as installed:
        with conformance_run.phase("Argo Workflows"):
            there = installed.enter_context(argo(target, names.namespace, waiter))
        kube = target.need_kube().within(there.namespace)
        yield Workflows(kube, there.trigger, there.secret)


@pytest.fixture(scope="module")
def models(target: Target, conformance_run: Run, waiter: Waiter) -> Iterator[ServedModels]:
    """Models as KServe serves them, installed on a cluster that was made here; gone afterwards.

    With it goes the policy that lets them read the bucket, which NET-2 would tell.

    Raises:
        Undecided: the profile does not say where, or the cluster was not made here.
    """
    names = target.names.serving
    if names is None:
        raise Undecided("the profile does not say where models are served (names.serving)")
    if not target.made_here:
        raise Undecided("KServe is installed only on a cluster that was made here")
    with ExitStack() as installed:
        with conformance_run.phase("KServe"):
            there = installed.enter_context(kserve(target, names.namespace, waiter))
        yield ServedModels(target.need_kube().within(there.namespace), there, waiter)
