# SPDX-License-Identifier: Apache-2.0
"""How fast a run spent its error budget.

Burn rate 1 spends exactly the budget: (1 - SLI) / (1 - SLO). The two pairs of windows and their
factors are those of the Site Reliability Workbook, chapter 5, for a budget of 30 days: an alert
fires when the long and the short window both burn faster than the factor.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.load.records import Record
from mlflow_conformance.load.run_record import RunRecord

_US = 1_000_000
_STEPS = 240
PERIOD_S = 30 * 86_400
WINDOWS = ((3_600, 300, 14.4), (21_600, 1_800, 6.0))
"""Long and short window in seconds, and the burn rate that both must pass for an alert."""


class BurnAlert(Strict):
    """One pair of windows.

    `covered` is false when the run is shorter than the long window; the alert is then computed over
    what there is, and says what would happen if the run were to go on like this.
    """

    long_s: int
    short_s: int
    factor: float
    worst: float
    fires: bool
    covered: bool
    spans: list[tuple[float, float]] = Field(default=[])


class ErrorBudget(Strict):
    """A promise of good requests, and what the run spent of what it leaves for bad ones."""

    name: str
    slo: float
    valid: int
    bad: int
    sli: float | None
    burn: float | None
    lasts_s: float | None
    alerts: list[BurnAlert]


def spend(run: RunRecord, name: str, slo: float, bad: Callable[[Record], bool]) -> ErrorBudget:
    """The budget of one promise over a run.

    Args:
        name: what a good request is, for a person.
        slo: promised share of good requests; below 1, since 1 leaves no budget.
        bad: whether a request was not good.

    Raises:
        ValueError: the promise leaves no budget.
    """
    if not 0 <= slo < 1:
        raise ValueError(f"an objective of {slo} leaves no error budget")
    valid = len(run.records)
    flags = [bad(r) for r in run.records]
    count = sum(flags)
    burn = count / valid / (1 - slo) if valid else None
    return ErrorBudget(
        name=name,
        slo=slo,
        valid=valid,
        bad=count,
        sli=1 - count / valid if valid else None,
        burn=burn,
        lasts_s=PERIOD_S / burn if burn else None,
        alerts=[_alert(run, flags, slo, *window) for window in WINDOWS],
    )


def _alert(
    run: RunRecord, flags: list[bool], slo: float, long: int, short: int, factor: float
) -> BurnAlert:
    times = [r.planned_us for r in run.records]
    bad = [0, *accumulate(flags)]

    def burn(end: int, seconds: int) -> float:
        first = bisect_left(times, times[end - 1] - seconds * _US + 1)
        return (bad[end] - bad[first]) / (end - first) / (1 - slo)

    # Burn rises at bad requests alone, so an alert begins at one. A window is judged once the run
    # has filled the short one; a run that never does is judged once, as a whole.
    full = run.since_us + short * _US
    ends = [end for end, flag in enumerate(flags, 1) if flag and times[end - 1] >= full]
    if flags:
        ends.append(len(flags))
    worst = max((min(burn(end, long), burn(end, short)) for end in ends), default=0.0)
    return BurnAlert(
        long_s=long,
        short_s=short,
        factor=factor,
        worst=worst,
        fires=worst > factor,
        covered=run.seconds >= long,
        spans=list(
            _on(run, times, full, lambda end: min(burn(end, long), burn(end, short)) > factor)
        ),
    )


def _on(
    run: RunRecord, times: list[int], full_us: int, fires: Callable[[int], bool]
) -> Iterator[tuple[float, float]]:
    """The spans of the run in which an alert is on, once its short window is full."""
    step = (run.until_us - run.since_us) / _STEPS
    begun: float | None = None
    for number in range(1, _STEPS + 1):
        now = run.since_us + number * step
        end = bisect_left(times, now)
        on = now >= full_us and end > 0 and fires(end)
        if on and begun is None:
            begun = now
        elif not on and begun is not None:
            yield begun / _US, now / _US
            begun = None
    if begun is not None:
        yield begun / _US, run.until_us / _US
