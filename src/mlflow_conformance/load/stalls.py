# SPDX-License-Identifier: Apache-2.0
"""How long this machine's processors stood still, as virtual ones do whose host serves others.

Few hypervisors tell their guests (``steal`` in ``/proc/stat``). So a thread on each processor,
before which the kernel runs no ordinary one, sleeps for some milliseconds again and again; by what
it wakes up late, the processor was not there. Run as a program, this module is the process of those
threads, and imports nothing of the package: each line that it reads it answers with one number.
"""

import atexit
import os
import subprocess
import sys
import threading
import time
from functools import cache

_NAP_S = 0.005
_ON_TIME_S = 0.01
"""A timer that is later than this found no processor; those of the kernel itself need less."""


class Stalls:
    """Watches the processors from its making on, where the kernel lets it.

    Real-time scheduling takes root, ``CAP_SYS_NICE`` or a limit that allows it; without, nothing is
    known, and nothing counts as a standstill.
    """

    def __init__(self) -> None:
        self._watch = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            start_new_session=True,  # Ctrl-C ends it by its input, and no earlier
        )
        self._known_s = 0.0

    def seconds(self) -> float:
        """Standstills of all processors together until now, seconds of one CPU."""
        assert self._watch.stdin is not None
        assert self._watch.stdout is not None
        try:
            self._watch.stdin.write("\n")
            self._known_s = float(self._watch.stdout.readline() or self._known_s)
        except BrokenPipeError:
            pass  # it may not watch here, and has ended
        return self._known_s

    def close(self) -> None:
        """End the watch."""
        self._watch.communicate()


@cache
def watched() -> Stalls:
    """The one watch of this process, begun when somebody first asks, until the process ends."""
    watch = Stalls()
    atexit.register(watch.close)
    return watch


class _Processor(threading.Thread):
    """Naps on one processor, and adds up what it overslept."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self._number = number
        self.late_s = 0.0
        self.refused = False
        self.begun = threading.Event()

    def run(self) -> None:
        try:
            os.sched_setaffinity(0, {self._number})  # 0 is this thread
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except OSError:
            self.refused = True
        self.begun.set()
        while not self.refused:
            began = time.monotonic()
            time.sleep(_NAP_S)
            late_s = time.monotonic() - began - _NAP_S
            if late_s > _ON_TIME_S:
                self.late_s += late_s


def main() -> None:
    """Answer each line of the input with the seconds so far; end at once where it may not watch."""
    processors = [_Processor(number) for number in os.sched_getaffinity(0)]
    for processor in processors:
        processor.start()
    for processor in processors:
        processor.begun.wait()
    if any(processor.refused for processor in processors):
        return
    for _ in sys.stdin:
        print(sum(processor.late_s for processor in processors), flush=True)


if __name__ == "__main__":
    main()
