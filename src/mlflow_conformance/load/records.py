# SPDX-License-Identifier: Apache-2.0
"""The record of a run of load: one line a request, about twelve bytes each on disk.

A file is gzip of JSON lines: a header, one array for each request, and an end. Times are whole
microseconds from the start of the run. A worker writes one file; one without an end was cut short,
and no verdict is built on it. Everything that a report says is computed from these files.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from pydantic import Field, ValidationError

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.closing import Closing
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.load.arrivals import Process, RateStep
from mlflow_conformance.load.workload import Connection

Failure = Literal["", "name", "refused", "reset", "timeout", "tls", "status", "body", "other"]
"""Why a request failed; empty when it did not.

`name`, `refused`, `reset`, `timeout`, `tls` and `other`: no complete reply, as in
`mlflow_conformance.doors.http`. `status`: a reply that is no 2xx. `body`: a 2xx whose body is not
what was asked for.
"""
FAILURES: Sequence[Failure] = get_args(Failure)


class Record(NamedTuple):
    """One request.

    Attributes:
        planned_us: when it was to be sent.
        sent_us: when its sending began.
        done_us: when its reply was complete, or it had failed.
        operation: its place in the header's operations.
        status: HTTP status, or 0 when no complete reply came.
    """

    planned_us: int
    sent_us: int
    done_us: int
    operation: int
    status: int
    failure: Failure

    @property
    def latency_us(self) -> int:
        """From the planned moment, so that waiting for a stalled sender or server counts."""
        return self.done_us - self.planned_us

    @property
    def lateness_us(self) -> int:
        """How long after its planned moment it was sent."""
        return self.sent_us - self.planned_us


class Header(Strict):
    """What a worker was to send."""

    schema_version: Literal["2"] = "2"
    workload: str
    connection: Connection
    arrivals: Process
    timeout_s: float
    steps: list[RateStep]
    seed: int
    worker: int
    workers: int
    offered: int
    realtime: bool = Field(description="the sender had precedence over ordinary processes")
    operations: list[str]
    started: float

    @property
    def start(self) -> datetime:
        """The run's start by the worker's clock."""
        return datetime.fromtimestamp(self.started, UTC)


class End(Strict):
    """The last line of a worker that came to its end."""

    end: Literal["complete"] = "complete"
    requests: int
    unsent: int


class RecordWriter(Closing):
    """Writes one worker's file, so that a process that is killed loses what it had not flushed."""

    def __init__(self, path: Path) -> None:
        self._file = gzip.open(path, "wb", compresslevel=1)  # noqa: SIM115 - closed by `close`

    def header(self, header: Header) -> None:
        """The first line."""
        self.lines(header.model_dump_json() + "\n")

    def lines(self, text: str) -> None:
        """Lines that `encode` made; they can be read when this returns."""
        self._file.write(text.encode("ascii"))
        self._file.flush()

    def end(self, end: End) -> None:
        """The last line."""
        self.lines(end.model_dump_json() + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def encode(record: Record) -> str:
    """One request's line."""
    planned, sent, done, operation, status, failure = record
    return f'[{planned},{sent},{done},{operation},{status},"{failure}"]\n'


@dataclass(frozen=True)
class WorkerRecord:
    """One file, read.

    Attributes:
        end: None when the worker did not come to its end.
    """

    header: Header
    records: Sequence[Record]
    end: End | None


def read(path: Path) -> WorkerRecord:
    """Read one file; a torn end is left out, and the record then has no end.

    Raises:
        Unusable: it is no record of load, or a line in it is not as it must be.
    """
    lines = _whole_lines(path)
    try:
        header = Header.model_validate_json(next(lines, b""))
    except ValidationError as problem:
        raise Unusable(
            f"{path} is not a record of load: its first line is no header",
            remedy="Name a file that a run of load wrote",
        ) from problem
    records: list[Record] = []
    end: End | None = None
    for number, line in enumerate(lines, 2):
        try:
            # Nothing but an end can follow an end.
            if line.startswith(b"[") and end is None:
                records.append(_decode(line, len(header.operations)))
            else:
                end = End.model_validate_json(line)
        except ValueError as problem:
            raise Unusable(
                f"Line {number} of {path} is not a record of load: {str(problem).splitlines()[0]}",
                remedy="Use the file as the run wrote it",
            ) from problem
    return WorkerRecord(header, records, end)


def _decode(line: bytes, operations: int) -> Record:
    planned, sent, done, operation, status, failure = json.loads(line)
    numbers = (planned, sent, done, operation, status)
    if not all(type(n) is int for n in numbers) or failure not in FAILURES:
        raise ValueError("a field of another kind")
    if not (planned >= 0 and sent <= done and 0 <= operation < operations):
        raise ValueError("a field out of its range")
    return Record(planned, sent, done, operation, status, failure)


def _whole_lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline():
                if line.endswith(b"\n"):
                    yield line
    except EOFError:
        return  # killed while it wrote: what was flushed has been read
    except (OSError, zlib.error) as problem:
        raise Unusable(
            f"The record {path} cannot be read: {problem}",
            remedy="Name a file that a run of load wrote",
        ) from problem
