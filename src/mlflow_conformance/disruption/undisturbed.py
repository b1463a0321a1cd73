# SPDX-License-Identifier: Apache-2.0
"""The load of a run while nothing was done to the deployment.

It tells two things. What fails there is no fault's doing, so as much of it in a window is noise and
no verdict on the fault. And what fails between two windows comes after a fault that had been judged
already: it belongs to somebody, and is told with the fault that it came after.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_conformance.load.run_record import RunRecord

_US = 1_000_000


@dataclass(frozen=True)
class Disturbed:
    """A span in which something was done to the deployment, seconds from the start of the load.

    Attributes:
        name: of what was done.
        since_s: when it began.
        until_s: when the window of its check was over.
    """

    name: str
    since_s: float
    until_s: float


@dataclass(frozen=True)
class Undisturbed:
    """Requests of the load outside of every such span.

    Attributes:
        failed_after: how many failed, by the name of what was done last before them.
    """

    requests: int
    failed_after: dict[str, int]

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(self.failed_after.values())

    def most(self, share: float) -> int:
        """How many of them may fail at a share: at least one, for there is no half of a request."""
        return max(1, math.floor(self.requests * share))

    def strays(self, requests: int, most_share: float) -> int:
        """How many failures of so many requests are those that the undisturbed load has as well.

        Args:
            most_share: the share that is taken for noise at the most; what fails oftener is a
                failure of the deployment itself, and excuses nothing beyond it.
        """
        if not self.failed or not self.requests:
            return 0
        share = min(self.failed / self.requests, most_share)
        return math.ceil(requests * share) if share else 0


BEFORE_ALL = "nothing yet"


def undisturbed(record: RunRecord, spans: Sequence[Disturbed], until_s: float) -> Undisturbed:
    """What became of the load outside of spans, from its start to a moment.

    Args:
        spans: in the order in which they began.
        until_s: seconds from the start of the load; later requests may not be recorded yet.
    """
    requests, failed = 0, dict[str, int]()
    for sent in record.records:
        at = sent.planned_us / _US
        if at >= until_s or any(s.since_s <= at < s.until_s for s in spans):
            continue
        requests += 1
        if sent.failure:
            name = next((s.name for s in reversed(spans) if s.until_s <= at), BEFORE_ALL)
            failed[name] = failed.get(name, 0) + 1
    return Undisturbed(requests, failed)
