# SPDX-License-Identifier: Apache-2.0
"""Many runs and traces: what makes a database as large as a team's.

What each holds follows from the seed and its number, so that nothing needs to be kept of it but
the ID of its run.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import send_many
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, answer
from mlflow_conformance.upgrade.answers import lacking, unlike
from mlflow_conformance.upgrade.otlp import OtlpSpan, OtlpTrace, export, location_of
from mlflow_conformance.upgrade.things import ApiCall, ReadBack, pairs

_BEGAN_MS = 1_700_000_000_000
_STEPS, _SPANS, _TURNS = 10, 5, 4
_AT_ONCE, _CHUNK, _TRACES_A_REQUEST = 8, 200, 20
_CHUNK_S = 300
_PAGE = 500


class Bulk(Strict):
    """What was written.

    Attributes:
        label: what names begin with; with the seed and a number it makes everything else.
        run_ids: by the runs' numbers; there are as many traces.
    """

    experiment_id: str
    label: str
    seed: int
    run_ids: list[str]


@dataclass(frozen=True)
class _Run:
    """One run of the bulk, by its number."""

    label: str
    seed: int
    number: int

    @property
    def name(self) -> str:
        return f"{self.label}-{self.number}"

    def _numbers(self, of: str) -> random.Random:
        return random.Random(f"{self.seed}/{self.number}/{of}")  # noqa: S311 - no secret

    def fields(self) -> dict[str, Any]:
        numbers = self._numbers("run")
        values = [numbers.random() for _ in range(_STEPS)]
        return {
            "metrics": [
                {"key": "loss", "value": v, "timestamp": _BEGAN_MS + n, "step": n}
                for n, v in enumerate(values)
            ],
            "params": pairs({f"p{n}": f"{numbers.random():.6f}" for n in range(5)}),
            "tags": pairs({"number": str(self.number), "word": f"größe-{numbers.random():.4f}"}),
        }

    def trace(self) -> OtlpTrace:
        """Of a conversation of a few turns: the session is that of all its traces."""
        numbers = self._numbers("trace")
        digest = hashlib.sha256(f"{self.name}/{self.seed}".encode()).hexdigest()
        start = (_BEGAN_MS + self.number * 1000) * 1_000_000
        usage = {"input_tokens": numbers.randrange(99), "output_tokens": numbers.randrange(99)}
        usage["total_tokens"] = sum(usage.values())
        root = OtlpSpan(self.name, None, start, start + 5_000_000_000, {
            "mlflow.spanType": "CHAIN", "mlflow.trace.session": self.session,
            "session.id": self.session, "mlflow.spanInputs": {"n": self.number},
            "mlflow.spanOutputs": {"text": "x" * numbers.randrange(400)},
        })  # fmt: skip
        inner = [
            OtlpSpan(f"step {n}", 0, start + n, start + n * 1_000_000, {
                "mlflow.spanType": "CHAT_MODEL", "mlflow.llm.model": f"model-{n}",
                "mlflow.llm.provider": "nobody", "mlflow.chat.tokenUsage": usage,
                "mlflow.spanInputs": {"messages": ["y" * numbers.randrange(200)]},
            })
            for n in range(1, _SPANS)
        ]  # fmt: skip
        return OtlpTrace(int(digest[:32], 16), [root, *inner])

    @property
    def named(self) -> bool:
        """Whether MLflow's own client sent its trace, so that it has a name."""
        return self.number % _TURNS == 0

    def info(self) -> dict[str, Any]:
        """Of the trace, as that client sends it."""
        return {
            "trace_id": self.trace().trace_id, "state": "OK",
            "tags": {"mlflow.traceName": self.name},
            "trace_metadata": {"mlflow.trace.session": self.session},
        }  # fmt: skip

    def started(self, experiment: str) -> ApiCall:
        """The request by which that client begins it."""
        began = datetime.fromtimestamp(_BEGAN_MS / 1000 + self.number, UTC).isoformat()
        more = {
            "trace_location": location_of(experiment), "request_time": began,
            "execution_duration": "5s",
        }  # fmt: skip
        return ApiCall.post("traces", "3.0", trace={"trace_info": {**self.info(), **more}})

    @property
    def session(self) -> str:
        return f"{self.label}-session-{self.number // _TURNS}"


def write_bulk(
    inside: Inside, api: MlflowApi, label: str, runs: int, seed: int, *, traces: bool
) -> Bulk:
    """Write `runs` runs and as many traces, many at once.

    Raises:
        ApiError: MLflow refused one.
        NoReply: one got no complete reply.
        InsideFailed: the runner did not answer.
    """
    made = answer("experiments/create", api.post("experiments/create", name=f"{label}-bulk"))
    experiment: str = made["experiment_id"]
    many = [_Run(label, seed, number) for number in range(runs)]
    created = _all(inside, api, (
        ApiCall.post(
            "runs/create", experiment_id=experiment, run_name=run.name, start_time=_BEGAN_MS
        )
        for run in many
    ))  # fmt: skip
    run_ids: list[str] = [each["run"]["info"]["run_id"] for each in created]
    _all(inside, api, (
        ApiCall.post("runs/log-batch", run_id=run_id, **run.fields())
        for run, run_id in zip(many, run_ids, strict=True)
    ))  # fmt: skip
    if traces:
        _all(inside, api, (run.started(experiment) for run in many if run.named))
        sent = (run.trace() for run in many)
        _all(inside, api, (
            export(experiment, batch) for batch in iter(lambda: list(_first(sent)), [])
        ))  # fmt: skip
    return Bulk(experiment_id=experiment, label=label, seed=seed, run_ids=run_ids)


def _first(sent: Iterator[OtlpTrace]) -> Iterator[OtlpTrace]:
    return islice(sent, _TRACES_A_REQUEST)


def _all(inside: Inside, api: MlflowApi, calls: Iterator[ApiCall]) -> list[dict[str, Any]]:
    answers = []
    while chunk := list(islice(calls, _CHUNK)):
        requests = [call.request(api) for call in chunk]
        outcomes = send_many(inside, requests, concurrency=_AT_ONCE, patience_s=_CHUNK_S)
        for call, outcome in zip(chunk, outcomes, strict=True):
            reply = outcome.need_reply()
            plain = reply.status == 200 and call.data is not None  # OTLP answers in protobuf
            answers.append({} if plain else answer(str(call), reply))
    return answers


def unread_runs(api: MlflowApi, bulk: Bulk) -> list[str]:
    """What of the runs is no longer read by searching for all of them, page by page.

    A page that is refused is told as such, and nothing else then.

    Raises:
        NoReply: a page got no complete reply.
    """
    asked = {"experiment_ids": [bulk.experiment_id]}
    try:
        pages = list(_pages(api, "runs/search", "2.0", "runs", **asked))
    except ApiError as problem:
        return [brief(str(problem))]
    found = {entry["info"]["run_id"]: entry for entry in pages}
    return [
        text
        for run, run_id in _numbered(bulk)
        for text in lacking(_run_says(run, run_id), found.get(run_id, {}), f"run {run_id}")
    ]


def _run_says(run: _Run, run_id: str) -> dict[str, Any]:
    fields = run.fields()
    return {
        "info": {"run_id": run_id, "run_name": run.name, "lifecycle_stage": "active"},
        "data": {**fields, "metrics": fields["metrics"][-1:]},
    }


def unread_traces(api: MlflowApi, bulk: Bulk) -> list[str]:
    """What of the traces is no longer read by searching for all of them, page by page.

    A page that is refused is told as such, and nothing else then.

    Raises:
        NoReply: a page got no complete reply.
    """
    asked = {"locations": [location_of(bulk.experiment_id)]}
    try:
        pages = list(_pages(api, "traces/search", "3.0", "traces", **asked))
    except ApiError as problem:
        return [brief(str(problem))]
    found = {entry["trace_id"]: entry for entry in pages}
    return [
        text
        for run, _ in _numbered(bulk)
        for text in lacking(
            _trace_says(run), found.get(run.trace().trace_id, {}), f"trace {run.trace().trace_id}"
        )
    ]


def _trace_says(run: _Run) -> dict[str, Any]:
    says = run.info()
    return says if run.named else {**says, "tags": {}}


def unread_parts(api: MlflowApi, bulk: Bulk, numbers: Sequence[int], *, traces: bool) -> list[str]:
    """What is no longer read of the histories and the spans of some of them, one by one."""
    many = dict(enumerate(_numbered(bulk)))
    readings = []
    for run, run_id in (many[number] for number in numbers):
        history = ApiCall.get("metrics/get-history", run_id=run_id, metric_key="loss")
        readings.append(ReadBack(call=history, at="metrics", says=run.fields()["metrics"]))
        if traces:
            get = ApiCall.get("traces/get", "3.0", trace_id=run.trace().trace_id)
            readings.append(ReadBack(call=get, at="trace.spans", says=_span_says(run.trace())))
    return [text for reading in readings for text in unlike(reading, reading.call.sent(api))]


def _span_says(trace: OtlpTrace) -> list[Any]:
    return [{"name": s.name, "start_time_unix_nano": s.start_ns} for s in trace.spans]


def _numbered(bulk: Bulk) -> list[tuple[_Run, str]]:
    return [
        (_Run(bulk.label, bulk.seed, number), run_id) for number, run_id in enumerate(bulk.run_ids)
    ]


def _pages(
    api: MlflowApi, call: str, version: str, at: str, **fields: Any
) -> Iterator[Mapping[str, Any]]:
    token = ""
    while True:
        more = {"page_token": token} if token else {}
        sent = ApiCall.post(call, version, **fields, **more, max_results=_PAGE)
        page = answer(call, sent.sent(api))
        yield from page.get(at, [])
        token = page.get("next_page_token", "")
        if not token:
            return
