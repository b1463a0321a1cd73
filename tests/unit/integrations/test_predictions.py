# SPDX-License-Identifier: Apache-2.0
"""Which version answered is told by what it predicts, to the last digit."""

import base64
import json

import pytest
from pydantic import JsonValue

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import LocalInside
from mlflow_conformance.integrations.predictions import Traffic, predicted, question

OLD, NEW = [0.25, -0.1], [0.25, -0.10000000000000002]


def answered(predictions: list[float]) -> bytes:
    output = {"name": "output-1", "shape": [2, 1], "datatype": "FP64", "data": predictions}
    return json.dumps({"model_name": "model", "outputs": [output]}).encode()


def traffic(count: int, *bodies: bytes, status: int = 200) -> tuple[Traffic, dict[str, int]]:
    """Some requests, answered with each of these in turn."""
    answers: JsonValue = [
        {
            "started_ns": 0,
            "status": status,
            "headers": {},
            "elapsed_s": 0.0,
            "body_base64": base64.b64encode(bodies[number % len(bodies)]).decode(),
        }
        for number in range(count)
    ]
    inside = LocalInside({"http_many": lambda **_: answers})
    sent = Traffic(inside, "http://gateway/x", {"old": OLD, "new": NEW})
    return sent, dict(sent.send(count))


def test_versions_are_told_apart_by_the_last_digit() -> None:
    sent, versions = traffic(6, answered(OLD), answered(NEW))
    assert versions == {"old": 3, "new": 3}
    assert (sent.sent, sent.wrong) == (6, [])


def test_a_rounded_prediction_is_no_versions() -> None:
    sent, versions = traffic(2, answered([0.25, -0.1000001]))
    assert versions == {}
    assert all("no version" in wrong for wrong in sent.wrong)
    assert len(sent.wrong) == 2


def test_a_refusal_is_no_prediction() -> None:
    sent, versions = traffic(2, b"no available server", status=503)
    assert versions == {}
    assert sent.wrong == ["HTTP 503 no available server"] * 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"outputs": []}', b'{"outputs": 5}'])
def test_what_is_no_prediction_is_told_in_words(body: bytes) -> None:
    told = predicted(Reply(200, {}, body, 0.1))
    assert isinstance(told, str)
    assert told.startswith("no prediction")


def test_every_question_is_asked_once() -> None:
    body = json.loads(question("http://x", 3).body or b"")
    [asked] = body["inputs"]
    assert (asked["shape"], asked["data"]) == ([3, 1], [0.0, 1.0, 2.0])
