# SPDX-License-Identifier: Apache-2.0
"""Experiments and runs, with all that is logged in a run."""

from mlflow_conformance.doors.mlflow import ARTIFACTS
from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep, pairs

_TAGS = {"team": "ml ops", "unicode": "größe 日本語 🚀", "lines": "a\n\tb "}
_PARAMS = {"learning_rate": "0.1", "größe/名": "ä ☃", "long": "x" * 500}
_MOMENT = 1_700_000_000_000
_STEPS = 30


def experiment(make: Maker, name: str) -> GivenThing:
    """An experiment with tags."""
    number = make.post("experiments/create", name=name, tags=pairs(_TAGS))["experiment_id"]
    get = ApiCall.get("experiments/get", experiment_id=number)
    renamed, last = f"{name}-renamed", {"key": "later", "value": "yes"}
    return GivenThing(
        kind="experiment", name=name,
        reads=[
            ReadBack(call=call, at="experiment", says={
                "experiment_id": number, "name": name, "lifecycle_stage": "active",
                "tags": pairs(_TAGS),
            })
            for call in (get, ApiCall.get("experiments/get-by-name", experiment_name=name))
        ],
        finds=[_found("experiments", {"experiment_id": number}, f"name = '{name}'")],
        changes=[
            UseStep(
                call=ApiCall.post("experiments/update", experiment_id=number, new_name=renamed),
                then=ReadBack(call=get, at="experiment.name", says=renamed),
            ),
            UseStep(
                call=ApiCall.post("experiments/set-experiment-tag", experiment_id=number, **last),
                then=ReadBack(call=get, at="experiment.tags", says=[last]),
            ),
        ],
        removes=[_stage("experiments/delete", get, "experiment", "deleted", experiment_id=number)],
    )  # fmt: skip


def deleted_experiment(make: Maker, name: str) -> GivenThing:
    """An experiment that was deleted, and can be restored."""
    number = make.post("experiments/create", name=name)["experiment_id"]
    make.post("experiments/delete", experiment_id=number)
    get = ApiCall.get("experiments/get", experiment_id=number)
    says = {"name": name, "lifecycle_stage": "deleted"}
    return GivenThing(
        kind="deleted experiment", name=name,
        reads=[ReadBack(call=get, at="experiment", says=says)],
        finds=[
            _found("experiments", {"experiment_id": number}, f"name = '{name}'",
                   view_type="DELETED_ONLY"),
        ],
        changes=[_stage("experiments/restore", get, "experiment", "active", experiment_id=number)],
    )  # fmt: skip


def run(make: Maker, name: str) -> GivenThing:
    """A run with params, tags, metrics and a status."""
    number = _new_run(make, name)
    batch = [{"key": "loss", "value": 0.25, "timestamp": _MOMENT, "step": 3}]
    make.post(
        "runs/log-batch", run_id=number, metrics=batch, params=pairs(_PARAMS), tags=pairs(_TAGS)
    )
    make.post("runs/update", run_id=number, status="FAILED", end_time=_MOMENT + 9)
    get = ApiCall.get("runs/get", run_id=number)
    says = {
        "info": {
            "run_id": number, "run_name": name, "status": "FAILED", "start_time": _MOMENT,
            "end_time": _MOMENT + 9, "lifecycle_stage": "active",
        },
        "data": {
            "params": pairs(_PARAMS), "metrics": batch,
            "tags": pairs({**_TAGS, "mlc": name, "mlflow.runName": name}),
        },
    }  # fmt: skip
    better = {"key": "loss", "value": 0.125, "timestamp": _MOMENT + 1, "step": 4}
    tag = {"key": "team", "value": "other"}
    filters = (f"attributes.run_name = '{name}'", f"tags.mlc = '{name}'", "metrics.loss < 0.3")
    return GivenThing(
        kind="run", name=number,
        reads=[ReadBack(call=get, at="run", says=says)],
        finds=[
            ReadBack(
                call=ApiCall.post("runs/search", experiment_ids=[make.experiment], filter=text),
                at="runs", says=[{"info": {"run_id": number, "run_name": name}}],
            )
            for text in filters
        ],
        changes=[
            UseStep(
                call=ApiCall.post("runs/log-metric", run_id=number, **better),
                then=ReadBack(call=get, at="run.data.metrics", says=[better]),
            ),
            UseStep(
                call=ApiCall.post("runs/set-tag", run_id=number, **tag),
                then=ReadBack(call=get, at="run.data.tags", says=[tag]),
            ),
            UseStep(
                call=ApiCall.post("runs/log-parameter", run_id=number, key="late", value="1"),
                then=ReadBack(
                    call=get, at="run.data.params", says=[{"key": "late", "value": "1"}]
                ),
            ),
            UseStep(
                call=ApiCall.post("runs/update", run_id=number, status="FINISHED"),
                then=ReadBack(call=get, at="run.info.status", says="FINISHED"),
            ),
        ],
        removes=[
            _stage("runs/delete", get, "run.info", "deleted", run_id=number),
            _stage("runs/restore", get, "run.info", "active", run_id=number),
        ],
    )  # fmt: skip


def deleted_run(make: Maker, name: str) -> GivenThing:
    """A run that was deleted, and can be restored."""
    number = _new_run(make, name)
    make.post("runs/delete", run_id=number)
    get = ApiCall.get("runs/get", run_id=number)
    return GivenThing(
        kind="deleted run", name=number,
        reads=[ReadBack(call=get, at="run.info", says={"lifecycle_stage": "deleted"})],
        finds=[
            ReadBack(
                call=ApiCall.post(
                    "runs/search", experiment_ids=[make.experiment],
                    run_view_type="DELETED_ONLY", filter=f"tags.mlc = '{name}'",
                ),
                at="runs", says=[{"info": {"run_id": number}}],
            )
        ],
        changes=[_stage("runs/restore", get, "run.info", "active", run_id=number)],
    )  # fmt: skip


def metric_history(make: Maker, name: str) -> GivenThing:
    """A metric with many steps, some of them no finite numbers."""
    number = _new_run(make, name)
    values = [0.5 / (step + 1) for step in range(_STEPS)]
    steps = [
        {"key": "loss", "value": value, "timestamp": _MOMENT + step, "step": step}
        for step, value in enumerate(values)
    ]
    odd = [
        {"key": key, "value": value, "timestamp": _MOMENT, "step": 0}
        for key, value in (("nan", "NaN"), ("tiny", 1e-300))
    ]
    make.post("runs/log-batch", run_id=number, metrics=[*steps, *odd])
    more = {"key": "loss", "value": 7.5, "timestamp": _MOMENT + _STEPS, "step": _STEPS}
    history = {
        key: ApiCall.get("metrics/get-history", run_id=number, metric_key=key)
        for key in ("loss", "nan", "tiny")
    }
    return GivenThing(
        kind="metric history", name=number,
        reads=[
            ReadBack(call=history["loss"], at="metrics", says=steps),
            *(ReadBack(call=history[str(m["key"])], at="metrics", says=[m]) for m in odd),
        ],
        changes=[
            UseStep(
                call=ApiCall.post("runs/log-metric", run_id=number, **more),
                then=ReadBack(call=history["loss"], at="metrics", says=[*steps, more]),
            )
        ],
    )  # fmt: skip


def dataset(make: Maker, name: str) -> GivenThing:
    """A dataset that is the input of a run."""
    number = _new_run(make, name)
    fields = {
        "name": name, "digest": "d1g35t", "source_type": "local",
        "source": '{"uri": "s3://iris/größe"}', "schema": '{"mlflow_colspec": []}',
        "profile": '{"num_rows": 150}',
    }  # fmt: skip
    tags = pairs({"mlflow.data.context": "training"})
    make.post("runs/log-inputs", run_id=number, datasets=[{"dataset": fields, "tags": tags}])
    second = {**fields, "name": f"{name}-2"}
    get = ApiCall.get("runs/get", run_id=number)
    return GivenThing(
        kind="dataset", name=name,
        reads=[
            ReadBack(
                call=get, at="run.inputs.dataset_inputs", says=[{"dataset": fields, "tags": tags}]
            )
        ],
        finds=[
            ReadBack(
                call=ApiCall.post(
                    "runs/search", experiment_ids=[make.experiment],
                    filter=f"dataset.name = '{name}'",
                ),
                at="runs", says=[{"info": {"run_id": number}}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.post("runs/log-inputs", run_id=number, datasets=[{"dataset": second}]),
                then=ReadBack(
                    call=get, at="run.inputs.dataset_inputs", says=[{"dataset": second}]
                ),
            )
        ],
    )  # fmt: skip


def artifact(make: Maker, name: str) -> GivenThing:
    """A file of a run, by way of the server."""
    folder = make.artifacts.partition(":/")[2].lstrip("/")
    text = f"größe of {name}\n" * 50
    path = f"{ARTIFACTS}/{folder}/{name}.txt"
    get = ApiCall(method="GET", path=path)
    make.done(_put(path, text))
    return GivenThing(
        kind="artifact", name=f"{name}.txt",
        reads=[ReadBack(call=get, says=text)],
        finds=[
            ReadBack(
                call=ApiCall.get("artifacts/list", run_id=make.run), at="files",
                says=[{"path": f"{name}.txt", "file_size": len(text.encode()), "is_dir": False}],
            )
        ],
        changes=[UseStep(call=_put(path, "other"), then=ReadBack(call=get, says="other"))],
        removes=[
            UseStep(call=ApiCall(method="DELETE", path=path), then=ReadBack(call=get, status=None))
        ],
    )  # fmt: skip


def _put(path: str, text: str) -> ApiCall:
    return ApiCall.bytes_of("PUT", path, text.encode(), "text/plain")


def _new_run(make: Maker, name: str) -> str:
    made = make.post(
        "runs/create", experiment_id=make.experiment, run_name=name, start_time=_MOMENT,
        tags=pairs({"mlc": name}),
    )  # fmt: skip
    number: str = made["run"]["info"]["run_id"]
    return number


def _found(at: str, says: dict[str, str], text: str, **more: str) -> ReadBack:
    call = ApiCall.post(f"{at}/search", filter=text, max_results=10, **more)
    return ReadBack(call=call, at=at, says=[says])


def _stage(call: str, get: ApiCall, at: str, stage: str, **fields: str) -> UseStep:
    then = ReadBack(call=get, at=f"{at}.lifecycle_stage", says=stage)
    return UseStep(call=ApiCall.post(call, **fields), then=then)


KINDS = {
    "experiment": experiment,
    "deleted experiment": deleted_experiment,
    "run": run,
    "deleted run": deleted_run,
    "metric history": metric_history,
    "dataset": dataset,
    "artifact": artifact,
}
"""The kinds of tracking."""
