# SPDX-License-Identifier: Apache-2.0
"""Requests of callers that trace themselves, as the W3C writes their header."""

import random
import re

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.many import Outcome
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.observability.callers import called, labelled, searching
from mlflow_conformance.observability.uncollected import AnsweredRequests


def _refused(*_: object, **__: object) -> Reply:
    raise AssertionError("nothing is sent")


REPLICAS = [MlflowApi(f"http://10.0.0.{n}:5000", _refused, {"Host": "m"}) for n in (1, 2)]
RNG = random.Random(1)


def test_replicas_are_asked_in_turn() -> None:
    hosts = [request.url.split("/")[2] for request in searching(REPLICAS, 3)]
    assert hosts == ["10.0.0.1:5000", "10.0.0.2:5000", "10.0.0.1:5000"]


def test_a_caller_says_whether_its_trace_is_kept() -> None:
    (request,) = searching(REPLICAS, 1)
    kept, caller = called(request, RNG, sampled=True)
    other, _ = called(request, RNG, sampled=False)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", kept.headers["traceparent"])
    assert kept.headers["traceparent"].split("-")[1:3] == [caller.trace, caller.span]
    assert other.headers["traceparent"].endswith("-00")
    assert kept.headers["Host"] == "m"


def test_a_request_without_a_trace_is_known_by_its_user_agent() -> None:
    (request,) = searching(REPLICAS, 1)
    assert labelled(request, "me").headers == {**request.headers, "User-Agent": "me"}


def test_answers_count_what_failed_and_the_slowest_but_a_twentieth() -> None:
    outcomes = [Outcome(Reply(200, {}, b"", n / 10), 0) for n in range(1, 20)]
    outcomes.append(Outcome(Reply(503, {}, b"", 9.0), 0))
    assert AnsweredRequests.of(outcomes) == AnsweredRequests(failed=1, p95_s=1.9)
