# SPDX-License-Identifier: Apache-2.0
"""The load that checks of latency share."""

import pytest

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.latency.measuring import LoadTarget, Measured, measure
from mlflow_conformance.latency.page import write_page
from mlflow_conformance.latency.thresholds import LATENCY, Latency
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="module")
def measured(target: Target, conformance_run: Run, garbage: list[str]) -> Measured:
    """One load through the front door, at the rate that the profile states, with its report.

    Raises:
        Undecided: the profile states no load.
    """
    offer = conformance_run.row(LATENCY, Latency).load
    if offer is None:
        raise Undecided(f"the row {LATENCY} of the profile states no load")
    found = measure(conformance_run, offer, LoadTarget.of(target), garbage)
    write_page(conformance_run, found, target.need_front().url)
    return found
