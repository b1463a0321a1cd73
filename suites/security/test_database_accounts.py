# SPDX-License-Identifier: Apache-2.0
"""SEC-2: what the accounts of MLflow's database may do, and whether they are asked who they are."""

import secrets

from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.security.database_rights import rights, unlisted
from mlflow_conformance.security.signing_in import ACCEPTED, accounts, knocks
from mlflow_conformance.security.thresholds import DatabaseAccounts


@check(
    "SEC-2.postgresql",
    impact="Who reaches PostgreSQL, or takes over MLflow or a reader, may change everything.",
    remedy="REVOKE what is not listed, DROP accounts that nobody needs, and let pg_hba.conf ask "
    "everybody for a password (scram-sha-256).",
    writes=("runner",),
)
def test_accounts_of_the_database_may_do_what_is_listed(evidence: Evidence, sql: Sql) -> None:
    """Every account of the database has the listed rights and no others, and needs its password.

    Preconditions: SQL answers.
    Steps: read which accounts may sign in, and what each may do by itself, by roles that it is a
    member of, and as everyone; try to sign in as each with a password that nobody gave it, and with
    its own name.
    Expected: no account and no right that is not listed; nobody is let in.
    """
    row = evidence.row(DatabaseAccounts)
    found = rights(sql)
    evidence.note("rights", {name: sorted(held) for name, held in found.items()}, door="sql")
    evidence.expect(
        "rights.unlisted", "rights that are not listed", unlisted(found, row.accounts), "==", {},
        door="sql",
    )  # fmt: skip
    names = accounts(sql)
    answers = {
        **{f"{n}, any password": a for n, a in knocks(sql, names, secrets.token_hex(16)).items()},
        **{f"{n}, its own name": a for n in names for a in knocks(sql, [n], n).values()},
    }
    evidence.note("attempts to sign in", answers, door="inside")
    evidence.expect(
        "passwords.needless", "accounts that are let in without their password",
        sorted(attempt for attempt, answer in answers.items() if answer == ACCEPTED), "==", [],
        door="inside",
    )  # fmt: skip
