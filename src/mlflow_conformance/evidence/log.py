# SPDX-License-Identifier: Apache-2.0
"""The evidence log on disk: appended and flushed line by line, and read back after a crash."""

import base64
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from pydantic import JsonValue, ValidationError

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.core.credentials import HIDDEN, Hiding
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.model import EVENT, SCHEMA_VERSION, Event

SHORTEST_SECRET = 6
"""Characters; shorter values would blank ordinary text."""


def _words(schema: JsonValue) -> Iterator[str]:
    match schema:
        case dict():
            for key, value in schema.items():
                match key, value:
                    case "properties", dict():
                        yield from value
                    case "const", str():
                        yield value
                    case "enum", list():
                        yield from (v for v in value if isinstance(v, str))
                yield from _words(value)
        case list():
            for item in schema:
                yield from _words(item)


_SCHEMA_WORDS = frozenset(_words(EVENT.json_schema()))
"""Names and fixed values of the schema. A weak secret that equals one must not spoil the log."""


class EvidenceLog(Closing):
    """Append-only writer of one run's evidence.

    A line is on disk (fsync) when `append` returns, so a run that is killed loses at most the
    check that was going on. Several processes may write one log: each line goes out whole or not
    at all. Values registered with `conceal` never reach the file, nor do passwords in addresses.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` for appending; its folder must exist.

        Raises:
            Unusable: the file cannot be written.
        """
        self.path = path
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        try:
            # No buffer: what a failed write left in one would be written after all on close.
            self._file = path.open("a+b", buffering=0)
        except OSError as problem:
            raise Unusable(
                f"The evidence log {path} cannot be written: {problem.strerror}",
                remedy="Name a writable folder with --output",
            ) from problem

    def conceal(self, secret: str) -> None:
        """Replace this value by dots in everything written from now on.

        Its base64 and percent-encoded forms, as Kubernetes and URLs show it, go with it.

        Raises:
            ValueError: it is shorter than `SHORTEST_SECRET`.
        """
        if len(secret) < SHORTEST_SECRET:
            raise ValueError(
                f"a secret of fewer than {SHORTEST_SECRET} characters cannot be concealed reliably"
            )
        forms = {
            secret,
            quote(secret, safe=""),
            quote_plus(secret),
            base64.b64encode(secret.encode()).decode(),
        }
        with self._lock:
            # Longest first, so that no part of a secret is left by another that it contains.
            self._secrets = tuple(sorted({*self._secrets, *forms}, key=len, reverse=True))

    def conceal_as(self, other: "EvidenceLog") -> None:
        """Conceal also what another log conceals by now."""
        with self._lock:
            forms = {*self._secrets, *other._secrets}
            self._secrets = tuple(sorted(forms, key=len, reverse=True))

    def concealed(self, text: str) -> str:
        """`text` without registered secrets, nor passwords of addresses, known or not."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return Hiding().line(text)

    def append(self, event: Event) -> None:
        """Write one event and wait until it is on disk.

        Raises:
            Unusable: the disk is full or the file went away; nothing of the event is left behind.
        """
        text = json.dumps(
            self._clean(event.model_dump(mode="json")), ensure_ascii=False, allow_nan=False
        )
        # Text from a subprocess can hold lone surrogates, which UTF-8 cannot.
        line = text.encode("utf-8", errors="replace") + b"\n"
        with self._lock:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                try:
                    self._mend()
                    self._write(line)
                    os.fsync(self._file.fileno())
                finally:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
            except OSError as problem:
                raise Unusable(
                    f"The evidence log {self.path} cannot be written: {problem.strerror}",
                    remedy="Free space on that disk and run again; what was written is kept",
                ) from problem

    def _mend(self) -> None:
        """Repair the last line of a writer that was killed: finish it if whole, else drop it."""
        size = os.fstat(self._file.fileno()).st_size
        if size == 0 or os.pread(self._file.fileno(), 1, size - 1) == b"\n":
            return
        content = self.path.read_bytes()
        start = content.rfind(b"\n") + 1
        if _whole(content[start:]):
            self._write(b"\n")
        else:
            os.ftruncate(self._file.fileno(), start)

    def _write(self, data: bytes) -> None:
        before = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            # A full disk can take a part of a line; a torn line would spoil those after it.
            if os.fstat(self._file.fileno()).st_size > before:
                os.ftruncate(self._file.fileno(), before)
            raise

    def _clean(self, value: JsonValue) -> JsonValue:
        match value:
            case str() if value in _SCHEMA_WORDS:
                return value
            case str():
                return self.concealed(value)
            case list():
                return [self._clean(v) for v in value]
            case dict():
                return {
                    k if k in _SCHEMA_WORDS else self.concealed(k): self._clean(v)
                    for k, v in value.items()
                }
            case _:
                return value

    def close(self) -> None:
        """Close the file; further appends are an error."""
        self._file.close()


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
    if _whole(last):
        yield EVENT.validate_json(last)


def _whole(line: bytes) -> bool:
    try:
        EVENT.validate_json(line)
    except ValidationError:
        return False
    return True


def _malformed(path: Path, number: int, line: bytes, problem: ValidationError) -> Unusable:
    try:
        version = json.loads(line).get("schema_version", SCHEMA_VERSION)
    except (ValueError, AttributeError, RecursionError):  # the last of brackets without end
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
