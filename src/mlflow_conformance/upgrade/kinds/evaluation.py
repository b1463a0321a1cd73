# SPDX-License-Identifier: Apache-2.0
"""What people evaluate with: datasets of records, scorers, issues, label schemas, queues."""

import json

from mlflow_conformance.upgrade.kinds.traces import trace_of
from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.otlp import export
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep

_RECORD = {"inputs": {"question": "größe"}, "expectations": {"answer": "2"}, "tags": {"a": "b"}}


def evaluation_dataset(make: Maker, name: str) -> GivenThing:
    """A dataset of records, with tags."""
    made = make.post(
        "datasets/create", "3.0", name=name, experiment_ids=[make.experiment],
        tags=json.dumps({"team": "größe"}),
    )  # fmt: skip
    number = made["dataset"]["dataset_id"]
    path = f"datasets/{number}"
    make.post(f"{path}/records", "3.0", dataset_id=number, records=json.dumps([_RECORD]))
    get = ApiCall.get(path, "3.0")
    change = ApiCall.patch(f"{path}/tags", "3.0", dataset_id=number, tags='{"team": "other"}')
    return GivenThing(
        kind="evaluation dataset", name=number,
        reads=[
            ReadBack(call=get, at="dataset", says={"dataset_id": number, "name": name}),
            ReadBack(
                call=ApiCall.get(f"{path}/experiment-ids", "3.0"), at="experiment_ids",
                says=[make.experiment],
            ),
        ],
        finds=[
            ReadBack(
                call=ApiCall.post(
                    "datasets/search", "3.0", experiment_ids=[make.experiment],
                    filter_string=f"name = '{name}'",
                ),
                at="datasets", says=[{"dataset_id": number}],
            )
        ],
        changes=[UseStep(call=change, then=ReadBack(call=get, at="dataset.name", says=name))],
        removes=[
            UseStep(call=ApiCall.delete(path, "3.0"), then=ReadBack(call=get, status=404)),
        ],
    )  # fmt: skip


def scorer(make: Maker, name: str) -> GivenThing:
    """A scorer of an experiment."""
    told = json.dumps(
        {
            "name": name, "aggregations": None, "description": "größe", "is_session_level": False,
            "mlflow_version": "3.0.0", "serialization_version": 1,
            "builtin_scorer_class": "Safety", "builtin_scorer_pydantic_data": {"name": name},
        }
    )  # fmt: skip
    own = {"experiment_id": make.experiment, "name": name}
    make.post("scorers/register", "3.0", **own, serialized_scorer=told)
    get = ApiCall.get("scorers/get", "3.0", **own)
    return GivenThing(
        kind="scorer", name=name,
        reads=[
            ReadBack(call=get, at="scorer", says={
                "scorer_name": name, "scorer_version": 1, "serialized_scorer": told,
            })
        ],
        finds=[
            ReadBack(
                call=ApiCall.get("scorers/list", "3.0", experiment_id=make.experiment),
                at="scorers", says=[{"scorer_name": name}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.post("scorers/register", "3.0", **own, serialized_scorer=told),
                then=ReadBack(call=get, at="scorer.scorer_version", says=2),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("scorers/delete", "3.0", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def issue(make: Maker, name: str) -> GivenThing:
    """An issue of an experiment."""
    fields = {
        "experiment_id": make.experiment, "name": name, "description": "größe",
        "severity": "high", "root_causes": ["one"], "categories": ["latency"],
    }  # fmt: skip
    number = make.post("issues", "3.0", **fields, status="pending")["issue"]["issue_id"]
    get = ApiCall.get(f"issues/{number}", "3.0")
    return GivenThing(
        kind="issue", name=number,
        reads=[ReadBack(call=get, at="issue", says=fields)],
        finds=[
            ReadBack(
                call=ApiCall.post("issues/search", "3.0", experiment_id=make.experiment),
                at="issues", says=[{"issue_id": number}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.patch(
                    f"issues/{number}", "3.0", issue_id=number, description="other"
                ),
                then=ReadBack(call=get, at="issue.description", says="other"),
            )
        ],
    )  # fmt: skip


def label_schema(make: Maker, name: str) -> GivenThing:
    """A schema by which people label traces."""
    fields = {
        "name": name, "type": "FEEDBACK", "instruction": "größe",
        "input": {"categorical": {"options": ["a", "b"]}},
    }  # fmt: skip
    made = make.post("label-schemas/create", "3.0", experiment_id=make.experiment, **fields)
    number = made["label_schema"]["schema_id"]
    get = ApiCall.get("label-schemas/get", "3.0", schema_id=number)
    return GivenThing(
        kind="label schema", name=number,
        reads=[ReadBack(call=get, at="label_schema", says=fields)],
        finds=[
            ReadBack(
                call=ApiCall.get("label-schemas/list", "3.0", experiment_id=make.experiment),
                at="label_schemas", says=[{"schema_id": number}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.patch(
                    "label-schemas/update", "3.0", schema_id=number, instruction="other"
                ),
                then=ReadBack(call=get, at="label_schema.instruction", says="other"),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("label-schemas/delete", "3.0", schema_id=number),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def review_queue(make: Maker, name: str) -> GivenThing:
    """A queue of traces that people are to review."""
    fields = {"experiment_id": make.experiment, "name": name, "queue_type": "CUSTOM"}
    made = make.post("review-queues/create", "3.0", **fields, created_by="ada", users=["bob"])
    number = made["review_queue"]["queue_id"]
    sent = trace_of(name)
    make.done(export(make.experiment, [sent]))
    make.post(
        "review-queues/items/add", "3.0", queue_id=number, item_type="TRACE",
        item_ids=[sent.trace_id],
    )  # fmt: skip
    get = ApiCall.get("review-queues/get", "3.0", queue_id=number)
    return GivenThing(
        kind="review queue", name=number,
        reads=[
            ReadBack(call=get, at="review_queue", says={"name": name, "users": ["bob"]}),
            ReadBack(
                call=ApiCall.get("review-queues/items/list", "3.0", queue_id=number), at="items",
                says=[{"item_id": sent.trace_id}],
            ),
        ],
        finds=[
            ReadBack(
                call=ApiCall.get("review-queues/list", "3.0", experiment_id=make.experiment),
                at="review_queues", says=[{"queue_id": number}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.post(
                    "review-queues/update", "3.0", queue_id=number, update_users=True,
                    users=["ada", "bob"],
                ),
                then=ReadBack(call=get, at="review_queue.users", says=["ada", "bob"]),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.post("review-queues/delete", "3.0", queue_id=number),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


KINDS = {
    "evaluation dataset": evaluation_dataset,
    "scorer": scorer,
    "issue": issue,
    "label schema": label_schema,
    "review queue": review_queue,
}
"""The kinds of evaluation."""
