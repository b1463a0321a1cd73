# SPDX-License-Identifier: Apache-2.0
"""Runs in place of a restore's program: waits for its observer, and then becomes the program.

Given to ``python -c`` with the name of the observer's mark, seconds to wait at most, and the
command line. The limit is for a pod that the Job makes after the first one was killed: nobody
observes that one.
"""

import os
import sys
import tempfile
import time
from pathlib import Path


def main(mark: str, seconds: float, command: list[str]) -> None:
    """Wait, and replace this process."""
    path, deadline = Path(tempfile.gettempdir()) / mark, time.monotonic() + seconds
    while time.monotonic() < deadline and not path.exists():
        time.sleep(0.02)
    os.execvp(command[0], command)  # noqa: S606 - the restore's own command, as the Job has it


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
