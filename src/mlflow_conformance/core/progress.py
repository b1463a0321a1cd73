# SPDX-License-Identifier: Apache-2.0
"""Progress for a person who waits: one line at a time, with the time since the start."""

import sys
import time

_STARTED = time.monotonic()


def tell(line: str) -> None:
    """Write a line to standard error at once, after the seconds since this process began."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED:6.1f} s] {line}\n")
    sys.stderr.flush()
