# SPDX-License-Identifier: Apache-2.0
"""Workflows of Argo, as its API objects tell them (argoproj.io/v1alpha1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter

SUCCEEDED = "Succeeded"
_ENDED = (SUCCEEDED, "Failed", "Error")
_KIND, _VERSION = "workflows.argoproj.io", "argoproj.io/v1alpha1"


@dataclass(frozen=True)
class Workflow:
    """One workflow, as it is now.

    Attributes:
        phase: empty before the controller has seen it.
        message: why it is in that phase, where Argo says so.
        given: its parameters, by their names.
        outputs: the parameters that it put out, likewise.
    """

    name: str
    phase: str
    message: str
    given: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def of(cls, thing: Mapping[str, Any]) -> Self:
        """Read an object as the API server has it."""
        status = thing.get("status") or {}
        return cls(
            name=thing["metadata"]["name"],
            phase=status.get("phase", ""),
            message=status.get("message", ""),
            given=_parameters(thing["spec"].get("arguments")),
            outputs=_parameters(status.get("outputs")),
        )

    @property
    def ended(self) -> bool:
        """Whether nothing more happens in it."""
        return self.phase in _ENDED

    @property
    def outcome(self) -> str:
        """How it ended, or how it is, in words."""
        return f"{self.phase or 'not begun'}: {self.message}".rstrip(": ")


@dataclass(frozen=True)
class Workflows:
    """Argo Workflows in a namespace.

    Attributes:
        kube: the cluster, in the namespace of the workflows.
        trigger: the URL to which MLflow's webhooks are sent.
        secret: by which those are signed.
    """

    kube: Kube
    trigger: str
    secret: str = field(repr=False)

    def submit(self, name: str, template: str, given: Mapping[str, str]) -> None:
        """Start a workflow of a template.

        Raises:
            KubeFailed: the cluster refused it.
        """
        parameters = [{"name": key, "value": value} for key, value in given.items()]
        spec = {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": parameters},
        }
        meta = {"name": name}
        self.kube.create(
            {"apiVersion": _VERSION, "kind": "Workflow", "metadata": meta, "spec": spec}
        )

    def ended(self, name: str, waiter: Waiter) -> Workflow:
        """A workflow when it has ended, or as it is when the time for that is over.

        Raises:
            KubeFailed: it cannot be read.
        """
        return waiter.last_seen(
            f"ended: the workflow {name}",
            lambda: Workflow.of(self.kube.get(_KIND, name)),
            done=lambda seen: seen.ended,
            timeout="workflow ended",
            interval_s=1,
        )

    def about(self, models: Sequence[str]) -> dict[str, list[Workflow]]:
        """The workflows that were given the name of a model, by that name.

        Raises:
            KubeFailed: they may not be listed.
        """
        found = [Workflow.of(thing) for thing in self.kube.items(_KIND)]
        return {m: [w for w in found if w.given.get("name") == m] for m in models}


def _parameters(of: Mapping[str, Any] | None) -> dict[str, str]:
    return {p["name"]: str(p.get("value", "")) for p in (of or {}).get("parameters") or []}
