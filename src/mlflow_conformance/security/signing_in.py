# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL says to whoever wants to sign in over the network."""

from collections.abc import Iterable, Mapping
from typing import Literal

from mlflow_conformance.doors.inside import Inside, InsideFailed
from mlflow_conformance.doors.sql import Sql

Answer = Literal[
    "accepted", "asked for another password", "refused for lack of encryption", "not let in"
]
ACCEPTED: Answer = "accepted"
WRONG: Answer = "asked for another password"
UNENCRYPTED: Answer = "refused for lack of encryption"
CLOSED: Answer = "not let in"

_WORDS: Mapping[str, Answer] = {
    # Where libpq tries with and without encryption, the error tells of both attempts.
    "authentication failed": WRONG,
    # As PostgreSQL words it: no pg_hba.conf entry for host …, no encryption.
    "no encryption": UNENCRYPTED,
    "pg_hba.conf": CLOSED,
}
"""The first that an error holds tells what it means."""
_ACCOUNTS = """
    SELECT rolname FROM pg_roles
    WHERE rolcanlogin AND has_database_privilege(rolname, current_database(), 'CONNECT')
    ORDER BY rolname
"""


def accounts(sql: Sql) -> list[str]:
    """The accounts that may sign in to MLflow's database.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return [str(name) for name in sql.column(_ACCOUNTS)]


def knock(inside: Inside, dsn: Mapping[str, str | int]) -> Answer:
    """What becomes of one attempt to sign in.

    Raises:
        InsideFailed: something else became of it.
    """
    try:
        Sql(inside, dsn).one("SELECT 1")
    except InsideFailed as refusal:
        told = (answer for words, answer in _WORDS.items() if words in str(refusal))
        if (answer := next(told, None)) is None:
            raise
        return answer
    return ACCEPTED


def knocks(sql: Sql, users: Iterable[str], password: str, **settings: str) -> dict[str, Answer]:
    """What becomes of attempts as several accounts, by their names.

    Args:
        password: that none of them has.
        settings: of the connection, such as its `sslmode`, in the place of the door's own.

    Raises:
        InsideFailed: something else became of one.
    """
    return {
        user: knock(sql.inside, {**sql.dsn, **settings, "user": user, "password": password})
        for user in users
    }
