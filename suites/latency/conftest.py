# SPDX-License-Identifier: Apache-2.0
"""The load that checks of latency share."""

import pytest

from mlflow_conformance.evidence.run import Run
from mlflow_conformance.latency.sla import Measured, Offer, Place, measure, write_page
from mlflow_conformance.target.base import Target


@pytest.fixture(scope="module")
def measured(target: Target, conformance_run: Run, garbage: list[str]) -> Measured:
    """One load through the front door, at the rate that the profile states, with its report."""
    offer = conformance_run.parsed("LAT-1", "load", Offer)
    found = measure(conformance_run, offer, Place.of(target), garbage)
    write_page(conformance_run, found, target.need_front().url)
    return found
