# SPDX-License-Identifier: Apache-2.0
"""What pictures over time are made of: axes, and paths in a view box that the page stretches."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

WIDE = 1000
"""Width of every view box."""
_APART = 0.05
"""Between slices that do not follow each other, in a view box; less is of rounding."""
_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400)


@dataclass(frozen=True)
class Tick:
    """A mark on an axis, in percent of its length from the left or the bottom."""

    at: float
    text: str


@dataclass(frozen=True)
class TimeAxis:
    """The axis of the time that a picture shows, in seconds from some beginning."""

    since_s: float
    until_s: float

    def x(self, at_s: float) -> float:
        """Where a moment is in a view box."""
        return WIDE * (at_s - self.since_s) / (self.until_s - self.since_s)

    def percent(self, at_s: float) -> float:
        """Where a moment is, in percent from the left; what is outside is at the edge."""
        return min(max(self.x(at_s), 0.0), float(WIDE)) / 10

    def ticks(self) -> list[Tick]:
        """About five moments that are round numbers."""
        length = self.until_s - self.since_s
        step = next((s for s in _STEPS_S if length / s <= 6), length / 6)
        first = math.ceil(self.since_s / step)
        last = math.floor(self.until_s / step)
        return [Tick(self.x(n * step) / 10, _moment(n * step)) for n in range(first, last + 1)]

    def stairs(
        self, starts_s: Iterable[float], length_s: float, heights: Iterable[float | None]
    ) -> str:
        """A path that keeps each height for a slice, broken where there is nothing to show."""
        parts: list[str] = []
        end: float | None = None
        for at_s, y in zip(starts_s, heights, strict=True):
            if y is None:
                end = None
                continue
            left, right = self._edges(at_s, length_s)
            joined = end is not None and left - end < _APART
            parts.append(f"{'L' if joined else 'M'}{left:.1f} {y:.1f}H{right:.1f}")
            end = right
        return "".join(parts)

    def bars(self, starts_s: Iterable[float], length_s: float, tops: Iterable[float | None]) -> str:
        """A path around a bar for each slice that has a top, in a view box that is 100 high."""
        parts = []
        for at_s, top in zip(starts_s, tops, strict=True):
            if top is not None:
                left, right = self._edges(at_s, length_s)
                parts.append(f"M{left:.1f} 100V{top:.1f}H{right:.1f}V100Z")
        return "".join(parts)

    def _edges(self, at_s: float, length_s: float) -> tuple[float, float]:
        return self.x(at_s), min(self.x(at_s + length_s), WIDE)


@dataclass(frozen=True)
class LogAxis:
    """An axis of whole decades, from the bottom to the top of a view box.

    Attributes:
        low: value at its bottom, a power of ten.
    """

    low: float
    decades: int

    @classmethod
    def around(cls, values: Sequence[float]) -> Self:
        """One that holds some values, which are over zero."""
        low = math.floor(math.log10(min(values, default=0.001)))
        high = math.ceil(math.log10(max(values, default=1)))
        return cls(10.0**low, max(high - low, 1))

    def height(self, value: float, high: int) -> float:
        """Where a value is in a view box, counted from its top."""
        return high * (1 - math.log10(max(value, self.low) / self.low) / self.decades)

    def marks(self) -> list[tuple[float, float]]:
        """Its powers of ten: where each is in percent from the bottom, and its value."""
        return [(100 * n / self.decades, self.low * 10**n) for n in range(self.decades + 1)]


def traffic(count: float, most: float) -> float:
    """How high a line of traffic is in a view box that is 100 high, counted from its top."""
    # A line along the very edge would be cut in half.
    return 100 - 90 * count / most


def failures(count: float, most: float) -> float | None:
    """The same of failures, never lower than can be seen; None without any."""
    return min(traffic(count, most), 94) if count else None


def seconds(value: float | None) -> str:
    """A latency for a person, three digits: ``0.84 ms``, ``12.3 ms``, ``1.91 s``, ``31.0 s``."""
    if value is None:
        return "-"
    number, unit = (value * 1000, "ms") if value < 0.9995 else (value, "s")
    if number < 0.0005:
        return f"0 {unit}"
    return f"{number:.0f} {unit}" if number >= 99.95 else f"{number:#.3g} {unit}"


def _moment(at_s: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if at_s >= size:
            return f"{at_s / size:g} {unit}"
    return f"{at_s:g} s"
