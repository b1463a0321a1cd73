# SPDX-License-Identifier: Apache-2.0
"""What a node's cgroup says of the CPU time that it has used."""

import pytest

from mlflow_conformance.target.machine import used_s


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n", 2.5),
        ("1057370011000\n", 1057.370011),
    ],
)
def test_both_versions_of_cgroups_are_read(said: str, seconds: float) -> None:
    assert used_s(said) == pytest.approx(seconds)
