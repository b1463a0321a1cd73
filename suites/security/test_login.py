# SPDX-License-Identifier: Apache-2.0
"""SEC-4: who gets in where MLflow asks for a login, and what they may do."""

from collections.abc import Mapping

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import MlflowApi, answer, new_run, store
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Unique
from mlflow_conformance.security import accounts
from mlflow_conformance.security.accounts import Account, Ask, Property
from mlflow_conformance.security.settling import Settling, statuses
from mlflow_conformance.security.thresholds import Login
from mlflow_conformance.target.base import Target


@check(
    "SEC-4",
    impact="Whoever reaches MLflow reads and changes everything, or somebody who left still does.",
    remedy="Start every replica with --app-name=basic-auth and one database_uri for the users of "
    "all, and keep auth_cache_ttl_seconds short.",
    writes=("mlflow",),
)
def test_login(
    evidence: Evidence, target: Target, experiment: str, unique: Unique, waiter: Waiter
) -> None:
    """Nobody gets in without a login, and what a user may do is the same at every replica.

    Preconditions: the profile's login is an administrator's; as many replicas as the row asks for.
    Steps:
        1. Ask every kind of entrance of every replica without a login, and with wrong ones.
        2. As the administrator ask every replica who that is.
        3. Make a user at one replica, give it more permissions on an experiment there, and take
           them back; each time ask every replica, as that user, to read, write and manage.
        4. Change its password there, then delete it; ask every replica each time.

    Expected: 401 without a login that is right; the administrator is one everywhere; 403 for what
    was not permitted; every change holds at every replica within the profile's times.
    """
    row = evidence.row(Login)
    replicas = {url: target.api(url) for url in target.replica_urls()}
    if len(replicas) < row.replicas:
        evidence.undecided(f"{len(replicas)} replicas are ready, {row.replicas} are asked for")
    admin = next(iter(replicas.values()))
    name = accounts.administrator_of(admin)
    own = Property(experiment, new_run(admin, experiment).run_id)
    store(admin, own.key, b"somebody's")
    _judge_strangers(evidence, target, replicas, own, name)
    if not _judge_administrator(evidence, replicas, name):
        return
    settling = Settling(evidence, waiter, replicas, limit_s=max(row.holds_s, row.forgotten_s))
    user, another = (accounts.new_account(unique(what)) for what in ("user", "another"))
    with accounts.removed(admin, user.name, another.name):
        answer("users/create", accounts.create(admin, user))
        evidence.expect(
            "known", "seconds until a new user gets in everywhere",
            settling.seconds("a new user gets in", user, _SEARCH, accounts.DONE),
            "<=", row.holds_s, unit="s", door="inside",
        )  # fmt: skip
        _judge_permissions(evidence, settling, admin, own, (user, another), row)
        _judge_passwords(evidence, settling, admin, user, row)


_SEARCH: Mapping[str, Ask] = {"search": accounts.search}
_TELLING = ("runs/get", "runs/set-tag")
"""One request that reads and one that writes: all of them take seconds on a busy machine."""


def _judge_strangers(
    evidence: Evidence, target: Target, replicas: Mapping[str, MlflowApi], own: Property, name: str
) -> None:
    """Those without a login, and with a wrong one, at every replica and the front door."""
    doors = dict(replicas)
    # Where the front door has a login of its own, it is not MLflow that answers strangers there.
    if target.front is not None and target.names.front and target.names.front.login is None:
        doors["front door"] = target.front.api()
    wrong = accounts.wrong_logins(name)
    both = {"search": accounts.search, "download": accounts.reads(own)["download"]}
    for url, api in doors.items():
        asks = accounts.api_of(own) if url == "front door" else accounts.entrances(own)
        found = statuses(accounts.signed(api, None), asks)
        evidence.expect(
            "anonymous", f"{url}: what is not refused without a login",
            accounts.differing(found, accounts.NOT_SIGNED_IN), "==", {}, door="inside",
        )  # fmt: skip
        found = {
            f"{what}, {by}": ask(accounts.signed(api, authorization)).status
            for by, authorization in wrong.items()
            for what, ask in both.items()
        }
        evidence.expect(
            "wrong", f"{url}: what is not refused with a wrong login",
            accounts.differing(found, accounts.NOT_SIGNED_IN), "==", {}, door="inside",
        )  # fmt: skip


def _judge_administrator(evidence: Evidence, replicas: Mapping[str, MlflowApi], name: str) -> bool:
    """Whether every replica knows the profile's account, and by the same right."""
    replies = {url: api.get("users/get", username=name) for url, api in replicas.items()}
    found = {url: reply.status for url, reply in replies.items()}
    known = evidence.expect(
        "administrator", f"replicas that do not know {name}",
        accounts.differing(found, accounts.DONE), "==", {}, door="inside",
    )  # fmt: skip
    if known and not all(accounts.is_administrator(reply) for reply in replies.values()):
        evidence.undecided(f"{name} is no administrator, who alone can make users")
    return known


def _judge_permissions(
    evidence: Evidence,
    settling: Settling,
    admin: MlflowApi,
    own: Property,
    users: tuple[Account, Account],
    row: Login,
) -> None:
    """One permission after another, given at one replica and asked for at all."""
    user, another = users
    reads, writes = accounts.reads(own), accounts.writes(own)
    manages = accounts.manages(own, user.name, another)
    may = {"NO_PERMISSIONS": {}, "READ": reads, "EDIT": {**reads, **writes}}
    given = row.default_permission or accounts.permission_of(admin, user.name, own.experiment)
    if given not in may:
        evidence.undecided(f"a user without a grant has {given}: less than it cannot be given")
    default = may[given]

    def judge(permission: str, allowed: Mapping[str, Ask]) -> None:
        found = settling.everywhere(user, {**reads, **writes, **manages})
        wanted = dict.fromkeys(found, accounts.FORBIDDEN)
        wanted |= dict.fromkeys(settling.asked(allowed), accounts.DONE)
        evidence.expect(
            "permissions", f"with {permission}: what is answered by another status",
            {what: status for what, status in found.items() if status != wanted[what]},
            "==", {}, door="inside",
        )  # fmt: skip

    judge("no grant", default)
    for permission in [p for p in may if len(may[p]) > len(default)]:
        answer("grant", accounts.permit(admin, user.name, own.experiment, permission))
        more = {what: ask for what, ask in may[permission].items() if what in _TELLING}
        evidence.expect(
            "granted", f"seconds until {permission} holds everywhere",
            settling.seconds(f"{permission} allows", user, more, accounts.DONE),
            "<=", row.holds_s, unit="s", door="inside",
        )  # fmt: skip
        judge(permission, may[permission])
    answer("revoke", accounts.revoke(admin, user.name, own.experiment))
    less = {what: ask for what, ask in writes.items() if what in _TELLING}
    evidence.expect(
        "withdrawn", "seconds until a grant that was taken back is gone everywhere",
        settling.seconds("writing is refused", user, less, accounts.FORBIDDEN),
        "<=", row.holds_s, unit="s", door="inside",
    )  # fmt: skip
    judge("no grant any more", default)


def _judge_passwords(
    evidence: Evidence, settling: Settling, admin: MlflowApi, user: Account, row: Login
) -> None:
    """A new password, and then the end of the user; every replica knows the one before by then."""
    changed = accounts.new_account(user.name)
    answer("users/update-password", accounts.change_password(admin, changed))
    evidence.expect(
        "password.new", "seconds until a new password is taken everywhere",
        settling.seconds("a new password is taken", changed, _SEARCH, accounts.DONE),
        "<=", row.holds_s, unit="s", door="inside",
    )  # fmt: skip
    evidence.expect(
        "password.old", "seconds until the old password is refused everywhere",
        settling.seconds("the old one is refused", user, _SEARCH, accounts.NOT_SIGNED_IN),
        "<=", row.forgotten_s, unit="s", door="inside",
    )  # fmt: skip
    answer("users/delete", accounts.remove(admin, user.name))
    evidence.expect(
        "deleted", "seconds until a deleted user is refused everywhere",
        settling.seconds("a deleted user is refused", changed, _SEARCH, accounts.NOT_SIGNED_IN),
        "<=", row.forgotten_s, unit="s", door="inside",
    )  # fmt: skip
