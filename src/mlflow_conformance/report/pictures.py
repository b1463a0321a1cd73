# SPDX-License-Identifier: Apache-2.0
"""Pictures that checks attached, in the page itself: a report fetches nothing."""

import base64
from collections.abc import Mapping
from pathlib import Path

from mlflow_conformance.evidence.verdict import RunVerdict
from mlflow_conformance.report.attached import content

TYPES = ("image/png", "image/webp")
LARGEST = 60 * 1024
"""Bytes of a picture that a page of 300 KB can hold."""


def of_run(run: RunVerdict, folder: Path) -> Mapping[str, str]:
    """Data URIs by the path that the evidence names.

    A file that is not there, too large, outside of `folder`, or not the one that the evidence has
    the digest of, is left out: the page then has the link alone.
    """
    found: dict[str, str] = {}
    for attachment in (a for c in run.checks if c.check for a in c.check.attachments):
        if attachment.media_type not in TYPES:
            continue
        if (seen := content(folder, attachment, LARGEST)) is not None:
            encoded = base64.b64encode(seen).decode()
            found[attachment.path] = f"data:{attachment.media_type};base64,{encoded}"
    return found
