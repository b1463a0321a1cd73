# SPDX-License-Identifier: Apache-2.0
"""What two answers differ in, and what of that breaks a client."""

import json

import pytest

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.upgrade.api_answers import ApiAnswer, answer_of, differences


def _answer(body: object, status: int = 200) -> ApiAnswer:
    headers = {"Content-Type": "application/json"}
    return answer_of(Reply(status, headers, json.dumps(body).encode(), 0.1))


def _refusal(code: str, status: int = 400) -> ApiAnswer:
    return _answer({"error_code": code, "message": "no"}, status)


_RUN = {"run": {"info": {"run_id": "x", "start_time": 1}, "tags": [{"key": "a"}, {"value": "b"}]}}


def test_a_shape_has_every_field_of_every_element() -> None:
    assert _answer(_RUN).shape == {
        "": {"object"}, "run": {"object"}, "run.info": {"object"}, "run.info.run_id": {"string"},
        "run.info.start_time": {"number"}, "run.tags": {"list"}, "run.tags[]": {"object"},
        "run.tags[].key": {"string"}, "run.tags[].value": {"string"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (_answer(_RUN), _answer(_RUN), []),
        (_answer({"a": 1}), _answer({"a": 1.5}), []),
        (_answer({"a": 1}), _answer({"a": 1, "b": 2}), [("new", "b is new")]),
        (_answer({"a": 1, "b": 2}), _answer({"a": 1}), [("gone", "b is gone")]),
        (_answer({"a": {"b": 2}}), _answer({}), [("gone", "a is gone")]),
        (_answer({"a": [{"b": 2}]}), _answer({"a": [{}]}), [("gone", "a[].b is gone")]),
        (_answer({"a": 1}), _answer({"a": "1"}), [("type", "a was number and is string")]),
        # What can be null or text for A's clients may be text alone.
        (_answer({"a": [None, "x"]}), _answer({"a": ["x", "y"]}), []),
        (_answer({}), _refusal("BAD_REQUEST"), [("worse", "200 became 400 BAD_REQUEST")]),
        (_refusal("X"), _answer({"error_code": "X"}, 500), [("worse", "400 X became 500 X")]),
        (_refusal("X"), _refusal("Y"), [("refusal", "400 X became 400 Y")]),
        (_refusal("X"), _refusal("X", 404), [("refusal", "400 X became 404 X")]),
        (_refusal("X"), _answer({}), [("better", "400 X became 200")]),
        (_answer({}, 500), _refusal("X"), [("better", "500 became 400 X")]),
        (_answer({}), answer_of(NoReply("reset", "", 1.0)),
         [("worse", "200 became no reply reset")]),
    ],
)  # fmt: skip
def test_what_differs_is_told_by_what_it_means(
    a: ApiAnswer, b: ApiAnswer, expected: list[tuple[str, str]]
) -> None:
    assert [(d.kind, d.text) for d in differences(["GET /x"], [a], [b])] == expected


def test_a_page_is_known_by_its_kind() -> None:
    page = Reply(200, {"content-type": "text/html; charset=utf-8"}, b"<html>", 0.1)
    assert answer_of(page).shape == {"": {"text/html"}}
    [found] = differences(["GET /"], [answer_of(page)], [_answer({"a": 1})])[:1]
    assert str(found) == "GET /: the body was text/html and is object"
    assert found.kind == "type"
    plain = Reply(200, {"Content-Type": "text/plain"}, b"OK", 0.1)
    [other] = differences(["GET /health"], [answer_of(page)], [answer_of(plain)])
    assert (other.kind, other.text) == ("page", "the body was text/html and is text/plain")
