# SPDX-License-Identifier: Apache-2.0
"""Runs and traces as the database holds them."""

import json
from typing import Any

from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.tracking.written import (
    OWN,
    SESSION,
    RunContent,
    TraceContent,
    given_metadata,
)


def stored_run(sql: Sql, run_id: str) -> RunContent:
    """A run by its rows; what has no row is empty.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    names = ("name", "status", "user", "stage", "start_time", "end_time")
    rows = sql.rows(
        "SELECT name, status, user_id, lifecycle_stage, start_time, end_time FROM runs "
        "WHERE run_uuid = %s",
        run_id,
    )
    datasets = sql.rows(
        "SELECT d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, "
        "d.dataset_profile, (SELECT json_object_agg(t.name, t.value) FROM input_tags t "
        "WHERE t.input_uuid = i.input_uuid)::text FROM inputs i "
        "JOIN datasets d ON d.dataset_uuid = i.source_id WHERE i.destination_id = %s",
        run_id,
    )
    fields = ("name", "digest", "source_type", "source", "schema", "profile")
    return RunContent(
        info=dict(zip(names, rows[0], strict=True)) if rows else {},
        params=dict(sql.rows("SELECT key, value FROM params WHERE run_uuid = %s", run_id)),
        latest={
            key: rest
            for key, *rest in sql.rows(
                "SELECT key, step, timestamp, value FROM latest_metrics WHERE run_uuid = %s", run_id
            )
        },
        tags=dict(sql.rows("SELECT key, value FROM tags WHERE run_uuid = %s", run_id)),
        datasets=[
            {**dict(zip(fields, row, strict=True)), "tags": json.loads(tags or "{}")}
            for *row, tags in datasets
        ],
    )


def stored_history(sql: Sql, run_id: str) -> list[list[Any]]:
    """Every value of every metric of a run: key, step, timestamp and value."""
    rows = sql.rows("SELECT key, step, timestamp, value FROM metrics WHERE run_uuid = %s", run_id)
    # Not by the database, which may order letters as a language does.
    return sorted(rows, key=lambda row: row[:2])


def stored_trace(sql: Sql, trace_id: str) -> TraceContent:
    """A trace by its rows; what has no row is empty.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    rows = sql.rows(
        "SELECT status, timestamp_ms, execution_time_ms, request_preview, response_preview "
        "FROM trace_info WHERE request_id = %s",
        trace_id,
    )
    tags = dict(sql.rows("SELECT key, value FROM trace_tags WHERE request_id = %s", trace_id))
    metadata = dict(
        sql.rows("SELECT key, value FROM trace_request_metadata WHERE request_id = %s", trace_id)
    )
    # MLflow keeps a session in a column of its own, versions before 3.17 among the others.
    (session,) = sql.column(
        "SELECT to_jsonb(t) ->> 'session_id' FROM trace_info t WHERE request_id = %s", trace_id
    ) or [None]
    if session is not None:
        metadata[SESSION] = session
    info: dict[str, Any] = {}
    for state, start, duration, request, response in rows:
        info = {
            "state": state, "start_ms": start, "duration_ms": duration,
            "request": json.loads(request or "null"), "response": json.loads(response or "null"),
            "tags": {k: v for k, v in tags.items() if not k.startswith(OWN)},
            "metadata": given_metadata(metadata),
        }  # fmt: skip
    return TraceContent(info, _spans(sql, trace_id), _assessments(sql, trace_id))


def _spans(sql: Sql, trace_id: str) -> dict[str, Any]:
    rows = sql.rows(
        "SELECT s.name, p.name, s.type, s.status, s.start_time_unix_nano, s.end_time_unix_nano, "
        "s.content FROM spans s LEFT JOIN spans p "
        "ON p.trace_id = s.trace_id AND p.span_id = s.parent_span_id WHERE s.trace_id = %s",
        trace_id,
    )
    found = {}
    for name, parent, kind, status, start, end, content in rows:
        kept = json.loads(content)
        attributes = {k: json.loads(v) for k, v in kept.get("attributes", {}).items()}
        found[name] = {
            "parent": parent, "type": kind, "status": status,
            "message": kept.get("status", {}).get("message", ""), "start_ns": start, "end_ns": end,
            "inputs": attributes.get("mlflow.spanInputs"),
            "outputs": attributes.get("mlflow.spanOutputs"),
            "attributes": {k: v for k, v in attributes.items() if not k.startswith(OWN)},
            "events": [
                {"name": e["name"], "time_ns": e["time_unix_nano"], "attributes": e["attributes"]}
                for e in kept.get("events", [])
            ],
        }  # fmt: skip
    return found


def _assessments(sql: Sql, trace_id: str) -> dict[str, Any]:
    rows = sql.rows(
        "SELECT name, assessment_type, value, source_type, source_id, rationale, "
        "assessment_metadata FROM assessments WHERE trace_id = %s",
        trace_id,
    )
    return {
        name: {
            "kind": kind, "value": json.loads(value), "source": [source_type, source_id],
            "rationale": rationale or "", "metadata": json.loads(metadata or "{}"),
        }
        for name, kind, value, source_type, source_id, rationale, metadata in rows
    }  # fmt: skip
