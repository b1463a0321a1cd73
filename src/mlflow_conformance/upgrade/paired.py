# SPDX-License-Identifier: Apache-2.0
"""How much slower one server is than another, from pairs of runs.

What is compared is one number of each run: requests of one run share its moment, its neighbours on
the machine and its caches, so that thousands of them are still one observation. Runs come in pairs
that follow each other at once, and of each pair only the ratio of the two is used: what drifts
over minutes cancels out. From the ratios' logarithms come the Hodges-Lehmann estimate and the
exact confidence interval of Wilcoxon's signed-rank test. They need no normal distribution, and a
run that something else on the machine disturbed counts by its rank and not by its size.

Source: M. Hollander, D. A. Wolfe, E. Chicken, Nonparametric Statistical Methods, 3.1 and 3.3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median


@dataclass(frozen=True)
class Interval:
    """How a quantity of the second server compares with the first one's, as a ratio.

    Attributes:
        ratio: the estimate; 1.3 is 30 % more.
        least, most: the ends of the interval; 0 and infinity where so few pairs give none.
        confidence: how often such an interval holds the true ratio, at least.
        pairs: how many pairs of runs it is made from.
    """

    ratio: float
    least: float
    most: float
    confidence: float
    pairs: int

    @property
    def slower(self) -> bool:
        """That the second one takes longer is shown."""
        return self.least > 1

    @property
    def faster(self) -> bool:
        """That the second one takes less time is shown."""
        return self.most < 1

    def sentence(self, what: str, tolerated: float, found: float) -> str:
        """What it comes to, for people.

        Args:
            what: the quantity, such as ``p95``.
            tolerated: the ratio up to which a difference does not matter.
            found: the ratio that must have been found if it were there.
        """
        pairs = f"{self.confidence:.1%} interval from {self.pairs} pairs of runs"
        if math.isinf(self.most) or (self.most > found and self.least <= tolerated):
            return f"Cannot tell with this many runs: {what} of B is {self._span()} ({pairs})"
        if self.slower:
            return f"B is slower: its {what} is {_percent(self.ratio)}, {self._span()} ({pairs})"
        if self.faster:
            return f"B is faster: its {what} is {_percent(self.ratio)}, {self._span()} ({pairs})"
        return f"No difference is shown: {what} of B is {self._span()} ({pairs})"

    def _span(self) -> str:
        if math.isinf(self.most):
            return "anything"
        return f"between {_percent(self.least)} and {_percent(self.most)} of A's"


def _percent(ratio: float) -> str:
    return f"{ratio:.0%}"


def compare(pairs: Sequence[tuple[float, float]], confidence: float) -> Interval:
    """Compare from pairs of runs, each the first server's and the second one's value.

    Raises:
        ValueError: there is no pair, or a value is not above zero.
    """
    if not pairs or any(not 0 < value < math.inf for pair in pairs for value in pair):
        raise ValueError(f"pairs of positive numbers are needed: {list(pairs)}")
    ratios = [math.log(second / first) for first, second in pairs]
    walsh = sorted(
        (one + other) / 2 for place, one in enumerate(ratios) for other in ratios[place:]
    )
    cut = cut_off(len(ratios), (1 - confidence) / 2)
    return Interval(
        ratio=math.exp(median(walsh)),
        least=0.0 if cut is None else math.exp(walsh[cut]),
        most=math.inf if cut is None else math.exp(walsh[-1 - cut]),
        confidence=confidence,
        pairs=len(ratios),
    )


def cut_off(pairs: int, alpha: float) -> int | None:
    """How many of the ordered averages an interval leaves out at each end.

    They are as many as rank sums lie, under the null hypothesis, in a tail of at most `alpha`;
    None when even the outermost one is likelier than that.
    """
    ways = [1]  # of making each sum from the ranks seen so far
    for rank in range(1, pairs + 1):
        longer = [*ways, *[0] * rank]
        ways = [n + (longer[s - rank] if s >= rank else 0) for s, n in enumerate(longer)]
    within = [tail <= alpha * 2**pairs for tail in accumulate(ways)]
    return within.index(False) - 1 if within[0] else None
