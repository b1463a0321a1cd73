# SPDX-License-Identifier: Apache-2.0
"""The last good run of a load, to compare the next one with."""

from pathlib import Path

from pydantic import ValidationError

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Verdict
from mlflow_conformance.latency.thresholds import LATENCY, Offer
from mlflow_conformance.load import workload
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.load.result import LoadResult


def last_good(path: Path, offer: Offer) -> LoadResult:
    """The result of an earlier run that was good, and of the same load.

    Args:
        path: its folder, or the latency.json in it.
        offer: the load of the next run.

    Raises:
        Unusable: there is none, it is of another version or of another load, or it did not pass.
    """
    file = path / "latency.json" if path.is_dir() else path
    found = _read(file)
    evidence = file.parent / "evidence.jsonl"
    if not evidence.is_file():
        raise Unusable(
            f"There is no evidence.jsonl beside {file}, so nobody knows whether that run was good",
            remedy="Name the folder of a run with all that is in it",
        )
    judged = next((c for c in recorded(evidence).checks if c.id == LATENCY), None)
    if judged is None or judged.verdict is not Verdict.PASS:
        told = f"{LATENCY} is {judged.verdict}" if judged else f"it did not judge {LATENCY}"
        raise Unusable(
            f"{file.parent} is no good run to compare with: {told}",
            remedy="Name the folder of a run that passed",
        )
    then, now = _load(found), (workload.load(offer.workload).name, (offer.rate,))
    if then != now:
        raise Unusable(
            f"{file.parent} had another load than this run: {_told(*then)}, and not {_told(*now)}",
            remedy="Compare runs of one workload at one rate",
        )
    return found


def _read(file: Path) -> LoadResult:
    try:
        return LoadDocument.model_validate_json(file.read_bytes()).result
    except OSError as problem:
        raise Unusable(
            f"{file} cannot be read: {problem.strerror}",
            remedy="Name the folder of an earlier run of `mlflow-conformance sla`",
        ) from problem
    except ValidationError as problem:
        raise Unusable(
            f"{file} is no latency.json of this version: {problem.errors()[0]['msg']}",
            remedy="Name the folder of an earlier run of `mlflow-conformance sla`",
        ) from problem


def _load(result: LoadResult) -> tuple[str, tuple[float, ...]]:
    return result.workload, tuple(step.rate for step in result.steps)


def _told(name: str, rates: tuple[float, ...]) -> str:
    return f"{name} at {', '.join(f'{rate:g}' for rate in rates)} a second"
