# SPDX-License-Identifier: Apache-2.0
"""Users and their permissions, where the server asks who somebody is."""

import secrets

from mlflow_conformance.doors.account import basic
from mlflow_conformance.upgrade.making import Absent, Maker
from mlflow_conformance.upgrade.things import ApiCall, GivenThing, ReadBack, UseStep


def user(make: Maker, name: str) -> GivenThing:
    """A user who signs in with a password, and may edit one experiment."""
    # It opens nothing but this user's own experiment; who holds the folder of the upgrade may
    # sign in as this user, to see whether the password still holds.
    password = secrets.token_hex(12)
    make.post("users/create", username=name, password=password)
    made = make.post("experiments/create", name=name)["experiment_id"]
    get = ApiCall.get("users/get", username=name)
    allowed = _granted(make, name, made)
    own = ApiCall.get("experiments/get", experiment_id=made)
    as_user = own.model_copy(update={"headers": {"Authorization": basic(name, password)}})
    wrong = basic(name, f"{password}x")
    refused = own.model_copy(update={"headers": {"Authorization": wrong}})
    return GivenThing(
        kind="user", name=name,
        reads=[
            ReadBack(call=get, at="user", says={"username": name, "is_admin": False}),
            ReadBack(call=as_user, at="experiment", says={"name": name}),
            ReadBack(call=refused, status=401),
            *allowed,
        ],
        changes=[
            UseStep(
                call=ApiCall.patch("users/update-admin", username=name, is_admin=True),
                then=ReadBack(call=get, at="user.is_admin", says=True),
            )
        ],
        removes=[
            UseStep(
                call=ApiCall.delete("users/delete", username=name),
                then=ReadBack(call=get, status=404),
            )
        ],
    )  # fmt: skip


def _granted(make: Maker, name: str, experiment: str) -> list[ReadBack]:
    """Give a permission, by the older API where the server has it; what is read of it then."""
    own = {"experiment_id": experiment, "username": name}
    try:
        make.post("experiments/permissions/create", **own, permission="EDIT")
    except Absent:
        grant = {
            "username": name, "resource_type": "experiment", "resource_id": experiment,
        }  # fmt: skip
        make.post("users/permissions/grant", "3.0", **grant, permission="EDIT")
        return []
    get = ApiCall.get("experiments/permissions/get", **own)
    return [ReadBack(call=get, at="experiment_permission.permission", says="EDIT")]


KINDS = {"user": user}
"""The kinds of access."""
