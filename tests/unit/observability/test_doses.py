# SPDX-License-Identifier: Apache-2.0
"""How much of a fault there was, and rows whose doses are on both sides of what is promised."""

from typing import Any

import pytest
from pydantic import ValidationError

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.observability.asking import SentSearch
from mlflow_conformance.observability.doses import mixed, quantile_s, share_failed
from mlflow_conformance.observability.thresholds import THRESHOLDS

TOLD: dict[str, Any] = {
    "alerts": ["Alert"], "fires_s": 1, "arrives_s": 1, "resolves_s": 1, "per_s": 20,
    "after_per_s": 1, "silent_s": 1,
}  # fmt: skip
FAILING = {**TOLD, "promised": 0.1, "below": 1, "above": 3}
SLOW = {
    **TOLD, "quantile": 0.95, "promised_s": 1, "bearable_s": 0.6, "slow_s": 1.5, "slow_per_s": 2,
}  # fmt: skip


def sent(*statuses: int) -> list[SentSearch]:
    """Requests of these statuses, each of which took a second longer than the one before."""
    return [SentSearch(n, n + 1, status) for n, status in enumerate(statuses)]


def test_what_the_server_did_not_answer_failed() -> None:
    assert share_failed(sent(200, 503, 404, 0)) == 0.5
    assert share_failed(sent(200, 429)) == 0
    with pytest.raises(Undecided):
        share_failed([])


@pytest.mark.parametrize(("share", "took"), [(0.05, 1), (0.5, 10), (0.9, 18), (0.95, 19), (1, 20)])
def test_a_quantile_is_the_time_of_a_request(share: float, took: float) -> None:
    assert quantile_s(sent(*[200] * 20), share) == took
    with pytest.raises(Undecided):
        quantile_s([], share)


def test_a_mix_has_so_many_that_are_hit() -> None:
    assert mixed(25, 2) == {"registered-models": 2, "experiments": 23}


@pytest.mark.parametrize(("check", "row"), [("OBS-2.errors", FAILING), ("OBS-2.latency", SLOW)])
def test_a_row_with_doses_around_its_promise_is_taken(check: str, row: dict[str, Any]) -> None:
    THRESHOLDS[check].model_validate(row)


@pytest.mark.parametrize(
    "change", [{"below": 2}, {"above": 2}, {"above": 20}, {"promised": 0.2}, {"per_s": 40}]
)
def test_failures_on_one_side_of_the_promise_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="`promised` of `per_s`"):
        THRESHOLDS["OBS-2.errors"].model_validate({**FAILING, **change})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"bearable_s": 1}, "between"),
        ({"slow_s": 1}, "between"),
        ({"slow_per_s": 1}, "`slow_per_s` of `per_s`"),  # the quantile is a quick one
        ({"slow_per_s": 20}, "`slow_per_s` of `per_s`"),  # so are the others slow
    ],
)
def test_slow_requests_on_one_side_of_the_promise_are_refused(
    change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        THRESHOLDS["OBS-2.latency"].model_validate({**SLOW, **change})
