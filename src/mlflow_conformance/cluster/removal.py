# SPDX-License-Identifier: Apache-2.0
"""Objects deleted and waited for until they are gone."""

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter


def removed(
    kube: Kube,
    kind: str,
    name: str,
    waiter: Waiter,
    *,
    namespace: str | None = None,
    grace_s: int | None = None,
    timeout: str = "object deleted",
) -> None:
    """Delete an object, if it is there, and wait until it is gone; one of its name may follow it.

    Args:
        grace_s: seconds that a pod has to end by itself, when not its own.

    Raises:
        KubeFailed: it was refused.
        TimedOut: something keeps it.
    """
    uid = kube.delete(kind, name, namespace=namespace, grace_s=grace_s, missing_ok=True)
    if uid is None:
        return

    def there() -> bool:
        found = kube.find(kind, name, namespace=namespace)
        return found is not None and found["metadata"]["uid"] == uid

    waiter.until(f"gone: {kind} {name}", there, done=lambda still: not still, timeout=timeout)
