# SPDX-License-Identifier: Apache-2.0
"""Results as CSV, for a spreadsheet: one row an operation, and one a slice of the time line."""

import csv
import io
from collections.abc import Iterable, Sequence

from mlflow_conformance.load.result import LoadResult


def operations_csv(result: LoadResult) -> str:
    """Percentiles in seconds with their sample counts; an empty field where there is none."""
    columns = [f"p{p.p}_s" for p in result.overall.percentiles]
    return _table(
        ["operation", "requests", "failed", "samples", *columns, "max_s", "failures"],
        (
            [
                found.name,
                found.requests,
                found.failed,
                found.percentiles[0].samples,
                *(p.seconds for p in found.percentiles),
                found.max_s,
                " ".join(f"{kind}={count}" for kind, count in found.failures.items()),
            ]
            for found in (result.overall, *result.operations)
        ),
    )


def timeline_csv(result: LoadResult) -> str:
    """Seconds from the run's start, counts, and latencies in seconds."""
    return _table(
        ["at_s", "offered", "sent", "failed", "p50_s", "p95_s", "max_s"],
        ([b.at_s, b.offered, b.sent, b.failed, b.p50_s, b.p95_s, b.max_s] for b in result.timeline),
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
