# SPDX-License-Identifier: Apache-2.0
"""Answers of Jaeger, as its query service gives them, and what a trace says of a caller."""

import pytest

from mlflow_conformance.doors.jaeger import Jaeger, JaegerRefused, Span, Trace
from senders import Always, Asked

CALLER = "00000000000000d1"


def answering(status: int, body: object) -> tuple[Jaeger, list[Asked]]:
    """A Jaeger that always says the same, and what it was asked."""
    server = Always(status, body)
    return Jaeger(server, "http://j:16686", 5), server.asked


def span(number: str, parent: str | None, **tags: str) -> Span:
    return Span(
        number, parent, "GET", "mlflow", {key.replace("_", "."): v for key, v in tags.items()}
    )


def test_a_trace_is_read_with_its_parents_and_its_service() -> None:
    said = {
        "traceID": "abc1",
        "spans": [
            {
                "spanID": "1e",
                "operationName": "GET",
                "processID": "p1",
                "references": [{"refType": "CHILD_OF", "traceID": "abc1", "spanID": "d1"}],
                "tags": [
                    {"key": "span.kind", "type": "string", "value": "server"},
                    {"key": "net.host.port", "type": "int64", "value": 5000},
                ],
            },
            {
                "spanID": "2e", "operationName": "later", "processID": "p1", "tags": [],
                "references": [{"refType": "FOLLOWS_FROM", "traceID": "abc1", "spanID": "1e"}],
            },
        ],
        "processes": {"p1": {"serviceName": "mlflow", "tags": []}},
    }  # fmt: skip
    jaeger, asked = answering(200, {"data": [said], "errors": None})
    trace = jaeger.trace(f"{0xABC1:032x}")
    assert trace is not None
    assert trace.id == f"{0xABC1:032x}"
    first, second = trace.spans
    assert (first.id, first.parent, first.service) == (f"{0x1E:016x}", CALLER, "mlflow")
    assert (second.parent, first.tags["net.host.port"]) == (None, "5000")
    assert trace.served(CALLER) == first
    assert [str(a) for a in asked] == [f"GET http://j:16686/api/traces/{0xABC1:032x}"]


def test_a_trace_that_has_not_arrived_is_none() -> None:
    jaeger, _ = answering(404, {"data": None, "errors": [{"code": 404, "msg": "trace not found"}]})
    assert jaeger.trace("1" * 32) is None


def test_the_newest_are_asked_for_in_microseconds() -> None:
    jaeger, asked = answering(200, {"data": []})
    assert jaeger.newest("ml flow", 1.5, 2, 10) == []
    (question,) = asked
    assert question.url.endswith("/api/traces?service=ml+flow&start=1500000&end=2000000&limit=10")


@pytest.mark.parametrize("body", [{"errors": [{"msg": "no such"}]}, "no JSON", "[]"])
def test_a_refusal_is_told_with_what_was_said(body: object) -> None:
    jaeger, _ = answering(500, body)
    with pytest.raises(JaegerRefused, match="Jaeger answered 500 to traces"):
        jaeger.newest("mlflow", 0, 1, 1)


def test_only_a_child_of_the_caller_is_its_request() -> None:
    child = span("1", CALLER, span_kind="server")
    assert Trace("t", [span("2", "1", span_kind="server"), child]).served(CALLER) == child
    assert Trace("t", [span("1", CALLER, span_kind="client")]).served(CALLER) is None
    assert Trace("t", [span("1", None, span_kind="server")]).served(CALLER) is None


@pytest.mark.parametrize(
    ("statement", "asked"),
    [
        (span("3", "2", db_system="postgresql"), True),
        (Span("3", "2", "SELECT", "mlflow", {"db.system.name": "postgresql"}), True),
        (span("3", "9", db_system="postgresql"), False),
        (span("3", "2", net_peer="postgresql"), False),
    ],
)
def test_a_statement_counts_below_its_request_alone(statement: Span, asked: bool) -> None:
    trace = Trace("t", [statement, span("2", "1"), span("1", CALLER, span_kind="server")])
    assert trace.asks_database(CALLER) is asked
    assert not trace.asks_database("9")


@pytest.mark.parametrize("tag", ["url.full", "http.url"])
def test_a_request_tells_where_it_went(tag: str) -> None:
    sent = Span("1", None, "POST", "agent", {tag: "http://m:5000/x", "span.kind": "client"})
    assert (sent.asks, sent.address) == (True, "http://m:5000/x")
    assert (span("1", None).asks, span("1", None).address) == (False, "")


def test_spans_that_are_parents_of_each_other_end() -> None:
    top = span("1", "2", span_kind="server")
    assert [s.id for s in Trace("t", [top, span("2", "1")]).below(top)] == ["2"]


def test_a_text_is_found_in_the_attributes_of_any_span() -> None:
    trace = Trace("t", [span("1", None), span("2", "1", http_user_agent="check-7")])
    assert trace.mentions("check-7")
    assert not trace.mentions("check-8")
