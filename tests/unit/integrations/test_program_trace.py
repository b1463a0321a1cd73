# SPDX-License-Identifier: Apache-2.0
"""What a trace says of a program that uses MLflow, from spans as Jaeger has them."""

import pytest

from mlflow_conformance.doors.jaeger import Span, Trace
from mlflow_conformance.integrations.program_trace import ProgramTrace, begun_by

API = "http://mlflow:5000/api/2.0/mlflow"
BEGIN = Span("0", None, "llm-call", "agent", {"span.kind": "internal"})


def sent(number: str, call: str, parent: str | None = "0", *, url: str = "") -> Span:
    tags = {"span.kind": "client", "http.url": url or f"{API}/{call}"}
    return Span(number, parent, "POST", "agent", tags)


def served(number: str, caller: str, service: str = "mlflow") -> Span:
    return Span(number, caller, "POST", service, {"span.kind": "server"})


def asked(number: str, parent: str) -> Span:
    tags = {"span.kind": "client", "db.system": "postgresql"}
    return Span(number, parent, "SELECT", "mlflow", tags)


WHOLE = [
    BEGIN,
    sent("1", "runs/create"), served("2", "1"), asked("3", "2"),
    sent("4", "runs/get?run_id=7"), served("5", "4"), asked("6", "5"),
]  # fmt: skip


def traced(*spans: Span) -> ProgramTrace:
    (found,) = begun_by([Trace("t", spans)], "agent", "mlflow")
    return found


def without(*numbers: str) -> ProgramTrace:
    return traced(*(span for span in WHOLE if span.id not in numbers))


def test_a_whole_trace_is_told_by_its_calls() -> None:
    found = traced(*WHOLE)
    assert found.calls() == {"runs/create": 1, "runs/get": 1}
    assert (found.unserved(), found.without_database()) == ([], [])
    assert found.whole({"runs/create": 1})
    assert not found.whole({"runs/create": 2})
    assert not found.whole({"runs/update": 1})


@pytest.mark.parametrize("missing", [("2", "3"), ("3",)])
def test_what_is_missing_of_a_request_is_told_by_its_call(missing: tuple[str, ...]) -> None:
    found = without(*missing)
    assert found.unserved() == (["runs/create"] if "2" in missing else [])
    assert found.without_database() == ["runs/create"]
    assert not found.whole({"runs/create": 1})


def test_a_request_that_another_server_answered_is_not_served() -> None:
    spans = [BEGIN, sent("1", "runs/create"), served("2", "1", "proxy"), asked("3", "2")]
    assert traced(*spans).unserved() == ["runs/create"]


def test_requests_are_the_programs_own_and_told_by_their_path_where_they_are_no_call() -> None:
    found = traced(*WHOLE, sent("7", "", url="http://llm/v1/chat"), sent("8", "runs/create", None))
    assert found.calls() == {"runs/create": 1, "runs/get": 1, "/v1/chat": 1}


def test_requests_that_are_traces_by_themselves_begin_with_no_span_of_the_program() -> None:
    alone = [Trace(n, [sent(n, "runs/create", None), served("2", n)]) for n in "ab"]
    others = Trace("c", [Span("0", None, "cron", "another", {})])
    assert list(begun_by([*alone, others], "agent", "mlflow")) == []
