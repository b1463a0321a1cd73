# SPDX-License-Identifier: Apache-2.0
"""The lines of a table that checks write into the evidence, one observation each."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlflow_conformance.evidence.verdict import RunVerdict, Verdict

_Line = TypeVar("_Line")


def lines(
    run: RunVerdict,
    observation: str,
    line: Callable[[str, Verdict, Mapping[str, Any]], _Line | None],
) -> list[_Line]:
    """What was observed by this name, in the order of the checks.

    Args:
        line: makes one from its check's ID and verdict and what was observed; None of a record
            that is not as this version writes it.
    """
    found = [
        line(judged.id, judged.verdict, seen.observed)
        for judged in run.checks
        for seen in (judged.check.observations if judged.check else ())
        if seen.name == observation and isinstance(seen.observed, dict)
    ]
    return [each for each in found if each is not None]
