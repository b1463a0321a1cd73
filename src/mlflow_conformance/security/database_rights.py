# SPDX-License-Identifier: Apache-2.0
"""What the accounts of MLflow's database may do, as PostgreSQL's catalogs tell it."""

from collections.abc import Mapping
from typing import Any

from mlflow_conformance.doors.sql import Sql

_WORDS = (
    "superuser",
    "create roles",
    "create databases",
    "replicate",
    "bypass row security",
    "read tables",
    "change tables",
)
"""Of the columns of the statement, in their order."""

# Rights of everyone, and of the roles that an account is a member of, are among those on tables.
_RIGHTS = """
    SELECT account.rolname, account.rolsuper, account.rolcreaterole, account.rolcreatedb,
      account.rolreplication, account.rolbypassrls,
      EXISTS (
        SELECT FROM pg_class AS held
        WHERE held.relnamespace = current_schema()::regnamespace AND held.relkind IN ('r', 'p')
          AND has_any_column_privilege(account.oid, held.oid, 'SELECT')
      ),
      EXISTS (
        SELECT FROM pg_class AS held
        WHERE held.relnamespace = current_schema()::regnamespace AND held.relkind IN ('r', 'p')
          AND (has_any_column_privilege(account.oid, held.oid, 'INSERT, UPDATE')
            OR has_table_privilege(account.oid, held.oid, 'DELETE, TRUNCATE'))
      ),
      ARRAY(
        SELECT role.rolname::text FROM pg_auth_members AS membership
        JOIN pg_roles AS role ON role.oid = membership.roleid
        WHERE membership.member = account.oid
      )
    FROM pg_roles AS account WHERE account.rolcanlogin
"""


def rights(sql: Sql) -> dict[str, frozenset[str]]:
    """What each account that may sign in may do, in words, by its name.

    Raises:
        InsideFailed: the database could not be asked.
    """
    return {str(row[0]): _told(row[1:]) for row in sql.rows(_RIGHTS)}


def unlisted(
    found: Mapping[str, frozenset[str]], listed: Mapping[str, frozenset[str]]
) -> dict[str, list[str]]:
    """The rights that a list of accounts does not have; of an account that it lacks, to sign in."""
    beyond = {
        account: sorted(
            held - listed[account] if account in listed else held | {"sign in"},
        )
        for account, held in found.items()
    }
    return {account: rights for account, rights in beyond.items() if rights}


def _told(columns: list[Any]) -> frozenset[str]:
    *flags, roles = columns
    held = [word for word, holds in zip(_WORDS, flags, strict=True) if holds]
    return frozenset([*held, *(f"member of {role}" for role in roles)])
