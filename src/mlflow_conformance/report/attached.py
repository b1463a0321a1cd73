# SPDX-License-Identifier: Apache-2.0
"""Files that the evidence names, read from beside it: what is drawn is what was recorded."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from mlflow_conformance.evidence.model import Attachment
from mlflow_conformance.evidence.verdict import Judged, RunVerdict

LARGEST = 2 * 1024 * 1024
"""Bytes of a record that is read: each says of itself what it holds at most, which is less."""

_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class Attached(Generic[_M]):
    """One record that a check attached.

    Attributes:
        record: None where it cannot be read.
        problem: why it cannot; empty when it can.
    """

    judged: Judged
    record: _M | None
    problem: str


def content(folder: Path, attachment: Attachment, largest: int) -> bytes | None:
    """What a file holds; None when it is not there, outside of the run's folder, larger than
    this, or not the one that the evidence has the digest of."""
    root = folder.resolve()
    path = (root / attachment.path).resolve()
    if not path.is_relative_to(root) or not path.is_file() or path.stat().st_size > largest:
        return None
    found = path.read_bytes()
    return found if hashlib.sha256(found).hexdigest() == attachment.sha256 else None


def checks_with(run: RunVerdict, name: str) -> list[Judged]:
    """The checks that attached a record of this name."""
    return [c for c in run.checks if c.check and any(a.name == name for a in c.check.attachments)]


def records(run: RunVerdict, folder: Path, name: str, form: type[_M]) -> list[Attached[_M]]:
    """The records of this name, in the order of the checks; one that cannot be read says so."""
    return [
        _read(folder, judged, attachment, form)
        for judged in checks_with(run, name)
        for attachment in (judged.check.attachments if judged.check else ())
        if attachment.name == name
    ]


def _read(folder: Path, judged: Judged, attachment: Attachment, form: type[_M]) -> Attached[_M]:
    found = content(folder, attachment, LARGEST)
    if found is None:
        return Attached(judged, None, f"{attachment.path} is not the file that the run wrote")
    try:
        return Attached(judged, form.model_validate_json(found), "")
    except ValueError:
        return Attached(
            judged, None, f"{attachment.path} is of a form that this version does not read"
        )
