# SPDX-License-Identifier: Apache-2.0
"""Traces with their spans, assessments, tags and links."""

import hashlib
import json
from typing import Any

from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.otlp import OtlpSpan, OtlpTrace, export, location_of
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep

_BEGAN = 1_700_000_000_000_000_000
_USAGE = {"input_tokens": 12, "output_tokens": 30, "total_tokens": 42}
_COST = {"input_cost": 0.25, "output_cost": 0.5, "total_cost": 0.75}


def trace_of(text: str) -> OtlpTrace:
    """A trace of two spans whose ID is made from a text; its session is the text."""
    number = int(hashlib.sha256(text.encode()).hexdigest()[:32], 16)
    root = OtlpSpan(
        name=f"answer {text}", parent=None, start_ns=_BEGAN, end_ns=_BEGAN + 5_000_000,
        attributes={
            "mlflow.spanType": "CHAIN", "mlflow.spanInputs": {"question": "größe ☃"},
            "mlflow.spanOutputs": {"answer": 2}, "session.id": text, "user.id": "ada",
            "mlflow.trace.session": text, "mlflow.trace.user": "ada",
        },
    )  # fmt: skip
    model = OtlpSpan(
        name="chat", parent=0, start_ns=_BEGAN + 1_000_000, end_ns=_BEGAN + 2_000_000,
        failed="no such row",
        attributes={
            "mlflow.spanType": "CHAT_MODEL", "mlflow.chat.tokenUsage": _USAGE,
            "mlflow.llm.model": "größe-1", "mlflow.llm.provider": "nobody",
            "mlflow.llm.cost": _COST, "route": "fast",
        },
    )  # fmt: skip
    return OtlpTrace(number, [root, model])


def trace(make: Maker, name: str) -> GivenThing:
    """A trace that OpenTelemetry's exporter sent, with tokens, cost, a model and a session."""
    sent = trace_of(name)
    make.done(export(make.experiment, [sent]))
    own = sent.trace_id
    tag = {"key": "stage", "value": "test"}
    make.done(ApiCall.patch(f"traces/{own}/tags", "3.0", **tag))
    get = ApiCall.get("traces/get", "3.0", trace_id=own)
    other = {"key": "stage", "value": "other"}
    return GivenThing(
        kind="trace", name=own,
        reads=[
            ReadBack(call=get, at="trace.trace_info", says=_info(sent, name, make.experiment)),
            ReadBack(call=get, at="trace.spans", says=[
                {"name": sent.spans[0].name, "status": {"code": "STATUS_CODE_OK"}},
                {"name": "chat", "status": {
                    "code": "STATUS_CODE_ERROR", "message": "no such row",
                }},
            ]),
        ],
        finds=[
            _found(make, own, text)
            for text in (
                f"span.name = 'answer {name}'", f"metadata.`mlflow.trace.session` = '{name}'",
                "tags.stage = 'test'",
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.patch(f"traces/{own}/tags", "3.0", **other),
                then=ReadBack(call=get, at="trace.trace_info.tags", says={"stage": "other"}),
            )
        ],
        removes=[_removed(make, own)],
    )  # fmt: skip


def started_trace(make: Maker, name: str) -> GivenThing:
    """A trace as MLflow's client sends it: its head by the API of traces, its spans by OTLP."""
    sent = trace_of(name)
    own = sent.trace_id
    info: dict[str, Any] = {
        "trace_id": own, "request_preview": '"größe"', "response_preview": '"2"', "state": "OK",
        "request_time": "2023-11-14T22:13:20Z", "execution_duration": "1.500s",
        "trace_metadata": {
            "mlflow.trace.session": name, "mlflow.trace.user": "ada", "round": "1",
            "mlflow.sourceRun": make.run,
        },
        "tags": {"mlflow.traceName": f"started {name}", "team": "ml ops"},
    }  # fmt: skip
    location = location_of(make.experiment)
    make.post("traces", "3.0", trace={"trace_info": {**info, "trace_location": location}})
    make.done(export(make.experiment, [sent]))
    get = ApiCall.get(f"traces/{own}", "3.0")
    return GivenThing(
        kind="started trace", name=own,
        reads=[
            ReadBack(call=get, at="trace.trace_info", says=info),
            ReadBack(
                call=ApiCall.get("traces/get", "3.0", trace_id=own), at="trace.spans",
                says=[{"name": span.name} for span in sent.spans],
            ),
        ],
        finds=[
            _found(make, own, f"metadata.`mlflow.trace.session` = '{name}'"),
            _found(make, own, f"trace.name = 'started {name}'"),
        ],
        changes=[
            UseStep(
                call=ApiCall.delete(f"traces/{own}/tags", "3.0", key="team"),
                then=ReadBack(
                    call=get, at="trace.trace_info.tags",
                    says={"mlflow.traceName": f"started {name}"},
                ),
            )
        ],
        removes=[_removed(make, own)],
    )  # fmt: skip


def feedback(make: Maker, name: str) -> GivenThing:
    """Feedback on a trace."""
    body = {
        "assessment_name": "right", "source": {"source_type": "HUMAN", "source_id": "ada"},
        "feedback": {"value": True}, "rationale": "größe", "metadata": {"round": "1"},
    }  # fmt: skip
    return _assessment(make, name, "feedback", body, {"feedback": {"value": False}})


def expectation(make: Maker, name: str) -> GivenThing:
    """What somebody expects of a trace."""
    body = {
        "assessment_name": "wanted", "source": {"source_type": "HUMAN", "source_id": "bob"},
        "expectation": {"value": "größe"},
    }  # fmt: skip
    return _assessment(make, name, "expectation", body, {"expectation": {"value": "other"}})


def _assessment(
    make: Maker, name: str, kind: str, body: dict[str, Any], other: dict[str, Any]
) -> GivenThing:
    sent = trace_of(name)
    make.done(export(make.experiment, [sent]))
    path = f"traces/{sent.trace_id}/assessments"
    made = make.post(path, "3.0", assessment={"trace_id": sent.trace_id, **body})
    number = made["assessment"]["assessment_id"]
    own, get = f"{path}/{number}", ApiCall.get(f"{path}/{number}", "3.0")
    change = ApiCall.patch(
        own, "3.0", assessment={"assessment_id": number, "trace_id": sent.trace_id, **other},
        update_mask=kind,
    )  # fmt: skip
    return GivenThing(
        kind=kind, name=number,
        reads=[
            ReadBack(call=get, at="assessment", says=body),
            ReadBack(
                call=ApiCall.get("traces/get", "3.0", trace_id=sent.trace_id),
                at="trace.trace_info.assessments", says=[body],
            ),
        ],
        changes=[UseStep(call=change, then=ReadBack(call=get, at="assessment", says=other))],
        removes=[UseStep(call=ApiCall.delete(own, "3.0"), then=ReadBack(call=get, status=404))],
    )  # fmt: skip


def _info(sent: OtlpTrace, session: str, experiment: str) -> dict[str, Any]:
    return {
        "trace_id": sent.trace_id, "state": "OK",
        "trace_location": {"mlflow_experiment": {"experiment_id": experiment}},
        "trace_metadata": {
            "mlflow.trace.session": session, "mlflow.trace.user": "ada",
            "mlflow.trace.tokenUsage": json.dumps(_USAGE), "mlflow.trace.cost": json.dumps(_COST),
        },
        "tags": {"stage": "test"},
    }  # fmt: skip


def _found(make: Maker, own: str, text: str) -> ReadBack:
    location = location_of(make.experiment)
    call = ApiCall.post("traces/search", "3.0", locations=[location], filter=text, max_results=100)
    return ReadBack(call=call, at="traces", says=[{"trace_id": own}])


def _removed(make: Maker, own: str) -> UseStep:
    return UseStep(
        call=ApiCall.post(
            "traces/delete-traces", "3.0", experiment_id=make.experiment, request_ids=[own]
        ),
        then=ReadBack(call=ApiCall.get(f"traces/{own}", "3.0"), status=404),
    )


KINDS = {
    "trace": trace,
    "started trace": started_trace,
    "feedback": feedback,
    "expectation": expectation,
}
"""The kinds of tracing."""
