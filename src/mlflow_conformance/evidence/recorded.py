# SPDX-License-Identifier: Apache-2.0
"""A run that was recorded earlier, read from where it was written."""

from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import RunVerdict, judge


def recorded(path: Path) -> RunVerdict:
    """A run, judged anew.

    Args:
        path: the run's folder, or its evidence.jsonl.

    Raises:
        Unusable: there is no log, or it is not the evidence of one run.
    """
    log = path / "evidence.jsonl" if path.is_dir() else path
    try:
        return judge(read(log))
    except ValueError as problem:
        raise Unusable(
            f"{log} holds no run: {problem}", remedy="Name the evidence.jsonl of a run"
        ) from problem
