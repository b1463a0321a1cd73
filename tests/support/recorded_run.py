# SPDX-License-Identifier: Apache-2.0
"""The evidence of a run one of whose checks attached a record, in a folder as a run leaves it."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow_conformance.evidence.model import (
    Attachment,
    CheckFinished,
    Event,
    Expected,
    Observation,
    RunEnded,
    RunStarted,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def write_run(
    folder: Path, check_id: str, name: str, path: str, written: Any, told: Observation,
    *, silent: tuple[str, ...] = (),
) -> Path:  # fmt: skip
    """Write it; the path of its log.

    Args:
        name, path: of the attachment.
        written: what it holds, as JSON.
        told: what the check observed.
        silent: checks that were expected and never reported.
    """
    content = json.dumps(written).encode()
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(content)
    attachment = Attachment(
        name=name, path=path, media_type="application/json",
        sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    events: list[Event] = [
        RunStarted(
            run_id="r", started=NOW, tool_version="0", command=["c"], profile="p",
            profile_sha256="0", target={}, seed=1,
            expected=[Expected(id=each, promise="p") for each in (check_id, *silent)],
        ),
        CheckFinished(
            id=check_id, title="t", nodeid="n", started=NOW, duration_s=1, promise="p",
            impact="i", remedy="r", attachments=[attachment], observations=[told],
        ),
        RunEnded(ended=NOW),
    ]  # fmt: skip
    log = folder / "evidence.jsonl"
    log.write_text("".join(e.model_dump_json() + "\n" for e in events))
    return log
