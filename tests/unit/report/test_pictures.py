# SPDX-License-Identifier: Apache-2.0
"""Pictures in a report: only what the evidence names, and only while there is room."""

import hashlib
from pathlib import Path

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.model import Attachment
from mlflow_conformance.evidence.verdict import RunVerdict, judge
from mlflow_conformance.report import html, pictures
from repository import RECORDS

CONTENT = b"RIFF....WEBP"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def _run(attachment: Attachment) -> RunVerdict:
    run = judge(read(RECORDS / "healthy.jsonl"))
    first = next(c for c in run.checks if c.check)
    assert first.check
    first.check.attachments[:] = [attachment]
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run's folder with one picture, and one beside it."""
    (tmp_path / "run" / "attachments").mkdir(parents=True)
    (tmp_path / "run" / "attachments" / "a.webp").write_bytes(CONTENT)
    (tmp_path / "b.webp").write_bytes(CONTENT)
    return tmp_path / "run"


def test_a_picture_is_in_the_page(folder: Path) -> None:
    run = _run(
        Attachment(name="page", path="attachments/a.webp", media_type="image/webp", sha256=DIGEST)
    )
    page = html.render(run, pictures.of_run(run, folder))
    assert '<img class="picture" alt="page" src="data:image/webp;base64,UklGR' in page
    assert "img-src data:" in page


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment(name="n", path="attachments/a.webp", media_type="image/webp", sha256="0" * 64),
        Attachment(name="n", path="attachments/a.webp", media_type="text/html", sha256=DIGEST),
        Attachment(name="n", path="../b.webp", media_type="image/webp", sha256=DIGEST),
        Attachment(name="n", path="attachments/none.webp", media_type="image/webp", sha256=DIGEST),
    ],
    ids=["changed", "no picture", "outside", "gone"],
)
def test_what_is_not_the_evidence_is_left_out(folder: Path, attachment: Attachment) -> None:
    assert pictures.of_run(_run(attachment), folder) == {}


def test_a_page_without_room_has_the_link_alone(folder: Path) -> None:
    run = _run(
        Attachment(name="page", path="attachments/a.webp", media_type="image/webp", sha256=DIGEST)
    )
    page = html.render(run, {"attachments/a.webp": "data:image/webp;base64," + "A" * html.LIMIT})
    assert "<img" not in page
    assert len(page.encode()) <= html.LIMIT
