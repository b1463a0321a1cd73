# SPDX-License-Identifier: Apache-2.0
"""Runs in a restore's own container: stops its program half-way, so that it can be killed there.

Fed to ``python -`` with a pattern of the program's command line, the share of its last argument
(a file) that it must have read, seconds to wait, and the name of the mark that it makes once it
looks (see `held`). Prints what it stopped as JSON, or nothing.

A restore may take less time than the scheduler leaves us waiting for our turn. So the program is
stopped when it is first seen, and then runs a millisecond at a time until it is half-way.
"""

import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path


def find(pattern: re.Pattern[str], processes: Path) -> tuple[Path, list[str]] | None:
    """The folder and the command line of the first process that matches."""
    for folder in processes.iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        except OSError:
            continue  # it ended while it was looked at
        if pattern.search(" ".join(words)):
            return folder, words
    return None


def position(process: Path, file: str) -> int:
    """How far a process has read a file that it has open; 0 when it has not."""
    for opened in (process / "fd").iterdir():
        if str(opened.readlink()) == file:
            told = (process / "fdinfo" / opened.name).read_text()
            return int(told.split("pos:", 1)[1].split()[0])
    return 0


def state_of(process: Path) -> str:
    """The state of a process as the kernel writes it: ``T`` when it was stopped."""
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def stop(process: Path, deadline: float) -> bool:
    """Stop a process; whether it stands, and did not end before.

    Raises:
        OSError: the process is gone.
    """
    os.kill(int(process.name), signal.SIGSTOP)
    # A signal is delivered a moment after it was sent.
    while (state := state_of(process)) != "T":
        if state in "ZX" or time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def stop_at(process: Path, file: str, position_wanted: float, deadline: float) -> int | None:
    """Stop a process once it has read so many bytes of a file; how many, None if it never did.

    Raises:
        OSError: the process is gone.
    """
    while time.monotonic() < deadline and stop(process, deadline):
        if (seen := position(process, file)) >= position_wanted:
            return seen
        os.kill(int(process.name), signal.SIGCONT)
        time.sleep(0.001)
    return None


def main(pattern: str, share: float, seconds: float, mark: str) -> int:
    """Stop the program as soon as it has read enough; 0 when it was stopped."""
    expression, deadline = re.compile(pattern), time.monotonic() + seconds
    (Path(tempfile.gettempdir()) / mark).touch()
    while time.monotonic() < deadline:
        found = find(expression, Path("/proc"))
        if found is None:
            time.sleep(0.001)
            continue
        process, words = found
        try:
            size = Path(words[-1]).stat().st_size
            seen = stop_at(process, words[-1], share * size, deadline)
            state = state_of(process)
        except OSError:
            continue  # it ended before it was stopped
        if seen is None:
            continue
        sys.stdout.write(
            json.dumps({"program": words[0], "read": seen, "of": size, "state": state}) + "\n"
        )
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
