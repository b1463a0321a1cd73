# SPDX-License-Identifier: Apache-2.0
"""The evidence log on disk: appended and flushed line by line, and read back after a crash."""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import JsonValue, ValidationError

from mlflow_conformance.errors import Unusable
from mlflow_conformance.evidence.model import EVENT, SCHEMA_VERSION, Event

_CONCEALED = "•••"


class EvidenceLog:
    """Append-only writer of one run's evidence.

    A line is on disk (fsync) when `append` returns, so a run that is killed loses at most the
    check that was going on. Values registered with `conceal` never reach the file.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` for appending; its folder must exist.

        Raises:
            Unusable: the file cannot be written.
        """
        self.path = path
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as problem:
            raise Unusable(
                f"The evidence log {path} cannot be written: {problem.strerror}",
                remedy="Name a writable folder with --output",
            ) from problem

    def conceal(self, secret: str) -> None:
        """Replace this value by dots in everything written from now on.

        Values shorter than 6 characters are refused, since they would blank ordinary text.
        """
        if len(secret) < 6:
            raise ValueError("a secret of fewer than 6 characters cannot be concealed reliably")
        with self._lock:
            self._secrets.add(secret)

    def concealed(self, text: str) -> str:
        """`text` with every registered secret replaced."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, _CONCEALED)
        return text

    def append(self, event: Event) -> None:
        """Write one event and wait until it is on disk.

        Raises:
            Unusable: the disk is full or the file went away.
        """
        line = json.dumps(
            self._clean(event.model_dump(mode="json")), ensure_ascii=False, allow_nan=False
        )
        with self._lock:
            try:
                self._file.write(line + "\n")
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as problem:
                raise Unusable(
                    f"The evidence log {self.path} cannot be written: {problem.strerror}",
                    remedy="Free space on that disk and run again; what was written is kept",
                ) from problem

    def _clean(self, value: JsonValue) -> JsonValue:
        match value:
            case str():
                return self.concealed(value)
            case list():
                return [self._clean(v) for v in value]
            case dict():
                return {self.concealed(k): self._clean(v) for k, v in value.items()}
            case _:
                return value

    def close(self) -> None:
        """Close the file; further appends are an error."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def read(path: Path) -> list[Event]:
    """All events of a log.

    A last line that was cut short by a crash is left out; any other malformed line is an error,
    since a report must not be made from half of the evidence.

    Raises:
        Unusable: no such file, an event that the schema does not know, or another schema version.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as problem:
        raise Unusable(
            f"The evidence log {path} cannot be read: {problem.strerror}",
            remedy="Name the evidence.jsonl of a run",
        ) from problem
    return list(_events(path, lines))


def _events(path: Path, lines: Iterable[bytes]) -> Iterator[Event]:
    *complete, last = lines
    numbered = [(n, line) for n, line in enumerate(complete, 1) if line.strip()]
    for number, line in numbered:
        try:
            yield EVENT.validate_json(line)
        except ValidationError as problem:
            raise _malformed(path, number, line, problem) from problem
    if last.strip():
        try:
            yield EVENT.validate_json(last)
        except ValidationError:
            return


def _malformed(path: Path, number: int, line: bytes, problem: ValidationError) -> Unusable:
    try:
        version = json.loads(line).get("schema_version", SCHEMA_VERSION)
    except (ValueError, AttributeError):
        version = SCHEMA_VERSION
    if version != SCHEMA_VERSION:
        return Unusable(
            f"{path} has evidence schema {version} and this version reads {SCHEMA_VERSION}",
            remedy="Read it with the version of mlflow-conformance that wrote it",
        )
    first = problem.errors()[0]
    where = ".".join(str(p) for p in first["loc"])
    return Unusable(
        f"Line {number} of {path} is not evidence ({where or 'line'}: {first['msg']})",
        remedy="Use the file as the run wrote it",
    )
