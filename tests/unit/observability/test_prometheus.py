# SPDX-License-Identifier: Apache-2.0
"""Answers of Prometheus, as its API documents them."""

import pytest

from mlflow_conformance.observability.prometheus import NoAnswer, Prometheus, Sample, seconds
from senders import Always, Asked


def answering(status: int, body: object) -> tuple[Prometheus, list[Asked]]:
    """A Prometheus that always says the same, and what it was asked."""
    server = Always(status, body)
    return Prometheus(server, "http://p:9090", 5), server.asked


def good(data: object) -> dict[str, object]:
    return {"status": "success", "data": data}


@pytest.mark.parametrize(
    ("text", "found"), [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1d", 86_400)]
)
def test_durations_are_seconds(text: str, found: float) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "15", "s", "15 s", "1x", "-5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


def test_a_target_is_known_by_the_host_that_is_scraped() -> None:
    prometheus, asked = answering(200, good({"activeTargets": [{
        "scrapePool": "serviceMonitor/ml/mlflow/0", "scrapeUrl": "http://10.0.0.7:5000/metrics",
        "labels": {"pod": "mlflow-1"}, "health": "down", "lastError": "403", "scrapeInterval": "1m",
    }]}))  # fmt: skip
    (target,) = prometheus.targets()
    assert (target.address, target.interval_s, target.error) == ("10.0.0.7", 60, "403")
    assert [str(a) for a in asked] == ["GET http://p:9090/api/v1/targets?state=active"]


def test_a_query_brings_samples_and_a_scalar_one_without_labels() -> None:
    vector = {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "NaN"]}]}
    (sample,) = answering(200, good(vector))[0].query("x")
    assert sample.labels == {"a": "b"}
    assert sample.value != sample.value
    scalar, asked = answering(200, good({"resultType": "scalar", "result": [1, "2.5"]}))
    assert scalar.query('sum(a{b="c d"})') == [Sample({}, 2.5)]
    assert [str(a) for a in asked] == [
        "GET http://p:9090/api/v1/query?query=sum%28a%7Bb%3D%22c+d%22%7D%29"
    ]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}, "parse error"),
        (503, "starting", "answered 503 to query: starting"),
        (200, [], "answered 200"),
    ],
)
def test_anything_else_is_refused_with_what_was_said(status: int, body: object, said: str) -> None:
    with pytest.raises(NoAnswer, match=said):
        answering(status, body)[0].query("x")
