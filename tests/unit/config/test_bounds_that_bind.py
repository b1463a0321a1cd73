# SPDX-License-Identifier: Apache-2.0
"""Every bound of the shipped profiles can break, and is near what was measured or says why not."""

from functools import cache

import pytest
import yaml

import shipped
from mlflow_conformance.disruption.thresholds import FaultBounds
from mlflow_conformance.evidence import measured
from mlflow_conformance.run.known import idle_bounds


@cache
def values_of(name: str) -> measured.MeasuredValues | None:
    return measured.read(shipped.loaded(name).path)


def held_against(name: str) -> measured.MeasuredValues | None:
    """What was measured of a profile, or else of the other one whose rows it takes over."""
    base = str(yaml.safe_load(shipped.loaded(name).path.read_text())["extends"])
    base = base.removeprefix("./").removesuffix(".yaml")
    return values_of(name) or (values_of(base) if base in shipped.PROFILES else None)


@pytest.mark.parametrize("name", shipped.PROFILES)
def test_no_bound_waits_for_another_to_break_first(name: str) -> None:
    assert not idle_bounds(shipped.profile(name))


@pytest.mark.parametrize("name", shipped.PROFILES)
def test_a_bound_that_is_loose_says_why(name: str) -> None:
    loaded, values = shipped.loaded(name), held_against(name)
    assert values is not None, f"measure healthy runs: mlflow-conformance profile measure ({name})"
    unreasoned = [str(f) for f in measured.loose(values, loaded.profile.checks) if not f.reason]
    assert not unreasoned


@pytest.mark.parametrize("name", shipped.PROFILES)
def test_what_is_measured_and_what_is_reasoned_about_is_there(name: str) -> None:
    loaded, values = shipped.loaded(name), held_against(name)
    assert values is not None
    assert set(values.checks) <= set(shipped.checks())
    # A reason is for an observation that was measured, in one of the profiles that share the row.
    everywhere = [v for v in map(values_of, shipped.PROFILES) if v]
    for check_id, row in loaded.profile.checks.items():
        seen = {i for v in everywhere for i in v.checks.get(check_id, {})}
        assert set(row.loose) <= seen, check_id


def bounds(**changed: object) -> FaultBounds:
    row = shipped.profile("k3d").checks["DIS-4"].thresholds
    return FaultBounds.model_validate({**row, **changed})


@pytest.mark.parametrize(
    ("changed", "idle"),
    [
        ({"failed": 400, "failing_s": 10, "probe_rate": 42}, False),
        ({"failed": 421, "failing_s": 10, "probe_rate": 42}, True),
        ({"failed": 5000, "failing_s": None}, False),
        ({"failed": 0, "failing_s": 0}, False),
        ({"failed": None, "failing_s": 10}, False),
    ],
)
def test_more_failures_than_a_span_can_hold_never_decide(
    changed: dict[str, object], idle: bool
) -> None:
    assert bool(bounds(**changed).idle()) is idle
