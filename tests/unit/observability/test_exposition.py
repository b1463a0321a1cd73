# SPDX-License-Identifier: Apache-2.0
"""What is read from the text format of Prometheus."""

import pytest

from mlflow_conformance.doors.exposition import total

TEXT = r"""
# HELP pg_up Whether the last scrape could connect
# TYPE pg_up gauge
pg_up 1
backends{datname="mlflow",server="/tmp:5432"} 7
backends{datname="a \"b\" {c}, d=\\",server="x",} 2.5e+00 1395066363000
# TYPE requests_total counter
requests_total{method="POST"} 3
"""


def test_all_series_of_a_metric_count() -> None:
    assert total(TEXT, "pg_up") == 1
    assert total(TEXT, "backends") == 9.5
    assert total(TEXT, "requests_total", method="POST") == 3


def test_only_series_with_the_labels_count() -> None:
    assert total(TEXT, "backends", datname='a "b" {c}, d=\\') == 2.5
    assert total(TEXT, "requests_total", method="GET") is None


def test_none_is_not_zero() -> None:
    assert total(TEXT, "absent") is None


def test_what_is_no_exposition_is_told() -> None:
    with pytest.raises(ValueError, match="<html>"):
        total("<html>", "pg_up")
