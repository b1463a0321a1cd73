# SPDX-License-Identifier: Apache-2.0
"""Time for tests of what waits."""


class Clock:
    """Time that passes only while something sleeps; in the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds
