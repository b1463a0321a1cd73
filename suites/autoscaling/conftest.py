# SPDX-License-Identifier: Apache-2.0
"""The load that checks of the autoscaler share."""

from functools import partial

import pytest

from mlflow_conformance.autoscaling.surge import fall_in_haste, surged
from mlflow_conformance.autoscaling.thresholds import Rise
from mlflow_conformance.autoscaling.window import Window
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="module")
def scaled(target: Target, conformance_run: Run, garbage: list[str]) -> Window:
    """The deployment loaded until it grew, and watched until it shrank in haste."""
    surge = conformance_run.row("HPA-2", Rise).load
    folder = conformance_run.folder.path / "attachments" / "scaling"
    folder.mkdir(parents=True)
    return surged(
        target,
        conformance_run,
        surge,
        folder,
        garbage,
        after_surge=partial(fall_in_haste, target, conformance_run.waiter),
    )
