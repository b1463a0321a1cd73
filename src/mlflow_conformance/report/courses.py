# SPDX-License-Identifier: Apache-2.0
"""The record of one fault that alerts are about: what each did when, and what people got then."""

from typing import Literal

from pydantic import AwareDatetime, Field

from mlflow_conformance.config.documents import Strict

RECORD = "alerts over time"
"""Name of the attachment that a check keeps such a record in."""
PAGE = "alerts.html"
"""The page that draws them, beside the evidence."""
MOST_SLICES = 120


class AlertMoments(Strict):
    """What one alert did, in seconds from the record's start; null for what was not seen.

    `fired_s` is when Prometheus or the receiver first said so, whichever was first.
    """

    alert: str
    pending_s: float | None = Field(description="its expression held, and it waited")
    fired_s: float | None
    arrived_s: float | None = Field(description="the receiver was told that it fires")
    resolved_s: float | None = Field(description="the receiver was told that it is over")


class LoadSlice(Strict):
    """The requests that began in one slice of the time."""

    at_s: float
    sent: int
    failed: int = Field(description="of them, without a reply or with one that is none of 2xx")
    p50_s: float | None = Field(description="their duration, failed ones too; null without any")
    max_s: float | None


class CourseRecord(Strict):
    """Alerts over one fault. Seconds count from `started`, where its making began.

    The fault is in effect from `made_s` to `undoing_s`, and over at `over_s`; those that were not
    reached are null. The load has at most 120 slices, without those in which nothing was sent.
    """

    schema_version: Literal["1"] = "1"
    fault: str
    started: AwareDatetime
    made_s: float | None
    undoing_s: float | None
    over_s: float | None
    until_s: float = Field(gt=0)
    alerts: list[AlertMoments]
    slice_s: float = Field(gt=0)
    load: list[LoadSlice] = Field(max_length=MOST_SLICES)
