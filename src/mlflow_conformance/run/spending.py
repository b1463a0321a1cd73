# SPDX-License-Identifier: Apache-2.0
"""What a check spends its time on, from its first fixture to its last finalizer."""

import resource
from collections import Counter

from mlflow_conformance.core.waits import Waits
from mlflow_conformance.evidence.model import Spent


class Spending:
    """The time of one check, counted from its making on."""

    def __init__(self, waits: Waits) -> None:
        """Begin.

        Args:
            waits: those of the whole run.
        """
        self._waits, self._before, self._cpu_s = waits, waits.seconds(), _cpu_s()
        self._parts: Counter[str] = Counter()

    def part(self, when: str, seconds: float) -> None:
        """Count one of pytest's parts: ``setup``, ``call`` or ``teardown``."""
        self._parts[when] += round(1000 * seconds)

    def so_far(self) -> Spent:
        """All of it."""
        waited = {
            name: round(seconds - self._before.get(name, 0), 3)
            for name, seconds in self._waits.seconds().items()
        }
        return Spent(
            setup_s=self._parts["setup"] / 1000,
            call_s=self._parts["call"] / 1000,
            teardown_s=self._parts["teardown"] / 1000,
            cpu_s=round(_cpu_s() - self._cpu_s, 3),
            waited_s={name: seconds for name, seconds in waited.items() if seconds > 0},
        )


def _cpu_s() -> float:
    """Of this program and of those that it ran to their end."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)
