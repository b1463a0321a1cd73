# SPDX-License-Identifier: Apache-2.0
"""Latencies in an HdrHistogram: any percentile with an error of at most 0.1 %."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Self

from hdrh.histogram import HdrHistogram

_LOWEST_US = 1
_HIGHEST_US = 3_600_000_000
_DIGITS = 3


class Latencies:
    """Counts of latencies between 1 µs and 1 h; what is outside is counted at the end it passed.

    Percentiles are by nearest rank: the smallest recorded value that at least that share of all
    values does not exceed. hdrhistogram's own functions round the rank, which in a tail of a few
    samples names another request.
    """

    def __init__(self, values_us: Iterable[int] = ()) -> None:
        self._counts = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
        for value, times in Counter(values_us).items():
            self._counts.record_value(min(max(value, _LOWEST_US), _HIGHEST_US), times)

    @property
    def total(self) -> int:
        """How many latencies were counted."""
        return int(self._counts.total_count)

    def percentiles(self, wanted: Sequence[str]) -> list[float | None]:
        """Seconds for each percentile, such as ``"99.9"``; None where nothing was counted.

        Args:
            wanted: decimal numbers from 0 to 100 in ascending order, as text: 99.9 has no exact
                float, and with 1,000 samples that would be another rank.
        """
        total = self.total
        if not total:
            return [None] * len(wanted)
        ranks = [max(1, math.ceil(Fraction(p) * total / 100)) for p in wanted]
        found: list[float | None] = []
        seen = 0
        for highest_us, times in self._recorded():
            seen += times
            while len(found) < len(ranks) and seen >= ranks[len(found)]:
                found.append(highest_us / 1e6)
        return found

    def _recorded(self) -> Iterator[tuple[int, int]]:
        """The highest latency, microseconds, that a bucket stands for, and how many are in it.

        The library's own iterator calls a function for each of its 24,000 buckets, empty or not.
        """
        for index, times in enumerate(self._counts.counts[:]):
            if times:
                value = self._counts.get_value_from_index(index)
                yield self._counts.get_highest_equivalent_value(value), times

    def encoded(self) -> str:
        """In the compressed HdrHistogram V2 format, base64."""
        return str(self._counts.encode().decode("ascii"))

    @classmethod
    def decoded(cls, text: str) -> Self:
        """From what `encoded` gave."""
        result = cls()
        result._counts.decode_and_add(text)
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latencies):
            return NotImplemented
        return list(self._recorded()) == list(other._recorded())

    __hash__ = None  # type: ignore[assignment]
