# SPDX-License-Identifier: Apache-2.0
"""Traces as clients send them while a deployment is upgraded, and how they are found later.

Two ways lead into MLflow: exporters of OpenTelemetry send spans by OTLP, and MLflow's client first
sends what is known of the trace as a whole (``POST traces``). A trace that was taken counts as kept
only when it is found: by its session, which both ways have, and by its name, which only the second
way gives.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.upgrade.otlp import OtlpSpan, OtlpTrace, export, location_of
from mlflow_conformance.upgrade.things import ApiCall

Kind = Literal["span", "trace"]
By = Literal["name", "session"]
SEARCHES: Mapping[Kind, tuple[By, ...]] = {"span": ("session",), "trace": ("name", "session")}
"""By what a trace of each kind must be found."""

_BEGAN_S = 1_767_225_600  # 2026-01-01: later ones are younger, and none is younger than today
_NS = 1_000_000_000
_PAGE = 500


@dataclass(frozen=True)
class Traces:
    """The traces of one upgrade; the turns of each kind begin with 0.

    Attributes:
        label: name and session of all of them.
    """

    label: str
    experiment_id: str

    def trace_id(self, kind: Kind, turn: int) -> str:
        """As MLflow calls it."""
        return f"tr-{self._number(kind, turn):032x}"

    def call(self, kind: Kind, turn: int) -> ApiCall:
        """The request that sends one."""
        began = _BEGAN_S + turn
        if kind == "span":
            start = began * _NS
            session = {"session.id": self.label}
            root = OtlpSpan(self.label, None, start, start + 5_000_000, session)
            inner = OtlpSpan(f"step {turn}", 0, start + 1_000_000, start + 2_000_000)
            return export(self.experiment_id, [OtlpTrace(self._number(kind, turn), [root, inner])])
        info = {
            "trace_id": self.trace_id(kind, turn),
            "trace_location": location_of(self.experiment_id),
            "request_time": _rfc3339(began),
            "execution_duration": "0.005s",
            "state": "OK",
            "trace_metadata": {
                "mlflow.trace_schema.version": "3",
                "mlflow.trace.session": self.label,
            },
            "tags": {"mlflow.traceName": self.label},
        }
        return ApiCall.post("traces", "3.0", trace={"trace_info": info})

    def search(self, by: By, most: int = _PAGE, page: str = "") -> ApiCall:
        """A search for all of them, the oldest first."""
        what = {
            "name": f"trace.name = '{self.label}'",
            "session": f"metadata.`mlflow.trace.session` = '{self.label}'",
        }[by]
        more = {"page_token": page} if page else {}
        return ApiCall.post(
            "traces/search", "3.0", locations=[location_of(self.experiment_id)], filter=what,
            max_results=most, order_by=["timestamp_ms ASC"], **more,
        )  # fmt: skip

    def found(self, api: MlflowApi, by: By) -> Iterator[str]:
        """The IDs of those that a search finds, page by page.

        Raises:
            ApiError: it was refused.
            NoReply: no complete reply came.
        """
        page = ""
        while True:
            answered = answer("traces/search", self.search(by, page=page).sent(api))
            yield from (str(trace["trace_id"]) for trace in answered.get("traces", []))
            page = answered.get("next_page_token", "")
            if not page:
                return

    def _number(self, kind: Kind, turn: int) -> int:
        digest = hashlib.sha256(f"{self.label}/{kind}/{turn}".encode()).hexdigest()
        return int(digest[:32], 16)


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
