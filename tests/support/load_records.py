# SPDX-License-Identifier: Apache-2.0
"""Makes records of load without a server."""

from collections.abc import Callable, Iterable
from pathlib import Path

from mlflow_conformance.load.arrivals import Process, RateStep, times
from mlflow_conformance.load.records import (
    End,
    Failure,
    Header,
    Record,
    RecordWriter,
    encode,
)
from mlflow_conformance.load.run_record import RunRecord, read_run

US = 1_000_000
Answer = Callable[[float], tuple[float, int, Failure]]
"""Planned second to service time in seconds, status and failure."""


def healthy(_at: float) -> tuple[float, int, Failure]:
    return 0.005, 200, ""


def header(**changed: object) -> Header:
    fields: dict[str, object] = {
        "workload": "probe",
        "connection": "close",
        "arrivals": "constant",
        "timeout_s": 10.0,
        "steps": [RateStep(rate=50, duration_s=20)],
        "seed": 1,
        "worker": 0,
        "workers": 1,
        "offered": 1000,
        "realtime": False,
        "operations": ["get-run"],
        "started": 1_800_000_000.0,
    }
    return Header.model_validate({**fields, **changed})


def records(
    answer: Answer,
    *,
    rate: float = 50,
    seconds: float = 20,
    process: Process = "constant",
    late_us: int = 500,
) -> list[Record]:
    made = []
    for at in times([RateStep(rate=rate, duration_s=seconds)], process, 1):
        service, status, failure = answer(at)
        planned = round(at * US)
        sent = planned + late_us
        made.append(Record(planned, sent, sent + round(service * US), 0, status, failure))
    return made


def write(path: Path, header: Header, lines: Iterable[Record], *, end: bool = True) -> Path:
    kept = list(lines)
    with RecordWriter(path) as writer:
        writer.header(header)
        writer.lines("".join(map(encode, kept)))
        if end:
            writer.end(End(requests=len(kept), unsent=header.offered - len(kept)))
    return path


def run(
    folder: Path, answer: Answer, *, rate: float = 50, seconds: float = 20, late_us: int = 500
) -> RunRecord:
    """A whole run of one operation at even intervals."""
    made = records(answer, rate=rate, seconds=seconds, late_us=late_us)
    steps = [RateStep(rate=rate, duration_s=seconds)]
    path = write(folder / "records-0.ndjson.gz", header(steps=steps, offered=len(made)), made)
    return read_run([path])
