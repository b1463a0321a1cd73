# SPDX-License-Identifier: Apache-2.0
"""SEC-8: who changed what, as the log of MLflow's pods tells it."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.security import accounts, trail
from mlflow_conformance.security.thresholds import Trail
from mlflow_conformance.security.trail import ChangeSender, SentChange
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_pods import RUNNER

_Lines = dict[str, list[dict[str, Any]]]
"""What logs say of requests, by their IDs."""


@check(
    "SEC-8",
    impact="After a model was replaced or data deleted nobody can tell from where that came.",
    remedy="Log every request with its caller's address, method, path, status and ID as JSON, and "
    "believe no caller who says to be somewhere else (uvicorn's --forwarded-allow-ips).",
    writes=("mlflow",),
)
def test_changes_are_in_the_log(
    evidence: Evidence, target: Target, kube: Kube, experiment: str, unique: Unique,
    belongings: Belongings, waiter: Waiter,
) -> None:  # fmt: skip
    """Every change is one line in the log of the pod that made it, with where it came from.

    Preconditions: a replica is ready; its pods' logs may be read.
    Steps: make one change of every kind at every replica and through the front door, each with an
    ID of its own, and say to come from an address that nobody has; read the logs of all replicas.
    Expected: for each one line with its method, path and status; those from inside have the
    runner's own address as their caller.
    """
    row = evidence.row(Trail)
    runner = kube.get("pod", RUNNER, namespace=target.names.runner.namespace)
    address = str(runner["status"]["podIP"])
    doors = {url: target.api(url) for url in target.replica_urls()}
    inside = _changed(
        row, doors, experiment, unique, belongings, {"X-Forwarded-For": trail.SOMEBODY_ELSE}
    )
    front = {"front door": target.front.api()} if target.front else {}
    other = _changed(row, front, experiment, unique, belongings, {})
    found = _found(evidence, target, kube, waiter, row, [*inside, *other])
    callers = {
        change.what: line.get(row.fields.caller)
        for change, line in found.items()
        if change in inside and not trail.is_of(line.get(row.fields.caller), address)
    }
    evidence.expect(
        "caller", f"changes from {address} that have another caller", callers, "==", {},
        door="kubernetes",
    )  # fmt: skip


@check(
    "SEC-8.user",
    impact="Everybody comes from one address, the ingress's, and nobody can tell who it was.",
    remedy="Log with every request the user whose login MLflow accepted.",
    writes=("mlflow",),
)
def test_users_are_in_the_log(
    evidence: Evidence, target: Target, kube: Kube, experiment: str, unique: Unique,
    belongings: Belongings, waiter: Waiter,
) -> None:  # fmt: skip
    """Every change names in the log the user who signed in for it, and no refused login names one.

    Preconditions: the profile's login is an administrator's; pods' logs may be read.
    Steps: make a user who may manage an experiment; as the administrator and as that user make one
    change of every kind at every replica, each with an ID of its own; ask for one more in the
    administrator's name with a wrong password; read the logs of all replicas.
    Expected: each change names its user; what was refused does not.
    """
    row = evidence.row(Trail)
    doors = {url: target.api(url) for url in target.replica_urls()}
    if not doors:
        evidence.undecided("no replica of MLflow is ready")
    admin = next(iter(doors.values()))
    name = accounts.administrator_of(admin)
    user = accounts.new_account(unique("user"))
    of_admin = _changed(row, doors, experiment, unique, belongings, {})
    with accounts.removed(admin, user.name):
        answer("users/create", accounts.create(admin, user))
        answer("grant", accounts.permit(admin, user.name, experiment, "MANAGE"))
        signed = {u: accounts.signed(api, user.authorization) for u, api in doors.items()}
        of_user = _changed(row, signed, experiment, unique, belongings, {})
    refused = [
        sent
        for api in doors.values()
        for sent in _refused(row, api, accounts.new_account(name).authorization)
    ]
    found = _found(evidence, target, kube, waiter, row, [*of_admin, *of_user, *refused])
    told = {change: line.get(row.fields.user) for change, line in found.items()}
    wanted = {**dict.fromkeys(of_admin, name), **dict.fromkeys(of_user, user.name)}
    evidence.expect(
        "user", "changes that name another user than theirs",
        {c.what: told[c] for c in told if c in wanted and told[c] != wanted[c]}, "==", {},
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        # A log may write a sign for nobody, such as a dash.
        "refused", "refused logins that name the user who was claimed",
        {c.what: told[c] for c in refused if name in str(told.get(c) or "")}, "==", {},
        door="kubernetes",
    )  # fmt: skip


def _changed(
    row: Trail,
    doors: dict[str, MlflowApi],
    experiment: str,
    unique: Unique,
    belongings: Belongings,
    headers: dict[str, str],
) -> list[SentChange]:
    """What was sent through some doors, one change of every kind through each."""
    sent: list[SentChange] = []
    for api in doors.values():
        sending = ChangeSender(api, row.header, headers)
        trail.change_everything(sending, experiment, belongings.model(unique("model")))
        sent.extend(sending.sent)
    return sent


def _refused(row: Trail, api: MlflowApi, authorization: str) -> Sequence[SentChange]:
    """A change that was asked for with a wrong login."""
    sending = ChangeSender(accounts.signed(api, authorization), row.header)
    sending.request("a refused change", "POST", "/api/2.0/mlflow/experiments/create", {"name": "x"})
    return sending.sent


def _found(
    evidence: Evidence,
    target: Target,
    kube: Kube,
    waiter: Waiter,
    row: Trail,
    sent: Sequence[SentChange],
) -> Mapping[SentChange, Mapping[str, Any]]:
    """The line of each request, as soon as all are there; those without one are judged."""
    if len(sent) < row.changes:
        evidence.undecided(f"only {len(sent)} changes were made, {row.changes} are asked for")
    names = target.names.mlflow

    def look() -> _Lines:
        logs = [kube.log(p.name, names.container) for p in kube.ready_pods(names.selector)]
        return trail.lines(logs, [s.id for s in sent], row.fields.id)

    def told(found: _Lines) -> list[tuple[SentChange, dict[str, Any]]]:
        looked = [(s, trail.line_of(s, found, row.fields)) for s in sent]
        return [(s, line) for s, line in looked if line is not None]

    lines = told(
        waiter.last_seen(
            f"logged: {len(sent)} requests",
            look,
            done=lambda seen: len(told(seen)) == len(sent),
            timeout="log written",
            interval_s=1,
        )
    )
    known = {s for s, _ in lines}
    evidence.note("changes", len(sent))
    evidence.expect(
        "logged", "changes without one line of their method, path and status",
        [s.what for s in sent if s not in known], "==", [], door="kubernetes",
    )  # fmt: skip
    return dict(lines)
