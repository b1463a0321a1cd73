# SPDX-License-Identifier: Apache-2.0
"""Requests as plain data, and what becomes of them on a server."""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mlflow_conformance.doors.http import send
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.upgrade.otlp import OtlpSpan, OtlpTrace, export
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, pairs

API = MlflowApi("http://127.0.0.1:1", send, {"Authorization": "Basic x"}, 5)


def test_a_get_has_its_fields_in_the_query() -> None:
    sent = ApiCall.get("runs/get", run_id="a b").request(API)
    assert sent.url == "http://127.0.0.1:1/api/2.0/mlflow/runs/get?run_id=a+b"
    assert (sent.method, sent.body) == ("GET", None)
    assert dict(sent.headers) == {"Authorization": "Basic x"}


def test_a_post_has_them_in_its_body() -> None:
    sent = ApiCall.post("datasets/create", "3.0", name="n", version="7").request(API)
    assert sent.url == "http://127.0.0.1:1/api/3.0/mlflow/datasets/create"
    assert sent.body == b'{"name": "n", "version": "7"}'
    assert sent.headers["Content-Type"] == "application/json"


def test_own_headers_come_before_those_of_the_door() -> None:
    call = ApiCall(method="GET", path="/x", headers={"Authorization": "Basic y"})
    assert call.request(API).headers["Authorization"] == "Basic y"


def test_a_thing_survives_being_written_down() -> None:
    thing = GivenThing(
        kind="run", name="r",
        reads=[ReadBack(call=ApiCall.get("runs/get"), at="run", says={"tags": pairs({"a": "b"})})],
    )  # fmt: skip
    assert GivenThing.model_validate_json(thing.model_dump_json()) == thing


def test_traces_are_sent_as_an_exporter_does() -> None:
    spans = [
        OtlpSpan("root", None, 10, 20, {"route": "fast", "usage": {"total_tokens": 3}}),
        OtlpSpan("child", 0, 11, 12, failed="no such row"),
    ]
    trace = OtlpTrace(0xABC, spans)
    sent = export("7", [trace]).request(API)
    assert sent.headers["x-mlflow-experiment-id"] == "7"
    assert sent.headers["Content-Type"] == "application/x-protobuf"
    message = ExportTraceServiceRequest()
    message.ParseFromString(sent.body or b"")
    root, child = message.resource_spans[0].scope_spans[0].spans
    assert trace.trace_id == f"tr-{root.trace_id.hex()}"
    assert child.parent_span_id == root.span_id != child.span_id
    assert root.parent_span_id == b""
    assert [a.value.string_value for a in root.attributes] == ["fast", '{"total_tokens": 3}']
    assert (child.status.code, child.status.message) == (2, "no such row")
