# SPDX-License-Identifier: Apache-2.0
"""The lines of a table that checks write into the evidence, one observation each."""

from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.evidence.verdict import Judged, RunVerdict


def lines(run: RunVerdict, observation: str) -> Iterator[tuple[Judged, Mapping[str, Any]]]:
    """What was observed by this name, with its check, in the order of the checks."""
    for judged in run.checks:
        for seen in judged.check.observations if judged.check else ():
            if seen.name == observation and isinstance(seen.observed, dict):
                yield judged, seen.observed
