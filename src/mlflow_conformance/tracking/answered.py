# SPDX-License-Identifier: Apache-2.0
"""Runs and traces as MLflow's API answers them."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlflow_conformance.tracking.written import OWN, RunContent, TraceContent, given_metadata

_STATUS = "STATUS_CODE_"


def answered_run(run: Mapping[str, Any]) -> RunContent:
    """A run as `runs/get` and `runs/search` give it; what is left out is empty."""
    info, data = run.get("info", {}), run.get("data", {})
    return RunContent(
        info={
            "name": info.get("run_name"), "status": info.get("status"),
            "user": info.get("user_id"), "stage": info.get("lifecycle_stage"),
            "start_time": _number(info.get("start_time")),
            "end_time": _number(info.get("end_time")),
        },
        params=pairs(data.get("params", [])),
        latest={
            m["key"]: [int(m.get("step", 0)), int(m["timestamp"]), m["value"]]
            for m in data.get("metrics", [])
        },
        tags=pairs(data.get("tags", [])),
        datasets=[
            {**one.get("dataset", {}), "tags": pairs(one.get("tags", []))}
            for one in run.get("inputs", {}).get("dataset_inputs", [])
        ],
    )  # fmt: skip


def answered_history(metrics: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """A history as `metrics/get-history` gives it: key, step, timestamp and value."""
    return [[m["key"], int(m.get("step", 0)), int(m["timestamp"]), m["value"]] for m in metrics]


def answered_trace(trace: Mapping[str, Any]) -> TraceContent:
    """A trace as `traces/get` gives it; what is left out is empty."""
    info = trace.get("trace_info", {})
    began = info.get("request_time")
    return TraceContent(
        info={
            "state": info.get("state"),
            "start_ms": round(datetime.fromisoformat(began).timestamp() * 1000) if began else None,
            "duration_ms": round(float(info.get("execution_duration", "0s")[:-1]) * 1000),
            "request": json.loads(info.get("request_preview") or "null"),
            "response": json.loads(info.get("response_preview") or "null"),
            "tags": {k: v for k, v in info.get("tags", {}).items() if not k.startswith(OWN)},
            "metadata": given_metadata(info.get("trace_metadata", {})),
        },
        spans=_spans(trace.get("spans", [])),
        assessments={a["assessment_name"]: _assessment(a) for a in info.get("assessments", [])},
    )


def pairs(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Values by their keys; a value that is left out is empty."""
    return {item["key"]: item.get("value", "") for item in items}


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))


def _spans(spans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = {s["span_id"]: s["name"] for s in spans}
    found = {}
    for span in spans:
        attributes = _values(span.get("attributes", []))
        status = span.get("status", {})
        found[span["name"]] = {
            "parent": names.get(span.get("parent_span_id", "")),
            "type": attributes.get("mlflow.spanType"),
            "status": status.get("code", "").removeprefix(_STATUS),
            "message": status.get("message", ""),
            "start_ns": int(span["start_time_unix_nano"]),
            "end_ns": int(span["end_time_unix_nano"]),
            "inputs": attributes.get("mlflow.spanInputs"),
            "outputs": attributes.get("mlflow.spanOutputs"),
            "attributes": {k: v for k, v in attributes.items() if not k.startswith(OWN)},
            "events": [
                {"name": e["name"], "time_ns": int(e["time_unix_nano"]),
                 "attributes": _values(e.get("attributes", []))}
                for e in span.get("events", [])
            ],
        }  # fmt: skip
    return found


def _values(attributes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {a["key"]: _value(a.get("value", {})) for a in attributes}


def _value(value: Mapping[str, Any]) -> Any:
    """What an `AnyValue` of OpenTelemetry stands for."""
    match dict(value):
        case {"int_value": number}:
            return int(number)
        case {"array_value": listed}:
            return [_value(v) for v in listed.get("values", [])]
        case {"kvlist_value": listed}:
            return _values(listed.get("values", []))
        case {"bytes_value": text}:
            return base64.b64decode(text).decode("utf-8", "replace")
        case other:
            return next(iter(other.values()), None)


def _assessment(said: Mapping[str, Any]) -> dict[str, Any]:
    source = said.get("source", {})
    kind = "feedback" if "feedback" in said else "expectation"
    told = said.get(kind, {})
    if serialized := told.get("serialized_value"):
        value = json.loads(serialized["value"])
    else:
        value = told.get("value")
    return {
        "kind": kind, "value": value,
        "source": [source.get("source_type"), source.get("source_id")],
        "rationale": said.get("rationale", ""), "metadata": said.get("metadata", {}),
    }  # fmt: skip
