# SPDX-License-Identifier: Apache-2.0
"""Progress for a person who waits: one line at a time, with the time since the start."""

import re
import sys
import time

_STARTED = time.monotonic()
_TOLD = re.compile(r"\[ *\d+\.\d s\] (?P<line>.*)")


def tell(line: str) -> None:
    """Write a line to standard error at once, after the seconds since this process began."""
    sys.stderr.write(f"[{time.monotonic() - _STARTED:6.1f} s] {line}\n")
    sys.stderr.flush()


def tell_on(output: str) -> None:
    """Tell a line of another process of ours with the time of this one, if it is of its progress.

    Args:
        output: one line of what that process printed.
    """
    if found := _TOLD.fullmatch(output.rstrip("\n")):
        tell(found["line"])
