# SPDX-License-Identifier: Apache-2.0
"""How much slower one server is, from pairs of runs: exact, robust, and seldom wrong."""

import math
import random
from collections.abc import Iterator
from itertools import islice

import pytest

from mlflow_conformance.upgrade.paired import Interval, compare, cut_off

_PAIRS, _CONFIDENCE, _TRIALS = 30, 0.995, 200


@pytest.mark.parametrize(
    ("pairs", "alpha", "expected"),
    # Critical values of the signed-rank test, as tables print them.
    [(5, 0.025, None), (6, 0.025, 0), (8, 0.025, 3), (10, 0.025, 8), (20, 0.025, 52),
     (8, 0.005, 0), (10, 0.005, 3), (16, 0.005, 19), (20, 0.005, 37), (25, 0.005, 68)],
)  # fmt: skip
def test_tails_are_those_of_the_tables(pairs: int, alpha: float, expected: int | None) -> None:
    assert cut_off(pairs, alpha) == expected


def test_a_ratio_without_noise_is_found_as_it_is() -> None:
    found = compare([(0.1, 0.13)] * 20, 0.99)
    assert (found.ratio, found.least, found.most) == pytest.approx((1.3, 1.3, 1.3))
    assert found.slower


def test_one_turn_that_was_disturbed_does_not_decide() -> None:
    pairs = [(0.1, 0.1 + n / 10_000) for n in range(-10, 10)]
    assert not compare([*pairs, (0.1, 30.0)], 0.99).slower


def test_few_pairs_give_no_interval() -> None:
    found = compare([(1.0, 5.0)] * 4, 0.99)
    assert (found.least, found.most) == (0, math.inf)
    assert not found.slower
    assert found.sentence("p95", 1.05, 1.3).startswith("Cannot tell with this many runs")


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, math.inf)]])
def test_what_is_no_time_is_refused(pairs: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="positive numbers"):
        compare(pairs, 0.99)


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        (
            Interval(1.31, 1.12, 1.5, 0.99, 20),
            "B is slower: its p95 is 131%, between 112% a",
        ),
        (Interval(0.8, 0.7, 0.9, 0.99, 20), "B is faster: its p95 is 80%"),
        (Interval(1.02, 0.9, 1.2, 0.99, 20), "No difference is shown: p95 of B is between 90%"),
        (Interval(1.02, 0.6, 1.7, 0.99, 20), "Cannot tell with this many runs: p95 of B is betw"),
        # That it is slower is shown, and that it is not by much more is not.
        (Interval(1.2, 1.01, 1.7, 0.99, 20), "Cannot tell with this many runs"),
        (Interval(2.0, 1.4, 3.0, 0.99, 20), "B is slower"),
    ],
)
def test_an_interval_is_a_sentence(interval: Interval, said: str) -> None:
    assert interval.sentence("p95", 1.05, 1.3).startswith(said)


def _simulated(numbers: random.Random) -> Iterator[tuple[float, float]]:
    """The p95 of two equal servers side by side, pair after pair.

    A drift over minutes and most disturbances meet both; each has its own noise, and now and then
    one of them is disturbed alone. Measured on two busy cores (docs/findings.md, 3.17.2 to 3.18.0).
    """
    drift = 0.0
    while True:
        drift = 0.9 * drift + numbers.gauss(0, 0.06)
        both = 0.04 * math.exp(drift) * (3.0 if numbers.random() < 0.05 else 1.0)
        one, other = (both * math.exp(numbers.gauss(0, 0.08)) for _ in range(2))
        yield one, other * (4.0 if numbers.random() < 0.03 else 1.0)


def _trials(effect: float) -> list[Interval]:
    found = []
    for trial in range(_TRIALS):
        pairs = islice(_simulated(random.Random(trial)), _PAIRS)
        found.append(compare([(a, b * effect) for a, b in pairs], _CONFIDENCE))
    return found


def test_one_version_against_itself_is_seldom_called_another() -> None:
    """At most 1 % of 200 pairs, whichever way."""
    assert sum(i.slower or i.faster for i in _trials(1.0)) <= _TRIALS * 0.01


def test_thirty_percent_more_is_found() -> None:
    """In at least 95 % of 200 pairs, and then it is a fail."""
    found = _trials(1.3)
    assert sum(i.slower for i in found) >= _TRIALS * 0.95
