# SPDX-License-Identifier: Apache-2.0
"""Numbers with units, as Grafana's panels write them."""

import pytest

from mlflow_conformance.report.units import written


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0123, "s", "12.3 ms"),
        (2.5, "s", "2.5 s"),
        (90, "s", "1.5 min"),
        (100_000, "s", "1.16 days"),
        (250, "ms", "250 ms"),
        (0, "s", "0 s"),
        (0.5, "percentunit", "50 %"),
        (99.95, "percent", "100 %"),
        (0.000_2, "percentunit", "0.02 %"),
        (1536, "bytes", "1.5 KiB"),
        (512, "bytes", "512 B"),
        (2 * 1024**3, "bytes", "2 GiB"),
        (2, "mbytes", "2 MiB"),
        (1500, "decbytes", "1.5 kB"),
        (2048, "binBps", "2 KiB/s"),
        (0, "bytes", "0 B"),
        (0.25, "reqps", "0.25 req/s"),
        (1200, "ops", "1.2 K ops/s"),
        (3_000_000, "short", "3 M"),
        (12, "", "12"),
        (123_456, "none", "123456"),
        (-4, "short", "-4"),
        (0, "short", "0"),
        (3, "lightyears", "3 lightyears"),
        (7, "celsius", "7 celsius"),
    ],
)
def test_a_number_is_written_as_a_panel_of_its_unit_does(
    value: float, unit: str, said: str
) -> None:
    assert written(value, unit) == said
