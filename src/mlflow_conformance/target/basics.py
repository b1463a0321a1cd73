# SPDX-License-Identifier: Apache-2.0
"""What every check stands on, judged first and in seconds, with the words to mend it.

Does the address answer, is its host admitted, the login accepted, the schema right; may the
database and the bucket be read. A door that does not stand is closed with that reason, so that one
cause is told once: what depends on it is `unknown` by that name and is not tried.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NoReturn

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.http import Failure, NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import MlflowApi, error_of
from mlflow_conformance.target.base import Target

_SEARCH = "/api/2.0/mlflow/experiments/search"
_TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'experiments'"
_ONE = json.dumps({"max_results": 1}).encode()
_TO_MEND: Mapping[Failure, str] = {
    "refused": "nothing listens there: correct the port",
    "timeout": "what is sent there is lost: let the network policies have the runner's namespace "
    "(names.runner.labels), or correct the address",
    "reset": "the connection is ended: correct the scheme, http or https",
    "name": "there is no such name where it is asked for: correct it",
    "tls": "its certificate is not known: correct the scheme, names.mlflow.ca_secret and "
    "certificate_name, or names.front.ca_secret",
    "other": "correct the address",
}


@dataclass(frozen=True)
class Basics:
    """What a target stands on.

    Attributes:
        target: with the doors closed that do not stand.
        closed: why, by the door's name.
        stood: the names of those that do.
    """

    target: Target
    closed: Mapping[str, str]
    stood: Sequence[str]

    def __str__(self) -> str:
        said = [f"{door} does not stand: {why}" for door, why in self.closed.items()]
        return "; ".join([*said, f"{', '.join(self.stood) or 'nothing'} stands"])


def judged(target: Target, waiter: Waiter) -> Basics:
    """Try all doors of a target at once, and for some seconds again where one does not stand."""
    tried = _tried(target)
    with ThreadPoolExecutor(len(tried)) as pool:
        whys = list(pool.map(lambda one: _lasting(one[0], one[1], waiter), tried))
    doors = [door for door, _ in tried]
    closed = {door: why for door, why in zip(doors, whys, strict=True) if why is not None}
    stood = [door for door in doors if door not in closed]
    missing = {**target.missing, **closed}
    return Basics(
        replace(
            target,
            missing=missing,
            front=None if "front" in closed else target.front,
            sql=None if "sql" in closed else target.sql,
            bucket=None if "s3" in closed else target.bucket,
            replica_urls=_closed(closed["inside"]) if "inside" in closed else target.replica_urls,
        ),
        closed,
        stood,
    )


_Problem = Callable[[], str | None]


def _tried(target: Target) -> list[tuple[str, _Problem]]:
    found: list[tuple[str, _Problem]] = [("inside", lambda: _inside(target))]
    if front := target.front:
        found.append(("front", lambda: problem_of(front.api())))
    if sql := target.sql:
        found.append(("sql", lambda: _asked(lambda: _of_tables(sql.one(_TABLES)))))
    if bucket := target.bucket:
        door = dict(bucket.door)
        found.append(
            (
                "s3",
                lambda: _asked(
                    lambda: _of_listing(
                        target.inside.call("s3_try_list", door=door, prefix=bucket.prefix)
                    )
                ),
            )
        )
    return found


def _lasting(door: str, problem: _Problem, waiter: Waiter) -> str | None:
    """What is wrong with a door for longer than a policy or a name needs to become known."""
    try:
        waiter.until(
            f"standing: the door {door}",
            problem,
            done=lambda why: why is None,
            timeout="door standing",
            interval_s=1,
        )
    except TimedOut as late:
        return str(late.last)
    return None


def _inside(target: Target) -> str | None:
    """The Service, and then every replica by itself."""
    for api in (target.api(), *map(target.api, target.replica_urls())):
        if why := _asked(lambda api=api: problem_of(api)):  # type: ignore[misc]
            return why
    return None


def problem_of(api: MlflowApi) -> str | None:
    """What keeps MLflow's API from being used by a door; None when nothing does."""
    try:
        reply = api.request("POST", _SEARCH, body=_ONE, content_type="application/json")
    except NoReply as lost:
        return f"{api.base_url} does not answer ({lost.failure}): {_TO_MEND[lost.failure]}"
    except Undecided as refused:
        return refused.reason
    return _of_reply(api.base_url, reply)


def _of_reply(url: str, reply: Reply) -> str | None:
    status, said = reply.status, " ".join(filter(None, error_of(reply)))
    if status == 200 and _is_list(reply):
        return None
    if status in (401, 403):
        return (
            f"{url} asks for a login ({status}): name an account that may search experiments under "
            f"`login` of names.mlflow or names.front; it says {said!r}"
        )
    if status in (301, 302, 303, 307, 308):
        return (
            f"{url} sends clients elsewhere ({status}): name the account under names.front.login, "
            "or the address that MLflow itself answers at"
        )
    if status in (200, 404, 405):
        return (
            f"{url} has no API of MLflow ({status}): correct the address, or the path of a static "
            "prefix in names.mlflow.path and names.front.url"
        )
    if "database schema" in said:
        return f"{url} has a database of another version: migrate it; MLflow says {said!r}"
    return f"{url} answers a search for experiments with {status}: {said!r}"


def _is_list(reply: Reply) -> bool:
    try:
        return isinstance(reply.json(), dict)
    except ValueError:
        return False


def _of_tables(found: object) -> str | None:
    if found:
        return None
    return (
        "the auditor's account sees no table of MLflow: let it read them, or correct "
        "names.postgresql.database"
    )


def _of_listing(refused: object) -> str | None:
    if refused is None:
        return None
    return (
        f"the auditor's keys may not list the bucket ({refused}): let them, or correct names.s3 "
        "and names.auditor"
    )


def _asked(act: Callable[[], str | None]) -> str | None:
    try:
        return act()
    except InsideFailed as problem:
        return f"the runner could not ask: {problem}"


def _closed(why: str) -> Callable[[], Sequence[str]]:
    def refuse() -> NoReturn:
        raise Undecided(f"no inside door: {why}")

    return refuse
