# SPDX-License-Identifier: Apache-2.0
"""What the queries of panels bring."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_conformance.observability.dashboards import Query
from mlflow_conformance.observability.prometheus import NoAnswer, Prometheus
from mlflow_conformance.observability.promql import metrics_of


@dataclass(frozen=True)
class Shown:
    """What became of all queries at one moment; each list has the panel, and what is wrong.

    Attributes:
        refused: queries that are no PromQL.
        unknown: metrics that Prometheus has of nothing.
        empty: queries that bring no number.
    """

    refused: Sequence[str]
    unknown: Sequence[str]
    empty: Sequence[str]

    @property
    def complete(self) -> bool:
        """Every query brings a number."""
        return not (self.refused or self.unknown or self.empty)


def shown(queries: Sequence[Query], prometheus: Prometheus) -> Shown:
    """Run every query once.

    Raises:
        NoReply, NoAnswer: Prometheus does not answer.
    """
    there = set(prometheus.values("__name__"))
    refused, empty = [], []
    for query in queries:
        try:
            samples = prometheus.query(query.expression)
        except NoAnswer as problem:
            refused.append(f"{query.panel}: {query.expression}: {problem}")
            continue
        if not any(math.isfinite(sample.value) for sample in samples):
            empty.append(f"{query.panel}: {query.expression}")
    unknown = {
        f"{query.panel}: {metric}"
        for query in queries
        for metric in metrics_of(query.expression) - there
    }
    return Shown(refused, sorted(unknown), empty)
