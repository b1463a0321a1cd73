# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong on purpose: many, various, the same for the same seed."""

from random import Random

from mlflow_conformance.tracking.bad_requests import calls, generate


def test_a_seed_gives_the_same_requests_again() -> None:
    assert generate(Random(7), 300) == generate(Random(7), 300)
    assert generate(Random(7), 300) != generate(Random(8), 300)


def test_every_call_is_met() -> None:
    requests = generate(Random(1), 400)
    assert len(requests) == 400
    assert {(r.method, r.call) for r in requests} == {(c.method, c.path) for c in calls()}


def test_nothing_that_would_be_right_is_made() -> None:
    for request in generate(Random(3), 2000):
        if request.call in ("/mlflow/experiments/create", "/mlflow/registered-models/create"):
            assert "names nothing" not in request.wrong


def test_a_reproducer_is_short_and_names_the_call() -> None:
    for request in generate(Random(5), 400):
        text = request.reproducer("http://localhost:5000")
        assert text.startswith(f"curl -X {request.method}")
        assert len(text) < 1200
