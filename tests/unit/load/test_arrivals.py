# SPDX-License-Identifier: Apache-2.0
"""The plan is made before the run, is the same for the same seed, and is shared without loss."""

from collections import Counter
from itertools import accumulate, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlflow_conformance.load.arrivals import Process, RateStep, plan, times
from mlflow_conformance.load.plan import LoadPlan
from mlflow_conformance.load.workload import Workload

MIX = {"health": 3.0, "get-run": 1.0}


def workload(process: Process = "poisson") -> Workload:
    return Workload(
        name="w",
        description="d",
        source="s",
        connection="close",
        arrivals=process,
        timeout_s=1,
        mix={"health": 1},
    )


def test_constant_arrivals_keep_their_rate_without_drift() -> None:
    planned = list(times([RateStep(rate=30, duration_s=1000)], "constant", seed=1))
    assert len(planned) == 30_000
    assert planned[-1] == pytest.approx(29_999 / 30, abs=1e-9)


def test_poisson_arrivals_have_the_mean_and_the_spread_of_independent_users() -> None:
    planned = list(times([RateStep(rate=100, duration_s=200)], "poisson", seed=7))
    gaps = [b - a for a, b in pairwise(planned)]
    mean = sum(gaps) / len(gaps)
    variance = sum((g - mean) ** 2 for g in gaps) / len(gaps)
    # 20,000 gaps: the mean of exponentials is known to 0.7 %, its coefficient of variation is 1.
    assert mean == pytest.approx(0.01, rel=0.03)
    assert variance**0.5 / mean == pytest.approx(1, rel=0.05)


def test_steps_follow_one_another() -> None:
    steps = [RateStep(rate=10, duration_s=10), RateStep(rate=100, duration_s=10)]
    planned = list(times(steps, "constant", seed=1))
    assert sum(at < 10 for at in planned) == 100
    assert sum(10 <= at < 20 for at in planned) == 1000
    assert len(planned) == 1100


@pytest.mark.parametrize("process", ["poisson", "constant"])
def test_a_plan_is_replayed_from_its_seed(process: Process) -> None:
    steps = [RateStep(rate=50, duration_s=5)]
    assert list(plan(steps, process, MIX, 3)) == list(plan(steps, process, MIX, 3))
    assert list(plan(steps, process, MIX, 3)) != list(plan(steps, process, MIX, 4))


def test_operations_are_drawn_by_weight() -> None:
    drawn = Counter(
        a.operation for a in plan([RateStep(rate=100, duration_s=100)], "poisson", MIX, 5)
    )
    # Sorted names: get-run is 0, health is 1.
    assert drawn[1] / drawn.total() == pytest.approx(0.75, abs=0.02)


@given(workers=st.integers(1, 7), rate=st.floats(0.5, 200), seed=st.integers())
@settings(max_examples=30, deadline=None)
def test_the_shares_of_all_workers_are_the_plan(workers: int, rate: float, seed: int) -> None:
    whole = LoadPlan(
        url="http://x", workload=workload(), steps=[RateStep(rate=rate, duration_s=3)], seed=seed
    )
    shared = whole.model_copy(update={"workers": workers})
    shares = [list(shared.share(worker)) for worker in range(workers)]
    assert sorted(a for share in shares for a in share) == list(whole.share(0))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(steps=st.lists(st.builds(RateStep, rate=st.floats(0.1, 50), duration_s=st.floats(0.1, 5))))
@example(steps=[RateStep(rate=1, duration_s=1), RateStep(rate=50, duration_s=0.10000000000000002)])
@settings(max_examples=50, deadline=None)
def test_planned_times_ascend_and_stay_inside(steps: list[RateStep]) -> None:
    for process in ("poisson", "constant"):
        planned = list(times(steps, process, seed=2))
        assert planned == sorted(planned)
        end = (0.0, *accumulate(s.duration_s for s in steps))[-1]
        assert all(0 <= at < end for at in planned)


def test_every_hundred_requests_have_the_shares_of_the_mix() -> None:
    mix = {"create-run": 4.0, "get-run": 70.5, "log-batch": 25.5}
    whole = list(plan([RateStep(rate=100, duration_s=50)], "poisson", mix, seed=3))
    for begin in range(0, len(whole) - 100, 100):
        counts = Counter(a.operation for a in whole[begin : begin + 100])
        for operation, name in enumerate(sorted(mix)):
            assert abs(counts[operation] - mix[name]) <= 1
    assert [a.operation for a in whole[:100]] != [a.operation for a in whole[100:200]]
