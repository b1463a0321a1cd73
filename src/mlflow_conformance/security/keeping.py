# SPDX-License-Identifier: Apache-2.0
"""What a rotation of credentials must keep: a run with its artifact; and who may still sign in."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, answer, new_run
from mlflow_conformance.security.signing_in import knock
from mlflow_conformance.security.thresholds import DatabaseAccount
from mlflow_conformance.target.base import Target

PARAMS = {"kept": "yes"}
ARTIFACT = "kept"


def new_experiment(api: MlflowApi, name: str) -> str:
    """Make an experiment: its ID.

    Raises:
        ApiError: MLflow refused it.
    """
    made = answer("experiments/create", api.post("experiments/create", name=name))
    return str(made["experiment_id"])


@dataclass(frozen=True)
class KeptRun:
    """A run with `PARAMS` and an artifact that reads `ARTIFACT`."""

    api: MlflowApi
    run_id: str
    path: str

    @classmethod
    def logged(cls, api: MlflowApi, experiment: str) -> "KeptRun":
        """Log one.

        Raises:
            ApiError: MLflow refused something of it.
        """
        run_id = new_run(api, experiment).run_id
        for key, value in PARAMS.items():
            param = api.post("runs/log-parameter", run_id=run_id, key=key, value=value)
            answer("runs/log-parameter", param)
        path = f"{ARTIFACTS}/{experiment}/{run_id}/artifacts/kept.txt"
        stored = api.request("PUT", path, body=ARTIFACT.encode(), content_type="text/plain")
        if stored.status != 200:
            raise ApiError("artifacts", stored)
        return cls(api, run_id, path)

    def params(self, waiter: Waiter) -> dict[str, str]:
        """Its params, once the server can say; none when it knows no such run.

        Raises:
            ApiError: MLflow refused to.
            TimedOut: it could not in time.
        """
        found = waiter.until(
            "readable: the run",
            self._params,
            done=lambda params: params is not None,
            timeout="endpoint reachable",
        )
        return found or {}

    def _params(self) -> dict[str, str] | None:
        try:
            reply = self.api.get("runs/get", run_id=self.run_id)
        except NoReply:  # a server that starts anew; how long that may take others promise
            return None
        if reply.status >= 500:
            return None
        if reply.status == 404:
            return {}
        found = answer("runs/get", reply)["run"]["data"].get("params", [])
        return {p["key"]: p["value"] for p in found}

    def artifact(self, waiter: Waiter) -> str:
        """What its artifact reads once the object store knows the new account, or what was said."""
        try:
            said = waiter.until(
                "readable: the artifact", self._artifact,
                done=lambda reply: not isinstance(reply, NoReply) and reply.status == 200,
                timeout="endpoint reachable",
            )  # fmt: skip
        except TimedOut as problem:
            return str(problem)
        return str(said) if isinstance(said, NoReply) else said.text

    def _artifact(self) -> Reply | NoReply:
        try:
            return self.api.request("GET", self.path)
        except NoReply as lost:
            return lost


def password_of(account: DatabaseAccount, secrets: Mapping[str, str]) -> str:
    """The password of an account.

    Args:
        secrets: values in base64, by ``secret/key``.
    """
    return base64.b64decode(secrets[f"{account.secret}/{account.key}"]).decode()


def sign_in(target: Target, namespace: str, user: str, password: str) -> str:
    """`accepted` or `refused`: what becomes of an attempt at PostgreSQL, from the runner.

    Raises:
        Undecided: the profile does not say where PostgreSQL is, or it lets nobody ask.
        InsideFailed: something else became of it.
    """
    names = target.names
    if names.postgresql is None:
        raise Undecided("the profile does not say where PostgreSQL is")
    dsn: dict[str, str | int] = {
        "host": names.postgresql.address(namespace),
        "port": names.postgresql.port,
        "dbname": names.postgresql.database,
        "user": user,
        "password": password,
    }
    match knock(target.inside, dsn):
        case "accepted":
            return "accepted"
        case "asked for another password":
            return "refused"
        case other:
            raise Undecided(f"PostgreSQL says nothing of the password of {user}: {other}")
