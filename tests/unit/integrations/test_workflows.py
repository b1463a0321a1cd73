# SPDX-License-Identifier: Apache-2.0
"""Workflows as Argo's objects tell them."""

from typing import Any

import pytest

from mlflow_conformance.integrations.workflows import Workflow

THING: dict[str, Any] = {
    "metadata": {"name": "train-1"},
    "spec": {"arguments": {"parameters": [{"name": "version", "value": 2}]}},
}


def test_one_that_has_not_begun_has_no_phase() -> None:
    seen = Workflow.of(THING)
    assert (seen.phase, seen.ended, seen.outcome) == ("", False, "not begun")
    assert seen.given == {"version": "2"}
    assert seen.outputs == {}


@pytest.mark.parametrize(
    ("phase", "ended"),
    [("Pending", False), ("Running", False), ("Succeeded", True), ("Failed", True)],
)
def test_a_phase_tells_whether_it_has_ended(phase: str, ended: bool) -> None:
    assert Workflow.of({**THING, "status": {"phase": phase}}).ended is ended


def test_its_outputs_and_why_it_failed_are_read() -> None:
    outputs = {"parameters": [{"name": "run-id", "value": "abc"}, {"name": "empty"}]}
    status = {"phase": "Failed", "message": "child 'log' failed", "outputs": outputs}
    seen = Workflow.of({**THING, "status": status})
    assert seen.outcome == "Failed: child 'log' failed"
    assert seen.outputs == {"run-id": "abc", "empty": ""}


def test_one_without_arguments_was_given_nothing() -> None:
    assert Workflow.of({"metadata": {"name": "w"}, "spec": {}}).given == {}
