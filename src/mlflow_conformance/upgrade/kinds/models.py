# SPDX-License-Identifier: Apache-2.0
"""Logged models, the model registry, prompts, and the registry's webhooks."""

from typing import Any

from mlflow_conformance.doors.mlflow import ARTIFACTS
from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep, pairs

_TAGS = {"task": "größe 日本語", "owner": "ada"}
_WEBHOOK = "https://example.com/mlflow"  # of RFC 2606; nothing is sent by a disabled webhook


def logged_model(make: Maker, name: str) -> GivenThing:
    """A logged model with params, tags, a metric and a file."""
    params = {"alpha": "0.5", "größe": "ä"}
    made = make.post(
        "logged-models", experiment_id=make.experiment, name=name, model_type="agent",
        source_run_id=make.run, params=pairs(params), tags=pairs(_TAGS),
    )  # fmt: skip
    number = made["model"]["info"]["model_id"]
    path = f"logged-models/{number}"
    folder = made["model"]["info"]["artifact_uri"].partition(":/")[2].lstrip("/")
    file = f"{ARTIFACTS}/{folder}/MLmodel"
    make.done(ApiCall.bytes_of("PUT", file, name.encode(), "text/plain"))
    ready = ApiCall.patch(path, model_id=number, status="LOGGED_MODEL_READY")
    make.done(ready)
    metric = {"key": "score", "value": 0.75, "timestamp": 1_700_000_000_000, "step": 1}
    make.post("runs/log-metric", run_id=make.run, model_id=number, **metric)
    get, tag = ApiCall.get(path), {"key": "owner", "value": "bob"}
    info = {
        "model_id": number, "experiment_id": make.experiment, "name": name,
        "model_type": "agent", "source_run_id": make.run, "status": "LOGGED_MODEL_READY",
        "tags": pairs(_TAGS),
    }  # fmt: skip
    return GivenThing(
        kind="logged model", name=number,
        reads=[
            ReadBack(call=get, at="model", says={
                "info": info, "data": {"params": pairs(params), "metrics": [metric]},
            })
        ],
        finds=[
            ReadBack(
                call=ApiCall.post(
                    "logged-models/search", experiment_ids=[make.experiment],
                    filter=f"name = '{name}'",
                ),
                at="models", says=[{"info": {"model_id": number}}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.patch(f"{path}/tags", model_id=number, tags=[tag]),
                then=ReadBack(call=get, at="model.info.tags", says=[tag]),
            )
        ],
        removes=[UseStep(call=ApiCall.delete(path), then=ReadBack(call=get, status=404))],
    )  # fmt: skip


def registered_model(make: Maker, name: str) -> GivenThing:
    """A registered model with a description and tags."""
    make.post("registered-models/create", name=name, description=f"# {name}\n", tags=pairs(_TAGS))
    get = ApiCall.get("registered-models/get", name=name)
    says: dict[str, Any] = {"name": name, "description": f"# {name}\n", "tags": pairs(_TAGS)}
    tag = {"key": "owner", "value": "bob"}
    return GivenThing(
        kind="registered model", name=name,
        reads=[ReadBack(call=get, at="registered_model", says=says)],
        finds=[_search("registered-models", "registered_models", f"name = '{name}'", says)],
        changes=[
            UseStep(
                call=ApiCall.patch("registered-models/update", name=name, description="other"),
                then=ReadBack(call=get, at="registered_model.description", says="other"),
            ),
            UseStep(
                call=ApiCall.post("registered-models/set-tag", name=name, **tag),
                then=ReadBack(call=get, at="registered_model.tags", says=[tag]),
            ),
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("registered-models/delete", name=name),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def model_version(make: Maker, name: str) -> GivenThing:
    """A version with a description and tags."""
    make.post("registered-models/create", name=name)
    own = _version(make, name)
    get = ApiCall.get("model-versions/get", **own)
    says: dict[str, Any] = {
        **own, "description": "größe", "run_id": make.run, "source": make.artifacts,
        "status": "READY", "tags": pairs(_TAGS),
    }  # fmt: skip
    return GivenThing(
        kind="model version", name=f"{name}/1",
        reads=[
            ReadBack(call=get, at="model_version", says=says),
            ReadBack(
                call=ApiCall.get("model-versions/get-download-uri", **own), at="artifact_uri",
                says=make.artifacts,
            ),
        ],
        finds=[_search("model-versions", "model_versions", f"name = '{name}'", own)],
        changes=[
            UseStep(
                call=ApiCall.patch("model-versions/update", **own, description="other"),
                then=ReadBack(call=get, at="model_version.description", says="other"),
            ),
            UseStep(
                call=ApiCall.delete("model-versions/delete-tag", **own, key="task"),
                then=ReadBack(call=get, at="model_version.tags", says=pairs({"owner": "ada"})),
            ),
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("model-versions/delete", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def alias(make: Maker, name: str) -> GivenThing:
    """An alias of one of two versions."""
    make.post("registered-models/create", name=name)
    first, second = _version(make, name), _version(make, name)
    make.post("registered-models/alias", **first, alias="champion")
    get = ApiCall.get("registered-models/alias", name=name, alias="champion")
    return GivenThing(
        kind="alias", name=f"{name}@champion",
        reads=[
            ReadBack(call=get, at="model_version", says=first),
            ReadBack(
                call=ApiCall.get("registered-models/get", name=name), at="registered_model.aliases",
                says=[{"alias": "champion", "version": "1"}],
            ),
        ],
        changes=[
            UseStep(
                call=ApiCall.post("registered-models/alias", **second, alias="champion"),
                then=ReadBack(call=get, at="model_version", says=second),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("registered-models/alias", name=name, alias="champion"),
                then=ReadBack(call=get, status=400),
            )
        ],
    )  # fmt: skip


def stage(make: Maker, name: str) -> GivenThing:
    """A version in a stage; stages are deprecated, and people still have them."""
    make.post("registered-models/create", name=name)
    own = _version(make, name)
    move = {**own, "archive_existing_versions": False}
    make.post("model-versions/transition-stage", **move, stage="Production")
    get = ApiCall.get("model-versions/get", **own)
    return GivenThing(
        kind="stage", name=f"{name}/1",
        reads=[ReadBack(call=get, at="model_version.current_stage", says="Production")],
        finds=[
            ReadBack(
                call=ApiCall.post(
                    "registered-models/get-latest-versions", name=name, stages=["Production"]
                ),
                at="model_versions", says=[own],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.post("model-versions/transition-stage", **move, stage="Archived"),
                then=ReadBack(call=get, at="model_version.current_stage", says="Archived"),
            )
        ],
    )  # fmt: skip


def prompt(make: Maker, name: str) -> GivenThing:
    """A prompt, which the registry keeps as a model with tags of MLflow's own."""
    kept = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "Grüße an {{name}}"}
    make.post("registered-models/create", name=name, tags=pairs(kept))
    made = make.post(
        "model-versions/create", name=name, source="dummy-source", tags=pairs(kept),
        description="first",
    )  # fmt: skip
    own = {"name": name, "version": made["model_version"]["version"]}
    get = ApiCall.get("model-versions/get", **own)
    text = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` = 'true'"
    other = {"key": "mlflow.prompt.text", "value": "other"}
    return GivenThing(
        kind="prompt", name=name,
        reads=[
            ReadBack(call=get, at="model_version", says={
                **own, "description": "first", "tags": pairs(kept),
            })
        ],
        finds=[_search("registered-models", "registered_models", text, {"name": name})],
        changes=[
            UseStep(
                call=ApiCall.post("model-versions/set-tag", **own, **other),
                then=ReadBack(call=get, at="model_version.tags", says=[other]),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("model-versions/delete", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def webhook(make: Maker, name: str) -> GivenThing:
    """A webhook that is disabled, so that nothing is sent."""
    fields: dict[str, Any] = {
        "name": name, "url": _WEBHOOK, "description": "größe", "status": "DISABLED",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    }  # fmt: skip
    number = make.post("webhooks", **fields, secret="s" * 16)["webhook"]["webhook_id"]
    path = f"webhooks/{number}"
    get = ApiCall.get(path)
    return GivenThing(
        kind="webhook", name=number,
        reads=[ReadBack(call=get, at="webhook", says=fields)],
        finds=[
            ReadBack(
                call=ApiCall.get("webhooks", max_results=100), at="webhooks",
                says=[{"webhook_id": number, "name": name}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.patch(path, webhook_id=number, description="other"),
                then=ReadBack(call=get, at="webhook.description", says="other"),
            )
        ],
        removes=[UseStep(call=ApiCall.delete(path), then=ReadBack(call=get, status=404))],
    )  # fmt: skip


def _version(make: Maker, name: str) -> dict[str, str]:
    made = make.post(
        "model-versions/create", name=name, source=make.artifacts, run_id=make.run,
        tags=pairs(_TAGS), description="größe",
    )  # fmt: skip
    return {"name": name, "version": made["model_version"]["version"]}


def _search(call: str, at: str, text: str, says: dict[str, Any]) -> ReadBack:
    return ReadBack(call=ApiCall.get(f"{call}/search", filter=text), at=at, says=[says])


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
