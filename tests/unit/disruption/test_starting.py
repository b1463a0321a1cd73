# SPDX-License-Identifier: Apache-2.0
"""Where a Service leads, as its EndpointSlices tell."""

from pathlib import Path
from typing import Any

from api_server import ApiServer
from mlflow_conformance.disruption.starting import led_to


def _endpoint(address: str, **conditions: Any) -> dict[str, Any]:
    return {"addresses": [address], **({"conditions": conditions} if conditions else {})}


def test_a_service_leads_to_what_is_ready_or_of_which_nothing_is_said(tmp_path: Path) -> None:
    with ApiServer() as server:
        for name, service, endpoints in (
            ("a-1", "a", [_endpoint("10.0.0.1", ready=True), _endpoint("10.0.0.2", ready=False)]),
            ("a-2", "a", [_endpoint("10.0.0.3"), _endpoint("10.0.0.4", serving=True)]),
            ("a-3", "a", None),
            ("b-1", "b", [_endpoint("10.0.0.5", ready=True)]),
        ):
            labels = {"kubernetes.io/service-name": service}
            server.have("EndpointSlice", name, metadata={"labels": labels}, endpoints=endpoints)
        found = led_to(server.kube(tmp_path), "a")
    assert found == {"10.0.0.1", "10.0.0.3", "10.0.0.4"}
