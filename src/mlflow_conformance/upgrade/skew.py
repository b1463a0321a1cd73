# SPDX-License-Identifier: Apache-2.0
"""Clients of several versions against both servers, operation by operation.

During an upgrade clients are of the old version or an older one, and some people upgrade theirs
first. What a client could do at A and cannot do at B is broken by the upgrade. What B's client
can do at B and not at A hits those who upgrade their client first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, answer
from mlflow_conformance.upgrade.models import Python
from mlflow_conformance.upgrade.otlp import location_of
from mlflow_conformance.upgrade.pair import PairServer, ServerPair
from mlflow_conformance.upgrade.scripts import CLIENT_OPERATIONS

_FOLDER = re.compile(r"mlflow-artifacts:/+([^\s\"]+)/artifacts")
Outcomes = Mapping[str, str | None]
"""What became of each operation: None, or the error that people would see."""


@dataclass(frozen=True)
class Client:
    """One version of MLflow's client at A and at B."""

    version: str
    at_a: Outcomes
    at_b: Outcomes

    @property
    def lost(self) -> list[str]:
        """Operations that work at A and not at B, each with its error."""
        return _worse(self.at_a, self.at_b)

    @property
    def ahead(self) -> list[str]:
        """Operations that work at B and not at A, each with its error."""
        return _worse(self.at_b, self.at_a)

    @property
    def nowhere(self) -> list[str]:
        """Operations that work at neither, each with its error at A."""
        return sorted(f"{name}: {e}" for name, e in self.at_a.items() if e and self.at_b.get(name))


def _worse(before: Outcomes, after: Outcomes) -> list[str]:
    return sorted(
        f"{name}: {after.get(name, 'not tried')}"
        for name, error in before.items()
        if error is None and (name not in after or after[name] is not None)
    )


def tried(pair: ServerPair, python: Python, version: str, name: str) -> Client:
    """Try every operation of a client at both servers.

    Args:
        python: of the client.
        name: of what it makes; nobody may have used it.

    Raises:
        Undecided: the client does not even begin.
    """
    return Client(
        version,
        _outcomes(python, version, pair.a, f"{name}-a"),
        _outcomes(python, version, pair.b, f"{name}-b"),
    )


def matrix(clients: Sequence[Client]) -> dict[str, JsonValue]:
    """For people: by client and server what does not work, with the error."""
    return {
        f"client {client.version} at {server}": {
            name: error for name, error in sorted(outcomes.items()) if error
        }
        or f"all {len(outcomes)} operations work"
        for client in clients
        for server, outcomes in (("A", client.at_a), ("B", client.at_b))
    }


def _outcomes(python: Python, version: str, server: PairServer, name: str) -> Outcomes:
    try:
        said = python.run(CLIENT_OPERATIONS, {"url": server.url, "name": name})
    except ValueError as problem:
        raise Undecided(f"the client of {version} says nothing: {problem}") from problem
    finally:
        _forget(server.api, name)
    if not isinstance(said, dict) or not said:
        raise Undecided(f"the client of {version} did nothing: {said}")
    return {key: None if error is None else str(error) for key, error in said.items()}


def _forget(api: MlflowApi, name: str) -> None:
    """Delete the artifacts of what a client made: the bucket is shared, and outlives the copies."""
    found = api.get("experiments/get-by-name", experiment_name=name)
    if found.status != 200:
        return
    number = answer("experiments/get-by-name", found)["experiment"]["experiment_id"]
    said = [
        api.post("runs/search", experiment_ids=[number]),
        api.post("logged-models/search", experiment_ids=[number]),
        api.send("POST", "/api/3.0/mlflow/traces/search", {"locations": [location_of(number)]}),
    ]
    folders = {path for reply in said for path in _FOLDER.findall(reply.text)}
    for folder in sorted(folders):
        api.request("DELETE", f"{ARTIFACTS}/{folder}")
