# SPDX-License-Identifier: Apache-2.0
"""The text format of Prometheus."""

import math

import pytest

from mlflow_conformance.doors.exposition import Sample, samples, total

TEXT = r"""
# HELP pg_up Whether the last scrape could connect
# TYPE pg_up gauge
pg_up 1
backends{datname="mlflow",server="/tmp:5432"} 7
backends{datname="a \"b\" {c}, d=\\",server="x",} 2.5e+00 1395066363000
nothing{a="b"} NaN
"""


def test_samples() -> None:
    found = samples(TEXT)
    assert found[0] == Sample("pg_up", {}, 1)
    assert found[1].labels == {"datname": "mlflow", "server": "/tmp:5432"}
    assert found[2] == Sample("backends", {"datname": 'a "b" {c}, d=\\', "server": "x"}, 2.5)
    assert math.isnan(found[3].value)


def test_total() -> None:
    assert total(TEXT, "backends") == 9.5
    assert total(TEXT, "absent") is None


def test_what_is_no_exposition_is_told() -> None:
    with pytest.raises(ValueError, match="<html>"):
        samples("<html>")
