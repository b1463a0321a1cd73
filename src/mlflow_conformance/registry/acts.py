# SPDX-License-Identifier: Apache-2.0
"""Everything that the registry has an event for, as something to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import MlflowApi, NewRun

EVENTS = {
    "registered_model": ("created",), "model_version": ("created",),
    "model_version_tag": ("set", "deleted"), "model_version_alias": ("created", "deleted"),
    "prompt": ("created",), "prompt_version": ("created",), "prompt_tag": ("set", "deleted"),
    "prompt_version_tag": ("set", "deleted"), "prompt_alias": ("created", "deleted"),
}  # fmt: skip
"""The actions that have an event, by entity, as deliveries spell them."""
_PROMPT = [
    {"key": "mlflow.prompt.is_prompt", "value": "true"},
    {"key": "mlflow.prompt.text", "value": "Grüße an {{name}}"},
]


@dataclass(frozen=True)
class Act:
    """Something done that MLflow has an event for, and what the event must tell."""

    event: str
    data: dict[str, str]
    do: Callable[[], Reply]

    @property
    def told(self) -> str:
        """As it is counted: every act has a model of its own per event."""
        return f"{self.event} {self.data['name']}"


def acts_of(api: MlflowApi, name: str, run: NewRun, *, prompt: bool) -> Iterator[Act]:
    """Everything that has an event, for one model or prompt of this name, in a possible order."""
    kind, version = (
        ("prompt", "prompt_version") if prompt else ("registered_model", "model_version")
    )
    alias = "prompt_alias" if prompt else "model_version_alias"
    tags = _PROMPT if prompt else []
    of, of_run = {"name": name, "version": "1"}, {"run_id": run.run_id}
    tag, label = {"key": "größe", "value": "ä ☃"}, {"alias": "champion"}
    yield Act(
        f"{kind}.created", {"name": name},
        lambda: api.post("registered-models/create", name=name, tags=tags),
    )  # fmt: skip
    yield Act(
        f"{version}.created", of,
        lambda: api.post(
            "model-versions/create", name=name, tags=tags, **({} if prompt else of_run),
            source="dummy-source" if prompt else f"{run.artifact_uri}/model",
        ),
    )  # fmt: skip
    if prompt:
        yield Act(
            "prompt_tag.set", {"name": name, **tag},
            lambda: api.post("registered-models/set-tag", name=name, **tag),
        )  # fmt: skip
        yield Act(
            "prompt_tag.deleted", {"name": name, "key": tag["key"]},
            lambda: api.delete("registered-models/delete-tag", name=name, key=tag["key"]),
        )  # fmt: skip
    yield Act(
        f"{version}_tag.set", {**of, **tag},
        lambda: api.post("model-versions/set-tag", **of, **tag),
    )  # fmt: skip
    yield Act(
        f"{version}_tag.deleted", {**of, "key": tag["key"]},
        lambda: api.delete("model-versions/delete-tag", **of, key=tag["key"]),
    )  # fmt: skip
    yield Act(
        f"{alias}.created", {**of, **label},
        lambda: api.post("registered-models/alias", **of, **label),
    )  # fmt: skip
    yield Act(
        f"{alias}.deleted", {"name": name, **label},
        lambda: api.delete("registered-models/alias", name=name, **label),
    )  # fmt: skip
