# SPDX-License-Identifier: Apache-2.0
"""Who wrote the schema's revision, as the database itself notes it.

A migration that finds next to nothing to do holds its locks for some milliseconds, which looks at
PostgreSQL miss, and a server that migrates at its start says nothing where its level of logging is
WARNING. The last act of each of Alembic's revisions is to write the table `alembic_version`
(https://alembic.sqlalchemy.org/en/latest/tutorial.html#running-our-first-migration), so that a
trigger there misses none. What it notes is the comment of its own function and is committed with
the migration, or not at all; a table of its own could be taken for one of MLflow's.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from mlflow_conformance.cluster.kept import insisted
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.statements import execute

_NAME = "mlflow_conformance_revised"
_DO = f"""
CREATE OR REPLACE FUNCTION {_NAME}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
  BEGIN
    EXECUTE format(
      'COMMENT ON FUNCTION {_NAME}() IS %L',
      coalesce(obj_description('{_NAME}'::regproc, 'pg_proc') || E'\\n', '') || json_build_array(
        extract(epoch FROM clock_timestamp()), pg_backend_pid(),
        coalesce(host(inet_client_addr()), 'socket')
      )::text
    );
    RETURN NULL;
  END
$$;
CREATE OR REPLACE TRIGGER {_NAME} AFTER INSERT OR UPDATE OR DELETE ON alembic_version
  FOR EACH STATEMENT EXECUTE FUNCTION {_NAME}();
"""
_UNDO = f"""
DROP TRIGGER IF EXISTS {_NAME} ON alembic_version;
DROP FUNCTION IF EXISTS {_NAME}();
"""
_NOTED = f"SELECT coalesce(obj_description(to_regproc('{_NAME}'), 'pg_proc'), '')"
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_NS = 1e9


@dataclass(frozen=True)
class Revised:
    """One statement that wrote the revision.

    Attributes:
        at_ns: on this machine's monotonic clock, as far as the database's clock tells.
        session: PostgreSQL's process.
        address: of the client; `socket` for one that had none.
    """

    at_ns: int
    session: int
    address: str


@dataclass
class RevisionNotes:
    """What the database notes of its revision.

    Attributes:
        zero_s: the database's clock less this machine's monotonic one.
        silent: why it notes nothing; empty where it does.
        left: why the trigger could not be taken away again; empty where it was.
        revised: what was noted until it was read last.
    """

    zero_s: float = 0.0
    silent: str = ""
    left: str = ""
    revised: Sequence[Revised] = ()

    def read(self, sql: Sql) -> None:
        """Read what was noted until now.

        Raises:
            InsideFailed: the database does not answer.
        """
        if not self.silent:
            text: str = sql.one(_NOTED)
            self.revised = [
                Revised(round((float(at) - self.zero_s) * _NS), int(session), str(address))
                for at, session, address in map(json.loads, text.splitlines())
            ]


@contextmanager
def revisions_noted(target: Target, sql: Sql, waiter: Waiter) -> Iterator[RevisionNotes]:
    """The database notes who writes the revision, for as long as the context lasts.

    Where MLflow's role may make no trigger, or cannot be asked, that is told, and the rest goes on.

    Raises:
        Undecided: the target is not in a cluster.
        InsideFailed, KubeFailed: database or cluster do not answer.
    """
    kube, names, notes = target.need_kube(), target.names.mlflow, RevisionNotes()
    try:
        execute(kube, names, _DO)
        asked = time.monotonic_ns()
        notes.zero_s = float(sql.one(_CLOCK)) - (asked + time.monotonic_ns()) / 2 / _NS
    except Unusable as problem:
        notes.silent = problem.what
    try:
        yield notes
    finally:
        with uninterrupted():
            try:
                insisted("the database", partial(execute, kube, names, _UNDO), waiter)
            except Unusable as problem:
                notes.left = problem.what
