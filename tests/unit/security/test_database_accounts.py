# SPDX-License-Identifier: Apache-2.0
"""Accounts of a database: what they may do beyond a list, and what attempts to sign in say."""

from typing import Any

import pytest

from mlflow_conformance.doors.inside import InsideFailed, LocalInside
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.security.database_rights import rights, unlisted
from mlflow_conformance.security.signing_in import knock, knocks

DSN: dict[str, str | int] = {"host": "h", "user": "auditor", "password": "right"}


def _sql(answer: Any) -> Sql:
    return Sql(LocalInside({"sql": answer}), DSN)


def test_rights_are_told_in_words() -> None:
    def answer(**_: Any) -> Any:
        return [
            ["postgres", True, True, True, True, True, True, True, []],
            ["reader", False, False, False, False, False, True, False, ["pg_read_all_data"]],
        ]

    found = rights(_sql(answer))
    assert found["reader"] == {"read tables", "member of pg_read_all_data"}
    listed = {"postgres": found["postgres"], "reader": frozenset({"read tables"})}
    assert unlisted(found, listed) == {"reader": ["member of pg_read_all_data"]}
    assert unlisted(found, found) == {}
    assert unlisted({"new": frozenset()}, found) == {"new": ["sign in"]}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ('FATAL:  password authentication failed for user "x"', "asked for another password"),
        (
            'password authentication failed\nno pg_hba.conf entry for host "h", no encryption',
            "asked for another password",
        ),
        (
            'FATAL:  no pg_hba.conf entry for host "h", user "x", database "d", no encryption',
            "refused for lack of encryption",
        ),
        ('FATAL:  pg_hba.conf rejects connection for host "h", user "x"', "not let in"),
        (None, "accepted"),
    ],
)
def test_what_postgresql_says_to_who_knocks(error: str | None, said: str) -> None:
    def answer(**_: Any) -> Any:
        if error:
            raise OSError(error)
        return [[1]]

    sql = _sql(answer)
    assert knock(sql.inside, sql.dsn) == said


def test_another_failure_is_no_answer() -> None:
    def answer(**_: Any) -> Any:
        raise OSError("connection timeout expired")

    with pytest.raises(InsideFailed, match="timeout"):
        knock(_sql(answer).inside, DSN)


def test_each_account_knocks_by_itself() -> None:
    seen: list[tuple[object, ...]] = []

    def answer(*, dsn: dict[str, str], **_: Any) -> Any:
        seen.append((dsn["user"], dsn["password"], dsn["sslmode"], dsn["host"]))
        return [[1]]

    assert set(knocks(_sql(answer), ["a", "b"], "made up", sslmode="disable")) == {"a", "b"}
    assert seen == [(user, "made up", "disable", "h") for user in ("a", "b")]
