# SPDX-License-Identifier: Apache-2.0
"""Logged models, the model registry, prompts, and the registry's webhooks."""

from typing import Any

from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.things import Call, Change, Reading, Thing, pairs

_TAGS = {"task": "größe 日本語", "owner": "ada"}
_WEBHOOK = "https://example.com/mlflow"  # of RFC 2606; nothing is sent by a disabled webhook


def logged_model(make: Maker, name: str) -> Thing:
    """A logged model with params, tags and a metric."""
    params = {"alpha": "0.5", "größe": "ä"}
    made = make.post(
        "logged-models", experiment_id=make.experiment, name=name, model_type="agent",
        source_run_id=make.run, params=pairs(params), tags=pairs(_TAGS),
    )  # fmt: skip
    number = made["model"]["info"]["model_id"]
    path = f"logged-models/{number}"
    ready = Call.patch(path, model_id=number, status="LOGGED_MODEL_READY")
    make.done(ready)
    metric = {"key": "score", "value": 0.75, "timestamp": 1_700_000_000_000, "step": 1}
    make.post("runs/log-metric", run_id=make.run, model_id=number, **metric)
    get, tag = Call.get(path), {"key": "owner", "value": "bob"}
    info = {
        "model_id": number, "experiment_id": make.experiment, "name": name,
        "model_type": "agent", "source_run_id": make.run, "status": "LOGGED_MODEL_READY",
        "tags": pairs(_TAGS),
    }  # fmt: skip
    return Thing(
        kind="logged model", name=number,
        reads=[
            Reading(call=get, at="model", says={
                "info": info, "data": {"params": pairs(params), "metrics": [metric]},
            })
        ],
        finds=[
            Reading(
                call=Call.post(
                    "logged-models/search", experiment_ids=[make.experiment],
                    filter=f"name = '{name}'",
                ),
                at="models", says=[{"info": {"model_id": number}}],
            )
        ],
        changes=[
            Change(
                call=Call.patch(f"{path}/tags", model_id=number, tags=[tag]),
                then=Reading(call=get, at="model.info.tags", says=[tag]),
            )
        ],
        removes=[Change(call=Call.delete(path), then=Reading(call=get, status=404))],
    )  # fmt: skip


def registered_model(make: Maker, name: str) -> Thing:
    """A registered model with a description and tags."""
    make.post("registered-models/create", name=name, description=f"# {name}\n", tags=pairs(_TAGS))
    get = Call.get("registered-models/get", name=name)
    says: dict[str, Any] = {"name": name, "description": f"# {name}\n", "tags": pairs(_TAGS)}
    tag = {"key": "owner", "value": "bob"}
    return Thing(
        kind="registered model", name=name,
        reads=[Reading(call=get, at="registered_model", says=says)],
        finds=[_search("registered-models", "registered_models", f"name = '{name}'", says)],
        changes=[
            Change(
                call=Call.patch("registered-models/update", name=name, description="other"),
                then=Reading(call=get, at="registered_model.description", says="other"),
            ),
            Change(
                call=Call.post("registered-models/set-tag", name=name, **tag),
                then=Reading(call=get, at="registered_model.tags", says=[tag]),
            ),
        ],
        removes=[
            Change(
                call=Call.delete("registered-models/delete", name=name),
                then=Reading(call=get, status=404),
            )
        ],
    )  # fmt: skip


def model_version(make: Maker, name: str) -> Thing:
    """A version with a description and tags."""
    make.post("registered-models/create", name=name)
    own = _version(make, name)
    get = Call.get("model-versions/get", **own)
    says: dict[str, Any] = {
        **own, "description": "größe", "run_id": make.run, "source": make.artifacts,
        "status": "READY", "tags": pairs(_TAGS),
    }  # fmt: skip
    return Thing(
        kind="model version", name=f"{name}/1",
        reads=[
            Reading(call=get, at="model_version", says=says),
            Reading(
                call=Call.get("model-versions/get-download-uri", **own), at="artifact_uri",
                says=make.artifacts,
            ),
        ],
        finds=[_search("model-versions", "model_versions", f"name = '{name}'", own)],
        changes=[
            Change(
                call=Call.patch("model-versions/update", **own, description="other"),
                then=Reading(call=get, at="model_version.description", says="other"),
            ),
            Change(
                call=Call.delete("model-versions/delete-tag", **own, key="task"),
                then=Reading(call=get, at="model_version.tags", says=pairs({"owner": "ada"})),
            ),
        ],
        removes=[
            Change(
                call=Call.delete("model-versions/delete", **own),
                then=Reading(call=get, status=404),
            )
        ],
    )  # fmt: skip


def alias(make: Maker, name: str) -> Thing:
    """An alias of one of two versions."""
    make.post("registered-models/create", name=name)
    first, second = _version(make, name), _version(make, name)
    make.post("registered-models/alias", **first, alias="champion")
    get = Call.get("registered-models/alias", name=name, alias="champion")
    return Thing(
        kind="alias", name=f"{name}@champion",
        reads=[
            Reading(call=get, at="model_version", says=first),
            Reading(
                call=Call.get("registered-models/get", name=name), at="registered_model.aliases",
                says=[{"alias": "champion", "version": "1"}],
            ),
        ],
        changes=[
            Change(
                call=Call.post("registered-models/alias", **second, alias="champion"),
                then=Reading(call=get, at="model_version", says=second),
            )
        ],
        removes=[
            Change(
                call=Call.delete("registered-models/alias", name=name, alias="champion"),
                then=Reading(call=get, status=400),
            )
        ],
    )  # fmt: skip


def stage(make: Maker, name: str) -> Thing:
    """A version in a stage; stages are deprecated, and people still have them."""
    make.post("registered-models/create", name=name)
    own = _version(make, name)
    move = {**own, "archive_existing_versions": False}
    make.post("model-versions/transition-stage", **move, stage="Production")
    get = Call.get("model-versions/get", **own)
    return Thing(
        kind="stage", name=f"{name}/1",
        reads=[Reading(call=get, at="model_version.current_stage", says="Production")],
        finds=[
            Reading(
                call=Call.post(
                    "registered-models/get-latest-versions", name=name, stages=["Production"]
                ),
                at="model_versions", says=[own],
            )
        ],
        changes=[
            Change(
                call=Call.post("model-versions/transition-stage", **move, stage="Archived"),
                then=Reading(call=get, at="model_version.current_stage", says="Archived"),
            )
        ],
    )  # fmt: skip


def prompt(make: Maker, name: str) -> Thing:
    """A prompt, which the registry keeps as a model with tags of MLflow's own."""
    kept = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "Grüße an {{name}}"}
    make.post("registered-models/create", name=name, tags=pairs(kept))
    made = make.post(
        "model-versions/create", name=name, source="dummy-source", tags=pairs(kept),
        description="first",
    )  # fmt: skip
    own = {"name": name, "version": made["model_version"]["version"]}
    get = Call.get("model-versions/get", **own)
    text = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    other = {"key": "mlflow.prompt.text", "value": "other"}
    return Thing(
        kind="prompt", name=name,
        reads=[
            Reading(call=get, at="model_version", says={
                **own, "description": "first", "tags": pairs(kept),
            })
        ],
        finds=[_search("registered-models", "registered_models", text, {"name": name})],
        changes=[
            Change(
                call=Call.post("model-versions/set-tag", **own, **other),
                then=Reading(call=get, at="model_version.tags", says=[other]),
            )
        ],
        removes=[
            Change(
                call=Call.delete("model-versions/delete", **own),
                then=Reading(call=get, status=404),
            )
        ],
    )  # fmt: skip


def webhook(make: Maker, name: str) -> Thing:
    """A webhook that is disabled, so that nothing is sent."""
    fields: dict[str, Any] = {
        "name": name, "url": _WEBHOOK, "description": "größe", "status": "DISABLED",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    }  # fmt: skip
    number = make.post("webhooks", **fields, secret="s" * 16)["webhook"]["webhook_id"]
    path = f"webhooks/{number}"
    get = Call.get(path)
    return Thing(
        kind="webhook", name=number,
        reads=[Reading(call=get, at="webhook", says=fields)],
        finds=[
            Reading(
                call=Call.get("webhooks", max_results=100), at="webhooks",
                says=[{"webhook_id": number, "name": name}],
            )
        ],
        changes=[
            Change(
                call=Call.patch(path, webhook_id=number, description="other"),
                then=Reading(call=get, at="webhook.description", says="other"),
            )
        ],
        removes=[Change(call=Call.delete(path), then=Reading(call=get, status=404))],
    )  # fmt: skip


def _version(make: Maker, name: str) -> dict[str, str]:
    made = make.post(
        "model-versions/create", name=name, source=make.artifacts, run_id=make.run,
        tags=pairs(_TAGS), description="größe",
    )  # fmt: skip
    return {"name": name, "version": made["model_version"]["version"]}


def _search(call: str, at: str, text: str, says: dict[str, Any]) -> Reading:
    return Reading(call=Call.get(f"{call}/search", filter=text), at=at, says=[says])


KINDS = {
    "logged model": logged_model,
    "registered model": registered_model,
    "model version": model_version,
    "alias": alias,
    "stage": stage,
    "prompt": prompt,
    "webhook": webhook,
}
"""The kinds of models and of the registry."""
