# SPDX-License-Identifier: Apache-2.0
"""When requests are to be sent: planned before the run begins, the same for the same seed."""

import math
import random
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from pydantic import Field

from mlflow_conformance.config.documents import Strict

Process = Literal["poisson", "constant"]
"""`poisson`: independent users, who do not wait for one another. `constant`: a metronome, whose
gaps are all equal, for measuring how long an outage took."""

_STRATA = 100


class RateStep(Strict):
    """One step of a load: an arrival rate for some time; a rate of 0 is a pause."""

    rate: float = Field(ge=0, le=20_000, description="arrivals a second, all workers together")
    duration_s: float = Field(gt=0, le=7 * 86_400)


class Arrival(NamedTuple):
    """One planned request.

    Attributes:
        number: its place in the whole plan, over all workers.
        at_s: seconds from the start of the run.
        operation: its place in the sorted names of the mix.
    """

    number: int
    at_s: float
    operation: int


def times(steps: Sequence[RateStep], process: Process, seed: int) -> Iterator[float]:
    """Planned times in ascending order, in seconds from the start of the run."""
    # The step begins anew: a Poisson process has no memory, and a metronome may restart.
    gaps = random.Random(f"{seed}:gaps")  # noqa: S311 - replayable, no secret
    begin = 0.0
    for step in steps:
        end = begin + step.duration_s
        if step.rate == 0:
            begin = end
            continue
        at = 0.0 if process == "constant" else _exponential(gaps, step.rate)
        count = 0
        # Compared as the moments that they are: their sums are rounded, too.
        while begin + at < end:
            yield begin + at
            count += 1
            # A sum of equal gaps drifts away from the rate; a multiple does not.
            at = count / step.rate if process == "constant" else at + _exponential(gaps, step.rate)
        begin = end


def _exponential(numbers: random.Random, rate: float) -> float:
    return -math.log(1.0 - numbers.random()) / rate


def plan(
    steps: Sequence[RateStep],
    process: Process,
    mix: Mapping[str, float],
    seed: int,
    *,
    twice: bool = False,
) -> Iterator[Arrival]:
    """Every arrival of a run, with its operation.

    Args:
        twice: two arrivals in a row have the same operation.
    """
    operations = _operations([mix[name] for name in sorted(mix)], seed)
    operation = 0
    for number, at in enumerate(times(steps, process, seed)):
        if number % 2 == 0 or not twice:
            operation = next(operations)
        yield Arrival(number, at, operation)


def _operations(weights: Sequence[float], seed: int) -> Iterator[int]:
    """Operations in random order, of which every hundred in a row has the mix's shares.

    Stratified sampling: a rare operation has the samples that its percentile needs after as many
    requests as its share promises, and not after as many as luck wants.
    """
    bounds = list(accumulate(weights))
    numbers = random.Random(f"{seed}:operations")  # noqa: S311 - replayable, no secret
    while True:
        points = [(n + numbers.random()) / _STRATA for n in range(_STRATA)]
        numbers.shuffle(points)
        for point in points:
            yield min(bisect(bounds, point * bounds[-1]), len(bounds) - 1)
