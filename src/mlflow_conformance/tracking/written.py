# SPDX-License-Identifier: Apache-2.0
"""One of everything that people log, written with MLflow's client, and what must be read of it.

`Content` is the one shape for all: what was written, what the database holds, what a replica says.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

Json = Mapping[str, Any]
OWN = "mlflow."
"""What the keys begin with that MLflow gives itself, in tags and attributes of traces."""
SESSION = "mlflow.trace.session"
_METADATA = {SESSION: "session/7 ☃", "mlflow.trace.user": "ada", "origin": "größe"}


def given_metadata(metadata: Json) -> dict[str, Any]:
    """Of the metadata of a trace, what its writer gives: MLflow adds keys of its own."""
    return {key: value for key, value in metadata.items() if key in _METADATA}


@dataclass(frozen=True)
class RunContent:
    """A run.

    Attributes:
        info: name, status, user, lifecycle stage, and when it began and ended, milliseconds.
        latest: by key: step, timestamp and value.
        tags: all of them.
        datasets: every field, and the tags of the input.
    """

    info: Json
    params: Json
    latest: Json
    tags: Json
    datasets: Sequence[Json]

    def whole(self) -> dict[str, Any]:
        """All of it at once."""
        return {
            "info": self.info, "params": self.params, "latest": self.latest, "tags": self.tags,
            "datasets": self.datasets,
        }  # fmt: skip


@dataclass(frozen=True)
class TraceContent:
    """A trace.

    Attributes:
        info: state, when it began and how long it took, milliseconds, request, response, tags, and
            metadata: session and user, by which MLflow's pages group traces, among them.
        spans: by name: the parent's name, type, status and message, when it began and ended,
            nanoseconds, inputs, outputs, attributes and events.
        assessments: by name: kind, value, source, rationale and metadata.
    """

    info: Json
    spans: Json
    assessments: Json


@dataclass(frozen=True)
class Written:
    """What was written, and the IDs that MLflow gave it.

    Attributes:
        history: of all metrics, by key and step: key, step, timestamp and value.
    """

    run_id: str
    trace_id: str
    run: RunContent
    history: Sequence[Sequence[Any]]
    trace: TraceContent


def write(client: "MlflowClient", experiment: str) -> Written:
    """Write a run with params, metrics, tags and a dataset, and a trace with two spans.

    Raises:
        MlflowException: MLflow refused it, or did not answer.
    """
    now = time.time_ns() // 1_000_000
    run_id, run, history = _write_run(client, experiment, now)
    trace_id, trace = _write_trace(client, experiment, now)
    return Written(run_id, trace_id, run, history, trace)


def _write_run(
    client: "MlflowClient", experiment: str, now: int
) -> tuple[str, RunContent, list[list[Any]]]:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    # Keys that differ in case alone are two, and so is what a language takes for one letter.
    params = {"learning_rate": "0.1", "größe/名": "ä ☃ 🚀", "empty": "", "lines": "a\n\tb ",
              "Learning_Rate": "0.2"}  # fmt: skip
    values = {"loss": [0.5, 0.25, 1e-300], "accuracy": [1.0], "LOSS": [2.0]}
    tags = {
        "team": "ml ops", "Team": "of another", "unicode": "日本語", "empty": "",
        "mlflow.user": "ada", "mlflow.source.name": "train.py",
        "mlflow.note.content": "# Notes\n\n* one",
    }  # fmt: skip
    info = {
        "name": "written", "status": "FAILED", "user": "ada", "stage": "active",
        "start_time": now - 60_000, "end_time": now - 1,
    }  # fmt: skip
    run_id: str = client.create_run(
        experiment, start_time=now - 60_000, run_name="written", tags=tags
    ).info.run_id
    for key, value in params.items():
        client.log_param(run_id, key, value)
    history: list[list[Any]] = [
        [key, 10 * n, now - 50_000 + n, number]
        for key in sorted(values)
        for n, number in enumerate(values[key])
    ]
    for key, step, timestamp, number in history:
        client.log_metric(run_id, key, number, timestamp=timestamp, step=step)
    fields = {
        "name": "iris", "digest": "d1g35t", "source_type": "local",
        "source": '{"uri": "s3://iris/größe"}', "schema": '{"mlflow_colspec": [{"type": "long"}]}',
        "profile": '{"num_rows": 150}',
    }  # fmt: skip
    inputs = {"mlflow.data.context": "training"}
    client.log_inputs(
        run_id, [DatasetInput(Dataset(**fields), [InputTag(k, v) for k, v in inputs.items()])]
    )
    client.set_terminated(run_id, "FAILED", end_time=now - 1)
    latest: Json = {key: [step, timestamp, number] for key, step, timestamp, number in history}
    content = RunContent(
        info, params, latest, {**tags, "mlflow.runName": "written"}, [{**fields, "tags": inputs}]
    )
    return run_id, content, history


def _write_trace(client: "MlflowClient", experiment: str, now: int) -> tuple[str, TraceContent]:
    import mlflow
    from mlflow.entities import AssessmentSource, SpanEvent, SpanStatus

    began = (now - 1000) * 1_000_000
    root = mlflow.start_span_no_context(
        "traced", span_type="CHAIN", inputs={"question": "größe ☃"}, attributes={"route": "fast"},
        tags={"stage": "test"}, metadata=_METADATA, experiment_id=experiment, start_time_ns=began,
    )  # fmt: skip
    attributes = {"rows": 3, "share": 0.5, "cached": True, "words": ["a", "b"]}
    child = client.start_span(
        "lookup", root.trace_id, root.span_id, span_type="TOOL", inputs={"x": 1},
        attributes=attributes, start_time_ns=began + 1_000_000,
    )  # fmt: skip
    child.add_event(SpanEvent("retried", began + 1_500_000, {"attempt": 2}))
    client.end_span(
        root.trace_id, child.span_id, outputs={"found": [1, 2]},
        status=SpanStatus("ERROR", "no such row"), end_time_ns=began + 2_000_000,
    )  # fmt: skip
    client.end_trace(root.trace_id, outputs={"answer": 2}, end_time_ns=began + 5_000_000)
    client.set_trace_tag(root.trace_id, "later", "日本語")
    mlflow.log_feedback(
        trace_id=root.trace_id, name="right", value=True, rationale="it is so",
        source=AssessmentSource("HUMAN", "ada"), metadata={"round": "1"},
    )  # fmt: skip
    mlflow.log_expectation(
        trace_id=root.trace_id, name="wanted", value={"answer": [1, 2]},
        source=AssessmentSource("HUMAN", "bob"),
    )  # fmt: skip
    info = {
        "state": "OK", "start_ms": now - 1000, "duration_ms": 5,
        "request": {"question": "größe ☃"}, "response": {"answer": 2},
        "tags": {"stage": "test", "later": "日本語"}, "metadata": _METADATA,
    }  # fmt: skip
    spans = {
        "traced": {
            "parent": None, "type": "CHAIN", "status": "OK", "message": "",
            "start_ns": began, "end_ns": began + 5_000_000,
            "inputs": {"question": "größe ☃"}, "outputs": {"answer": 2},
            "attributes": {"route": "fast"}, "events": [],
        },
        "lookup": {
            "parent": "traced", "type": "TOOL", "status": "ERROR", "message": "no such row",
            "start_ns": began + 1_000_000, "end_ns": began + 2_000_000,
            "inputs": {"x": 1}, "outputs": {"found": [1, 2]}, "attributes": attributes,
            "events": [
                {"name": "retried", "time_ns": began + 1_500_000, "attributes": {"attempt": 2}}
            ],
        },
    }  # fmt: skip
    assessments = {
        "right": {
            "kind": "feedback", "value": True, "source": ["HUMAN", "ada"],
            "rationale": "it is so", "metadata": {"round": "1"},
        },
        "wanted": {
            "kind": "expectation", "value": {"answer": [1, 2]}, "source": ["HUMAN", "bob"],
            "rationale": "", "metadata": {},
        },
    }  # fmt: skip
    return root.trace_id, TraceContent(info, spans, assessments)
