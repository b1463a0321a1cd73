# SPDX-License-Identifier: Apache-2.0
"""The gateway's secrets, model definitions, endpoints and budgets, and servers of tools (MCP)."""

from typing import Any

from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep

_MCP = "/api/3.0/mlflow/mcp-servers"


def endpoint(make: Maker, name: str) -> GivenThing:
    """An endpoint with a model definition and a secret."""
    model = _definition(make, name)
    linked = {"model_definition_id": model, "linkage_type": "PRIMARY", "weight": 1.0}
    made = make.post(
        "gateway/endpoints/create", "3.0", name=name, model_configs=[linked], created_by="ada",
        routing_strategy="REQUEST_BASED_TRAFFIC_SPLIT",
    )  # fmt: skip
    number = made["endpoint"]["endpoint_id"]
    own = {"endpoint_id": number}
    tag = {"key": "team", "value": "größe"}
    make.post("gateway/endpoints/set-tag", "3.0", **own, **tag)
    get = ApiCall.get("gateway/endpoints/get", "3.0", **own)
    mapping = {"model_definition_id": model}
    return GivenThing(
        kind="gateway endpoint", name=name,
        reads=[
            ReadBack(call=get, at="endpoint", says={
                **own, "name": name, "created_by": "ada", "model_mappings": [mapping],
                "tags": [tag],
            })
        ],
        finds=[
            ReadBack(call=ApiCall.get("gateway/endpoints/list", "3.0"), at="endpoints", says=[own])
        ],
        changes=[
            UseStep(
                call=ApiCall.post("gateway/endpoints/update", "3.0", **own, name=f"{name}-2"),
                then=ReadBack(call=get, at="endpoint.name", says=f"{name}-2"),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("gateway/endpoints/delete", "3.0", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def secret(make: Maker, name: str) -> GivenThing:
    """A secret of the gateway: what is kept of it besides its value."""
    number = _secret(make, name)
    own = {"secret_id": number}
    get = ApiCall.get("gateway/secrets/get", "3.0", **own)
    return GivenThing(
        kind="gateway secret", name=name,
        reads=[
            ReadBack(call=get, at="secret", says={
                **own, "secret_name": name, "provider": "openai", "created_by": "ada",
            })
        ],
        finds=[ReadBack(call=ApiCall.get("gateway/secrets/list", "3.0"), at="secrets", says=[own])],
        changes=[
            UseStep(
                call=ApiCall.post(
                    "gateway/secrets/update", "3.0", **own, updated_by="bob",
                    secret_value={"api_key": "k" * 20},
                ),
                then=ReadBack(call=get, at="secret", says={**own, "last_updated_by": "bob"}),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("gateway/secrets/delete", "3.0", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def budget(make: Maker, name: str) -> GivenThing:
    """A budget of the gateway, which has no name of its own."""
    fields: dict[str, Any] = {
        "budget_unit": "USD", "budget_amount": 12.5, "target_scope": "GLOBAL",
        "duration": {"unit": "DAYS", "value": 7}, "budget_action": "ALERT",
    }  # fmt: skip
    made = make.post("gateway/budgets/create", "3.0", **fields, created_by=name)
    number = made["budget_policy"]["budget_policy_id"]
    own = {"budget_policy_id": number}
    get = ApiCall.get("gateway/budgets/get", "3.0", **own)
    return GivenThing(
        kind="gateway budget", name=number,
        reads=[ReadBack(call=get, at="budget_policy", says={**own, **fields})],
        finds=[
            ReadBack(
                call=ApiCall.get("gateway/budgets/list", "3.0"), at="budget_policies", says=[own]
            )
        ],
        changes=[
            UseStep(
                call=ApiCall.post("gateway/budgets/update", "3.0", **own, budget_amount=20.5),
                then=ReadBack(call=get, at="budget_policy.budget_amount", says=20.5),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("gateway/budgets/delete", "3.0", **own),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def mcp_server(make: Maker, name: str) -> GivenThing:
    """A server of tools with a version, a tag and an alias."""
    known = f"io.example/{name}"
    make.done(ApiCall(method="POST", path=_MCP, fields={"name": known, "description": "größe"}))
    own, get = f"{_MCP}/{known}", ApiCall(method="GET", path=f"{_MCP}/{known}")
    told = {"name": known, "version": "1.0.0", "description": "größe"}
    for below, fields in (
        ("versions", {"server_json": told, "status": "active"}),
        ("tags", {"key": "team", "value": "größe"}),
        ("aliases", {"alias": "champion", "version": "1.0.0"}),
        ("versions/1.0.0/tags", {"key": "stage", "value": "test"}),
        ("endpoints", {"url": "https://example.com/mcp", "server_version": "1.0.0"}),
    ):
        make.done(ApiCall(method="POST", path=f"{own}/{below}", fields=fields))
    return GivenThing(
        kind="MCP server", name=known,
        reads=[
            ReadBack(call=get, says={"name": known, "description": "größe"}),
            ReadBack(
                call=ApiCall(method="GET", path=f"{own}/aliases/champion"),
                says={"version": "1.0.0"},
            ),
            ReadBack(
                call=ApiCall(method="GET", path=f"{own}/endpoints"), at="mcp_access_endpoints",
                says=[{"url": "https://example.com/mcp"}],
            ),
        ],
        finds=[
            ReadBack(
                call=ApiCall(method="GET", path=f"{own}/versions"), at="mcp_server_versions",
                says=[{"version": "1.0.0"}],
            )
        ],
        changes=[
            UseStep(
                call=ApiCall(method="PATCH", path=own, fields={"description": "other"}),
                then=ReadBack(call=get, at="description", says="other"),
            )
        ],
    )  # fmt: skip


def _secret(make: Maker, name: str) -> str:
    made = make.post(
        "gateway/secrets/create", "3.0", secret_name=name, provider="openai", created_by="ada",
        secret_value={"api_key": "x" * 20},
    )  # fmt: skip
    number: str = made["secret"]["secret_id"]
    return number


def _definition(make: Maker, name: str) -> str:
    made = make.post(
        "gateway/model-definitions/create", "3.0", name=name, secret_id=_secret(make, name),
        provider="openai", model_name="größe-1", created_by="ada",
    )  # fmt: skip
    number: str = made["model_definition"]["model_definition_id"]
    return number


KINDS = {
    "gateway endpoint": endpoint,
    "gateway secret": secret,
    "gateway budget": budget,
    "MCP server": mcp_server,
}
"""The kinds of the gateway."""
