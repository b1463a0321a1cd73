# SPDX-License-Identifier: Apache-2.0
"""How many of so many requests are chosen, when each is by the same chance."""

from math import exp, lgamma, log


def likely(requests: int, share: float, doubt: float) -> tuple[int, int]:
    """The least and the most that are chosen, but for a doubt on either side together.

    The exact quantiles of the binomial distribution: a sampler or a canary that keeps its share is
    outside of them in at most `doubt` of all runs.

    Args:
        share: the chance of each, from 0 to 1.
        doubt: as a share, such as 0.001.
    """
    if share in (0, 1):
        return round(requests * share), round(requests * share)
    chances = [_chance(requests, kept, share) for kept in range(requests + 1)]
    least = _tail(chances, doubt / 2)
    most = requests - _tail(chances[::-1], doubt / 2)
    return least, most


def _tail(chances: list[float], doubt: float) -> int:
    """How many of the first chances are less than a doubt, together."""
    sum_ = 0.0
    for number, chance in enumerate(chances):
        sum_ += chance
        if sum_ > doubt:
            return number
    return len(chances)


def _chance(requests: int, kept: int, share: float) -> float:
    """The chance that exactly so many are chosen."""
    ways = lgamma(requests + 1) - lgamma(kept + 1) - lgamma(requests - kept + 1)
    return exp(ways + kept * log(share) + (requests - kept) * log(1 - share))
