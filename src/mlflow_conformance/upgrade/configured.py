# SPDX-License-Identifier: Apache-2.0
"""An image in the environment that the Deployment gives its server, without the server.

Its variables come from ConfigMaps and Secrets as well as from the template, so a pod of the same
specification is made, and values stay in it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade.bare import (
    bare_pod,
    containers_ready,
    instead,
    of_image,
    present,
    server_container,
)
from mlflow_conformance.upgrade.pair import PodPython

_POD = "mlflow-conformance-settings"
_LIFE_S = "600"


def deployed(target: Target) -> tuple[list[str], str]:
    """The words of the server's command line as the Deployment has them, and its image.

    Raises:
        KubeFailed: it cannot be read.
    """
    names = target.names.mlflow
    found = target.need_kube().get("deployment", names.deployment)
    server = server_container(found["spec"]["template"]["spec"], names.container)
    return [*server.get("command", []), *server.get("args", [])], str(server["image"])


@contextmanager
def configured(target: Target, image: str, waiter: Waiter) -> Iterator[PodPython]:
    """The Python of an image in the Deployment's environment, for as long as the context lasts.

    Raises:
        KubeFailed, TimedOut, Hopeless: no such pod can be had.
    """
    kube, names = target.need_kube(), target.names.mlflow
    template = kube.get("deployment", names.deployment)["spec"]["template"]
    spec = of_image(template["spec"], names.container, image)
    idle = instead(spec, names.container, ["sleep", _LIFE_S])
    labels = template["metadata"].get("labels", {})
    with present(kube, bare_pod(_POD, kube.namespace, labels, idle), waiter) as pod:
        containers_ready(kube, pod, waiter)
        yield PodPython(kube, kube.namespace, pod, names.container)
