# SPDX-License-Identifier: Apache-2.0
"""The ledger's file: an intent before each write, an acknowledgement after it, both on the disk.

One JSON object a line. An intent is on the disk before the write is sent, so a write that took
effect is never missing from the ledger; an acknowledgement is on the disk before the write counts
as acknowledged, so the ledger never promises more than the server did. A writer that is killed
leaves at worst one torn last line, which is no acknowledgement.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from mlflow_conformance.core.closing import Closing
from mlflow_conformance.ledger.history import Operation


class LedgerDamaged(Exception):  # noqa: N818 - what was found in a file
    """A line other than the last one cannot be read, so the file was changed after writing."""


class Ledger(Closing):
    """Writes a ledger; safe to use from several threads."""

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        """Open a ledger for appending; a torn line that a killed writer left is mended first.

        Args:
            path: its file; made if absent, in a folder that exists.
            sync: fsync after every line. Without it a ledger survives the death of its process
                but not that of the machine.
        """
        self.path = path
        self._sync = sync
        self._lock = threading.Lock()
        if path.exists():
            _mend(path)
        self._file = path.open("ab")
        self._next = 1 + max((n for n, _ in _lines(path)), default=0)

    def intend(self, client: str, key: str, kind: str, value: JsonValue = None) -> int:
        """Record that an operation is about to be sent; returns its number.

        Raises:
            OSError: it could not be put on the disk; the operation must not be sent.
        """
        return self.intend_all(client, key, kind, [value])[0]

    def intend_all(
        self, client: str, key: str, kind: str, values: Sequence[JsonValue]
    ) -> Sequence[int]:
        """Record that several writes are about to be sent in one request; returns their numbers.

        Each stays an operation of its own; only the disk is waited for once.

        Raises:
            OSError: they could not be put on the disk; the request must not be sent.
        """
        with self._lock:
            numbers = range(self._next, self._next + len(values))
            self._next += len(values)
            at = time.monotonic_ns()
            self._append(
                {"n": n, "at": at, "client": client, "key": key, "kind": kind, "value": value}
                for n, value in zip(numbers, values, strict=True)
            )
            return numbers

    def acknowledge(self, number: int, result: JsonValue = None) -> None:
        """Record that the server said yes.

        Raises:
            OSError: it could not be put on the disk; the write does not count as acknowledged.
        """
        self.settle_all([number], "acknowledged", result)

    def refuse(self, number: int, result: JsonValue = None) -> None:
        """Record that the server said that it did nothing, such as with a 4xx."""
        self.settle_all([number], "refused", result)

    def settle_all(
        self,
        numbers: Sequence[int],
        outcome: Literal["acknowledged", "refused"],
        result: JsonValue = None,
    ) -> None:
        """Record the one answer that several operations got."""
        # The time is taken before the lock and the disk: the wider an operation looks, the more
        # orders explain it, and a checker that is handed too wide a one misses what is wrong.
        at = time.monotonic_ns()
        with self._lock:
            self._append({"n": n, "at": at, "outcome": outcome, "result": result} for n in numbers)

    def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            line = json.dumps(record, separators=(",", ":"), allow_nan=False)
            self._file.write(line.encode() + b"\n")
        self._file.flush()
        if self._sync:
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._file.close()


def read(path: Path) -> list[Operation]:
    """Every operation of a ledger, in the order of its intents.

    An intent without an outcome is an open operation: it may or may not have taken effect.

    Raises:
        LedgerDamaged: a line in the middle is no record, or an outcome has no intent.
        OSError: the file cannot be read.
    """
    intents: dict[int, dict[str, Any]] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    for number, record in _lines(path):
        if "outcome" not in record:
            if number in intents:
                raise LedgerDamaged(f"{path} holds the intent {number} twice")
            intents[number] = record
        elif number not in intents:
            raise LedgerDamaged(f"{path} holds an outcome of {number} and no intent")
        elif outcomes.setdefault(number, record) is not record:
            raise LedgerDamaged(f"{path} holds two outcomes of {number}")
    return [_operation(intent, outcomes.get(n)) for n, intent in intents.items()]


def _operation(intent: Mapping[str, Any], outcome: Mapping[str, Any] | None) -> Operation:
    return Operation(
        client=intent["client"],
        key=intent["key"],
        kind=intent["kind"],
        value=intent["value"],
        invoked_ns=intent["at"],
        returned_ns=outcome["at"] if outcome else None,
        outcome=outcome["outcome"] if outcome else "open",
        result=outcome["result"] if outcome else None,
    )


def _lines(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    """The records of a file by number; a last line that a killed writer left torn is left out."""
    *complete, last = path.read_bytes().split(b"\n")
    for position, line in enumerate(complete):
        record = _record(line)
        if record is None:
            raise LedgerDamaged(f"line {position + 1} of {path} is no record")
        yield record["n"], record
    if record := _record(last):
        yield record["n"], record


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("n"), int) else None


def _mend(path: Path) -> None:
    """Finish the last line of a writer that was killed if it is whole, and drop it if it is not.

    Dropping it loses nothing: a torn intent was never sent, and a torn acknowledgement never
    counted.
    """
    content = path.read_bytes()
    start = content.rfind(b"\n") + 1
    if start == len(content):
        return
    with path.open("r+b") as file:
        if _record(content[start:]) is not None:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(start)
