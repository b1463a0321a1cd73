# SPDX-License-Identifier: Apache-2.0
"""The SLA run: load against a URL, held against what the profile promises."""

from contextlib import AbstractContextManager

from pydantic import JsonValue

from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.latency.judging import judged
from mlflow_conformance.latency.measuring import LoadTarget, Measured, measure
from mlflow_conformance.latency.page import document, write_documents
from mlflow_conformance.latency.thresholds import Offer
from mlflow_conformance.load.result import LoadResult
from mlflow_conformance.report import latency as report
from mlflow_conformance.report import write_all


def run_sla(
    run: Run,
    offer: Offer,
    to: AbstractContextManager[LoadTarget],
    description: dict[str, JsonValue],
    last_good: LoadResult | None = None,
) -> RunVerdict:
    """Send the load, judge it, and write evidence and every report into the run's folder.

    The run's rows are those of `checks_of`. The folder gets latency.html, latency.json,
    latency.csv, timeline.csv and the records, besides what every run has.

    Args:
        to: where the load goes; entered after the log has begun, and left before it ends.
        description: of the target, for the log; holds no secret.
        last_good: an earlier result to compare with, from the `result` of a latency.json.

    Raises:
        Unusable: the target cannot be had, the server does not take the objects that the workload
            needs, or the folder cannot be written.
    """
    run.log.append(run.started({**description, "workload": offer.workload}))
    measured: Measured | None = None
    undecided: str | None = None
    try:
        with to as there:
            measured = measure(run, offer, there)
    except Undecided as problem:
        undecided = problem.reason
    except KeyboardInterrupt:
        run.interrupted = "stopped by a signal"
        raise
    except Unusable as problem:
        run.interrupted = str(problem)
        raise
    finally:
        if run.interrupted:
            run.ended()
    for finished in judged(run, run.rows, measured, undecided):
        run.log.append(finished)
    run.ended()
    verdict = write_all(run.folder.log)
    if measured:
        shown = document(run, measured, last_good)
        write_documents(run.folder.path, report.render(verdict, shown), shown)
    return verdict
