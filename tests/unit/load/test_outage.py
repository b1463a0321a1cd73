# SPDX-License-Identifier: Apache-2.0
"""An outage is told to within 50 ms at 50 requests a second, however the server was out."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from load_records import Answer, healthy, run
from mlflow_conformance.load.outage import measure
from mlflow_conformance.load.records import Failure


def refused(begin: float, end: float) -> Answer:
    def answer(at: float) -> tuple[float, int, Failure]:
        return (0.001, 0, "refused") if begin <= at < end else (0.005, 200, "")

    return answer


def stalled(begin: float, end: float) -> Answer:
    def answer(at: float) -> tuple[float, int, Failure]:
        return ((end - at) if begin <= at < end else 0.0) + 0.005, 200, ""

    return answer


@given(begin=st.floats(1, 10), length=st.floats(0.1, 6))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("out", [refused, stalled])
def test_silence_is_as_long_as_the_outage_to_within_50_ms(
    tmp_path: Path, out: Callable[[float, float], Answer], begin: float, length: float
) -> None:
    seen = measure(run(tmp_path, out(begin, begin + length)))
    assert seen.resolution_s <= 0.05
    assert length - 0.02 <= seen.silence.seconds <= length + 0.05
    assert seen.silence.start_s == pytest.approx(begin, abs=0.05)


def test_failing_spans_are_counted_and_the_longest_comes_first(tmp_path: Path) -> None:
    def answer(at: float) -> tuple[float, int, Failure]:
        down = 2 <= at < 2.5 or 10 <= at < 11
        return (0.002, 503, "status") if down else healthy(at)

    seen = measure(run(tmp_path, answer))
    assert [(g.start_s, g.seconds, g.failed) for g in seen.failing] == [
        (10.0, 1.0, 50),
        (2.0, 0.5, 25),
    ]
    assert seen.silence.failed == 50


def test_a_server_that_never_answers_is_silent_throughout(tmp_path: Path) -> None:
    seen = measure(run(tmp_path, lambda _: (10.0, 0, "timeout")))
    assert seen.silence.seconds == 20
    assert seen.silence.failed == 1000


def test_an_outage_that_goes_on_after_the_window_is_not_cut_at_its_end(tmp_path: Path) -> None:
    seen = measure(run(tmp_path, stalled(18, 25)))
    assert seen.silence.seconds == pytest.approx(7, abs=0.05)


def test_sparse_arrivals_say_how_little_they_can_tell(tmp_path: Path) -> None:
    assert measure(run(tmp_path, healthy, rate=2)).resolution_s == pytest.approx(1)
