# SPDX-License-Identifier: Apache-2.0
"""Accounts of MLflow's own login, what may be asked as one, and what an answer to it means."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.doors.account import account, basic
from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.mlflow import ARTIFACTS, MlflowApi, answer

Ask = Callable[[MlflowApi], Reply]
"""One request, sent through a door as whoever that door is signed in as."""

NOT_SIGNED_IN, FORBIDDEN, DONE = 401, 403, 200
_PERMISSIONS = "/api/3.0/mlflow/users/permissions"
_SEARCH = "experiments/search"


@dataclass(frozen=True)
class Account:
    """A user and the password."""

    name: str
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """What a client sends."""
        return basic(self.name, self.password)


def new_account(name: str) -> Account:
    """An account with a password that nobody guesses."""
    return Account(name, secrets.token_urlsafe(24))


def signed(api: MlflowApi, authorization: str | None) -> MlflowApi:
    """The same door, signed in as somebody else, or as nobody."""
    headers = {k: v for k, v in api.headers.items() if k != "Authorization"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return replace(api, headers=headers)


def administrator_of(api: MlflowApi) -> str:
    """The name that a door is signed in by.

    Raises:
        Undecided: it is not signed in by a name and a password.
    """
    name, *_ = account(api.headers).values() or [""]
    if not api.headers.get("Authorization", "").startswith("Basic ") or not name:
        raise Undecided(
            "this asks as an administrator of MLflow's basic auth: name the account under "
            "names.mlflow.login, or leave the row out with a reason under `without`"
        )
    return name


@dataclass(frozen=True)
class Property:
    """What an administrator made, and others may or may not touch."""

    experiment: str
    run: str

    @property
    def key(self) -> str:
        """Where an artifact of the run is."""
        return f"{self.experiment}/{self.run}/artifacts/note.txt"


def reads(own: Property) -> Mapping[str, Ask]:
    """Requests that show something of it."""
    return {
        "experiments/get": lambda a: a.get("experiments/get", experiment_id=own.experiment),
        "runs/get": lambda a: a.get("runs/get", run_id=own.run),
        "metrics/get-history": lambda a: a.get(
            "metrics/get-history", run_id=own.run, metric_key="loss"
        ),
        "artifacts/list": lambda a: a.get("artifacts/list", run_id=own.run),
        "download": lambda a: a.request("GET", f"{ARTIFACTS}/{own.key}"),
    }


def writes(own: Property) -> Mapping[str, Ask]:
    """Requests that change something in it."""
    return {
        "runs/create": lambda a: a.post("runs/create", experiment_id=own.experiment),
        "runs/log-metric": lambda a: a.post(
            "runs/log-metric", run_id=own.run, key="loss", value=1.0, timestamp=1, step=1
        ),
        "runs/set-tag": lambda a: a.post("runs/set-tag", run_id=own.run, key="seen", value="yes"),
        "experiments/set-experiment-tag": lambda a: a.post(
            "experiments/set-experiment-tag", experiment_id=own.experiment, key="k", value="v"
        ),
        "upload": lambda a: a.request("PUT", f"{ARTIFACTS}/{own.key}", body=b"changed"),
    }


def manages(own: Property, user: str, another: Account) -> Mapping[str, Ask]:
    """Requests that only an administrator, or whoever manages it, may send.

    Args:
        user: who sends them.
        another: an account that does not exist.
    """
    return {
        "users/create": lambda a: create(a, another),
        "users/update-admin": lambda a: a.patch("users/update-admin", username=user, is_admin=True),
        "users/permissions/grant": lambda a: permit(a, user, own.experiment, "MANAGE"),
        "experiments/delete": lambda a: a.post("experiments/delete", experiment_id=own.experiment),
    }


def api_of(own: Property) -> Mapping[str, Ask]:
    """The API as clients and as MLflow's own pages send it."""
    return {
        **reads(own),
        **writes(own),
        "pages' API": lambda a: a.send(
            "POST", f"/ajax-api/2.0/mlflow/{_SEARCH}", {"max_results": 1}
        ),
    }


def entrances(own: Property) -> Mapping[str, Ask]:
    """Every kind of way into a server: its API, pages, metrics, and what is no call of the API."""
    return {
        **api_of(own),
        "pages": lambda a: a.request("GET", "/"),
        "metrics": lambda a: a.request("GET", "/metrics"),
        "GraphQL": lambda a: a.send("POST", "/graphql", {"query": "{ test }"}),
        "page of an artifact": lambda a: a.request(
            "GET", f"/get-artifact?run_id={own.run}&path=note.txt"
        ),
        "traces": lambda a: a.request(
            "POST", "/v1/traces", body=b"", content_type="application/x-protobuf"
        ),
    }


def wrong_logins(name: str) -> Mapping[str, str]:
    """Headers of logins that are wrong, by what is wrong with them.

    Args:
        name: of a user that there is.
    """
    return {
        "wrong password": new_account(name).authorization,
        "no password": Account(name, "").authorization,
        "unknown user": new_account(f"{name}-{secrets.token_hex(8)}").authorization,
        "no base64": "Basic %%%",
    }


def differing(statuses: Mapping[str, int], wanted: int) -> dict[str, int]:
    """Those that are others than the one that is wanted."""
    return {what: status for what, status in statuses.items() if status != wanted}


def is_administrator(reply: Reply) -> bool:
    """Whether MLflow says so of the user that it was asked for."""
    return bool(answer("users/get", reply)["user"]["is_admin"])


def search(api: MlflowApi) -> Reply:
    """What everybody may ask who is signed in."""
    return api.post(_SEARCH, max_results=1)


def create(api: MlflowApi, new: Account) -> Reply:
    """Make an account."""
    return api.post("users/create", username=new.name, password=new.password)


def change_password(api: MlflowApi, account: Account) -> Reply:
    """Give an account this password."""
    return api.patch("users/update-password", username=account.name, password=account.password)


def remove(api: MlflowApi, name: str) -> Reply:
    """Delete an account."""
    return api.delete("users/delete", username=name)


def permit(api: MlflowApi, user: str, experiment: str, permission: str) -> Reply:
    """Give a user a permission on an experiment, whatever it was before."""
    return _permissions(api, "grant", user, experiment, permission=permission)


def revoke(api: MlflowApi, user: str, experiment: str) -> Reply:
    """Take back what a user was given on an experiment; the default is left."""
    return _permissions(api, "revoke", user, experiment)


def permission_of(api: MlflowApi, user: str, experiment: str) -> str:
    """The permission that MLflow says a user has on an experiment.

    Raises:
        ApiError: it says none.
        NoReply: no complete reply came.
    """
    asked = {"username": user, "resource_type": "experiment", "resource_id": experiment}
    reply = api.request("GET", f"{_PERMISSIONS}/get?{urlencode(asked)}")
    return str(answer("users/permissions/get", reply)["permission"])


def _permissions(api: MlflowApi, call: str, user: str, experiment: str, **more: str) -> Reply:
    fields = {
        "username": user, "resource_type": "experiment", "resource_id": experiment, **more,
    }  # fmt: skip
    return api.send("POST", f"{_PERMISSIONS}/{call}", fields)


@contextmanager
def removed(api: MlflowApi, *names: str) -> Iterator[None]:
    """Delete accounts in the end, however that comes; one that is not there is no matter."""
    try:
        yield
    finally:
        for name in names:
            remove(api, name)
