# SPDX-License-Identifier: Apache-2.0
"""The metrics that queries name."""

import pytest

from mlflow_conformance.observability.promql import metrics_of


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("up", {"up"}),
        ('sum by (status) (rate(a_total{namespace="x", status=~"5.."}[5m]))', {"a_total"}),
        (
            '(sum(rate(a{s=~"5.."}[5m])) or vector(0)) / sum(rate(b{s="a{c}"}[5m]))',
            {"a", "b"},
        ),
        ("histogram_quantile(0.95, sum by (le) (rate(d_bucket[5m]))) > 1", {"d_bucket"}),
        ('time() - max(last{cronjob="b"})', {"last"}),
        ("a and on (namespace, job_name) (b == 1)", {"a", "b"}),
        ("sum(a) without (pod) > bool 2e3", {"a"}),
        ("rate(a[5m:30s] offset 1h) * on(x) group_left(y) b", {"a", "b"}),
        ("job:errors:rate5m > 0.05", {"job:errors:rate5m"}),
        ("max(a) / 3 > Inf", {"a"}),
    ],
)
def test_metrics_are_told_from_functions_labels_and_numbers(
    expression: str, metrics: set[str]
) -> None:
    assert metrics_of(expression) == metrics
