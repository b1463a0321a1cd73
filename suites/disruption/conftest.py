# SPDX-License-Identifier: Apache-2.0
"""The load over all faults, which the modules of this folder share."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.disruption.campaign import Campaign
from mlflow_conformance.disruption.opening import opened_campaign
from mlflow_conformance.disruption.thresholds import THRESHOLDS, PlayedBounds
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="package")
def campaign(target: Target, conformance_run: Run, garbage: list[str]) -> Iterator[Campaign]:
    """The deployment under load, until the last of the faults."""
    rows = [
        conformance_run.row(check_id, model)
        for check_id, model in THRESHOLDS.items()
        if check_id in conformance_run.rows
    ]
    rate = max(row.probe_rate for row in rows if isinstance(row, PlayedBounds))
    with opened_campaign(target, conformance_run, rate, garbage) as opened:
        yield opened
