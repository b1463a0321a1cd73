# SPDX-License-Identifier: Apache-2.0
"""What goes on beside the checks of artifacts."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.artifacts.slow_line import SlowLine
from mlflow_conformance.artifacts.thresholds import SlowTransfers
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.run.fixtures.belongings import Belongings
from mlflow_conformance.target.base import Target

_CHECK = "ART-5.slow"


@pytest.fixture(scope="session", autouse=True)
def slow_line(
    request: pytest.FixtureRequest, target: Target, conformance_run: Run, waiter: Waiter
) -> Iterator[SlowLine | None]:
    """Transfers that begin with the first check of artifacts and are judged by ART-5.slow.

    None where that check is not asked for, or has no door to decide it by.
    """
    if _CHECK not in conformance_run.rows or target.front is None or target.bucket is None:
        yield None
        return
    # What there was is counted before anything is made, and garbage collected after it.
    request.getfixturevalue("inventory")
    garbage: list[str] = request.getfixturevalue("garbage")
    row = conformance_run.row(_CHECK, SlowTransfers)
    name = f"{conformance_run.label}-{_CHECK}-experiment".lower()
    line = SlowLine(target.front, name, row)
    yield line
    line.stop()
    if line.experiment is not None and not line.taken:
        Belongings(experiments=[line.experiment]).remove(target.front.api(), waiter)
        garbage.append(line.experiment)
