# SPDX-License-Identifier: Apache-2.0
"""What a container wrote, line by line, and which lines are JSON objects."""

import json
from typing import Any


def lines(text: str) -> list[str]:
    """The lines of a log; empty ones say nothing to anybody."""
    # Not splitlines: JSON may hold other ends of lines as they are.
    return [line for line in text.split("\n") if line.strip()]


def json_object(line: str) -> dict[str, Any] | None:
    """The JSON object that a line is; None for any other line."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
