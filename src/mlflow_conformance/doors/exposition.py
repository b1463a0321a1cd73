# SPDX-License-Identifier: Apache-2.0
"""Reads what exporters of metrics say, in the text format of Prometheus."""

from prometheus_client.parser import text_string_to_metric_families


def total(text: str, name: str, **labels: str) -> float | None:
    """The sum of a metric over all of its series with these labels; None when there is none.

    Raises:
        ValueError: the text is no exposition.
    """
    values = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return float(sum(values)) if values else None
