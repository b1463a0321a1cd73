# SPDX-License-Identifier: Apache-2.0
"""How many of so many requests a sampler may keep before it is called wrong."""

import random

import pytest

from mlflow_conformance.core.shares import likely


def test_the_interval_is_that_of_the_exact_distribution() -> None:
    # Of Binomial(10, 0.5) the tails up to 0 and 1 are 1/1024 and 11/1024.
    assert likely(10, 0.5, 2.1 / 1024) == (1, 9)
    assert likely(10, 0.5, 1.9 / 1024) == (0, 10)
    assert likely(10, 0.5, 22.1 / 1024) == (2, 8)


@pytest.mark.parametrize(("share", "found"), [(0, (0, 0)), (1, (200, 200))])
def test_none_and_all_are_exact(share: float, found: tuple[int, int]) -> None:
    assert likely(200, share, 0.001) == found


def test_a_tenth_of_a_thousand_is_told_from_none_from_all_and_from_half_of_it() -> None:
    least, most = likely(1000, 0.1, 0.001)
    assert 50 < least < 75
    assert 125 < most < 135


def test_a_sampler_that_keeps_its_share_is_hardly_ever_outside() -> None:
    rng = random.Random(7)
    least, most = likely(400, 0.1, 0.01)
    rounds = [sum(rng.random() < 0.1 for _ in range(400)) for _ in range(2000)]
    assert sum(not least <= kept <= most for kept in rounds) <= 30
