# SPDX-License-Identifier: Apache-2.0
"""Containers that ended between two looks at a deployment."""

from mlflow_conformance.latency.restarts import ended


def test_what_was_restarted_meanwhile_is_told_and_what_was_before_is_not() -> None:
    before = {("1", "a: mlflow"): 3, ("2", "b: mlflow"): 0, ("3", "gone: mlflow"): 1}
    after = {
        ("1", "a: mlflow"): 3,
        ("2", "b: mlflow"): 1,
        ("4", "new: mlflow"): 0,
        ("5", "new and unwell: mlflow"): 2,
    }
    assert ended(before, after) == ["b: mlflow", "new and unwell: mlflow"]
