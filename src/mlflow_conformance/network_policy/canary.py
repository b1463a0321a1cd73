# SPDX-License-Identifier: Apache-2.0
"""Shows that the cluster enforces policies at all, before anything that is closed means anything.

Some networks accept a NetworkPolicy and ignore it, and some fail open. So a path that is known to
be open is cut by a policy of our own, between pods of our own, and opened again.
"""

import time
from dataclasses import dataclass
from typing import Any

from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.network_policy.matrix import Destination, Source
from mlflow_conformance.network_policy.pods import Attempt, Probes

_LISTENER, _CLIENT = "canary-listener", "canary-client"
_PORT = 8080
_LABEL = {"mlflow-conformance/canary": "listener"}
_LISTEN = (
    "import socketserver\n"
    "class Hello(socketserver.BaseRequestHandler):\n"
    "    def handle(self):\n"
    "        self.request.sendall(b'hello')\n"
    "class Server(socketserver.ThreadingTCPServer):\n"
    "    allow_reuse_address = True\n"
    f"Server(('', {_PORT}), Hello).serve_forever()\n"
)
_POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "canary"},
    "spec": {"podSelector": {"matchLabels": _LABEL}, "policyTypes": ["Ingress"]},
}


@dataclass(frozen=True)
class Canary:
    """What became of the known-good path.

    Attributes:
        before: outcome of the last attempt without the policy.
        denied: outcome of the last attempt under the policy.
        after: outcome of the last attempt when the policy was lifted; None when it never cut.
        cut_after_s: from the policy's acceptance to the first attempt that timed out.
        open_after_s: from the policy's removal to the first attempt that was open again.
    """

    before: str
    denied: str
    after: str | None
    cut_after_s: float | None
    open_after_s: float | None

    @property
    def proven(self) -> bool:
        """The policy cut the path, and nothing else did."""
        return (self.before, self.denied, self.after) == ("open", "timeout", "open")


def run_canary(probes: Probes, waiter: Waiter, attempt_timeout_s: float) -> Canary:
    """Cut a known-good path by a policy and open it again.

    Args:
        attempt_timeout_s: how long an attempt waits before the path counts as cut.

    Raises:
        KubeFailed: the probes could not be made or asked, or the policy was refused.
        TimedOut: a probe pod was not ready in time.
    """
    probes.ensure(
        {_LISTENER: Source(pod_labels=_LABEL, reaches=[]), _CLIENT: Source(reaches=[])},
        commands={_LISTENER: ["python", "-c", _LISTEN]},
    )
    listener = Destination("canary", "canary", probes.ip(_LISTENER), _PORT, "hello")

    def attempt() -> Attempt:
        return probes.attempts({_CLIENT: [listener]}, attempt_timeout_s)[_CLIENT][0]

    def wait_for(outcome: str, condition: str) -> tuple[str, float | None]:
        started = time.monotonic()
        try:
            waiter.until(
                condition,
                attempt,
                done=lambda reply: reply.outcome == outcome,
                timeout="policy enforced",
                interval_s=0.2,
            )
        except TimedOut as late:
            last: Any = late.last
            return str(last.outcome), None
        return outcome, round(time.monotonic() - started, 2)

    before, _ = wait_for("open", "open: the canary's path")
    if before != "open":
        return Canary(before, "not tried", None, None, None)
    space = probes.namespace(_LISTENER)
    probes.kube.apply([{**_POLICY, "metadata": {**_POLICY["metadata"], "namespace": space}}])
    try:
        denied, cut_after_s = wait_for("timeout", "cut: the canary's path")
    finally:
        probes.kube.delete("networkpolicy", "canary", namespace=space)
    if cut_after_s is None:
        return Canary(before, denied, None, None, None)
    after, open_after_s = wait_for("open", "open again: the canary's path")
    return Canary(before, denied, after, cut_after_s, open_after_s)
