# SPDX-License-Identifier: Apache-2.0
"""A window of load on the autoscaler, and whether enough was seen in it."""

import pytest

from autoscalers import looking
from mlflow_conformance.autoscaling.thresholds import Surge
from mlflow_conformance.autoscaling.window import Window, first_fall, last_rise
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.target.load_pods import _script
from mlflow_conformance.target.watch import Watch

SURGE = Surge(
    workload="surge", rate=10, for_s=60, quiet_rate=5, quiet_s=30, workers=2, achieved=0.9,
    lateness_p99_s=1,
)  # fmt: skip


def test_rises_and_falls() -> None:
    looks = looking(2, 2, 4, 5, 5, 3, 2)
    assert last_rise(looks) == 1003
    assert first_fall(looks) == 1005
    assert last_rise(looking(2, 2)) is first_fall(looking(2, 2)) is None


def test_a_watch_that_was_blind_decides_nothing() -> None:
    seen = looking(*[2] * 91)
    Window(SURGE, Watch(looks=seen), start=1000).require_sight()
    for left, gap in ((seen[:30], 61), (seen[40:], 40), (seen[:30] + seen[60:], 31), ([], 90)):
        window = Window(SURGE, Watch(looks=left, unseen=["why"]), start=1000)
        with pytest.raises(Undecided, match=rf"for {gap} s nobody looked at the .* \(why\)"):
            window.require_sight()
    later = Window(SURGE, Watch(looks=seen), start=1000, watched_until=1200)
    with pytest.raises(Undecided, match="for 110 s"):
        later.require_sight()


def test_a_window_begins_with_the_last_look_before_the_load() -> None:
    window = Window(SURGE, Watch(looks=looking(2, 3, 4, 5)), start=1001.5)
    assert [s.wanted for s in window.looks] == [3, 4, 5]
    assert window.since_start(1003) == 1.5
    assert window.since_start(None) is None


def test_a_window_without_load_has_no_part() -> None:
    with pytest.raises(Undecided, match="no load was sent: pinned"):
        _ = Window(SURGE, obstacle="pinned").surging


def test_locust_in_a_pod_says_when_it_has_ended() -> None:
    script = _script(["-f", "a b.py", "--headless"])
    assert "python -m locust '-f' 'a b.py' '--headless'\n" in script
    assert script.endswith("touch /work/ended\n")
