# SPDX-License-Identifier: Apache-2.0
"""Traces as OpenTelemetry's exporters send them (OTLP over HTTP, protobuf).

The form is that of opentelemetry-proto's ``ExportTraceServiceRequest``; MLflow documents which
attributes it reads (``mlflow.spanInputs``, ``mlflow.chat.tokenUsage``, …).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from mlflow_conformance.upgrade.things import ApiCall

PATH = "/v1/traces"
_MEDIA = "application/x-protobuf"


@dataclass(frozen=True)
class OtlpSpan:
    """One span; times in nanoseconds.

    Attributes:
        parent: the place of its parent among the trace's spans; None for the root.
        attributes: by key, as values that JSON has; what MLflow reads as JSON is JSON text.
    """

    name: str
    parent: int | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class OtlpTrace:
    """One trace; `number` makes its ID, which is unique among all that a label makes."""

    number: int
    spans: Sequence[OtlpSpan]

    @property
    def trace_id(self) -> str:
        """As MLflow calls it."""
        return f"tr-{self.number:032x}"

    def span_id(self, place: int) -> bytes:
        """Of the span at this place."""
        return ((self.number + place) % (1 << 63) + 1).to_bytes(8, "big")


def export(experiment: str, traces: Sequence[OtlpTrace]) -> ApiCall:
    """The one request that sends these traces."""
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    for trace in traces:
        for place, span in enumerate(trace.spans):
            spans.append(_span(trace, place, span))
    return ApiCall.bytes_of(
        "POST", PATH, message.SerializeToString(), _MEDIA, **{"x_mlflow_experiment_id": experiment}
    )


def location_of(experiment: str) -> dict[str, Any]:
    """Where traces of an experiment are, as the API of traces says it."""
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def _span(trace: OtlpTrace, place: int, span: OtlpSpan) -> ProtoSpan:
    code = Status.STATUS_CODE_ERROR if span.failed else Status.STATUS_CODE_OK
    made = ProtoSpan(
        trace_id=trace.number.to_bytes(16, "big"), span_id=trace.span_id(place), name=span.name,
        parent_span_id=b"" if span.parent is None else trace.span_id(span.parent),
        start_time_unix_nano=span.start_ns, end_time_unix_nano=span.end_ns,
        status=Status(code=code, message=span.failed),
    )  # fmt: skip
    for key, value in span.attributes.items():
        entry = made.attributes.add(key=key)
        entry.value.string_value = value if isinstance(value, str) else json.dumps(value)
    return made
