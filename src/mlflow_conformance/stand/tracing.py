# SPDX-License-Identifier: Apache-2.0
"""How a deployment is traced while checks of it run."""

from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.jaeger import Jaeger
from mlflow_conformance.stand.collecting import Collector


@dataclass(frozen=True)
class Tracing:
    """The Jaeger that its traces are sent to.

    Attributes:
        service: the name that the server's traces have.
        collector: what takes them; None where this run did not install it.
    """

    jaeger: Jaeger
    service: str
    collector: Collector | None

    def need_collector(self) -> Collector:
        """What takes traces.

        Raises:
            Undecided: it is not this run's own.
        """
        if self.collector is None:
            raise Undecided("this needs a collector of traces that this run has installed")
        return self.collector
