# SPDX-License-Identifier: Apache-2.0
"""Which schema this image needs and which one a database has.

MLflow is not imported: its migrations name their predecessors in two constants, and reading those
costs 0.2 s and 30 MiB where `import mlflow` costs seconds and hundreds.
"""

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict


class Refused(Exception):  # noqa: N818 - told to a person as one sentence
    """Going on could harm data; the message says what to do."""


@dataclass(frozen=True)
class Line:
    """A line of migrations: where their files are and the table that names the one applied."""

    what: str
    directory: str
    table: str


TRACKING = Line("tracking", "store/db_migrations/versions", "alembic_version")
USERS = Line("users", "server/auth/db/migrations/versions", "alembic_version_auth")


@dataclass(frozen=True)
class Revisions:
    """The revisions that an image knows, and the one that it needs."""

    known: frozenset[str]
    head: str


def _constants(path: Path) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in {"revision", "down_revision"}:
                found[target.id] = ast.literal_eval(node.value)
    return found


def revisions(line: Line) -> Revisions:
    """The revisions of the installed MLflow.

    Raises:
        Refused: MLflow is not installed, or its migrations have no single head.
    """
    spec = importlib.util.find_spec("mlflow")
    if spec is None or spec.origin is None:
        raise Refused("this image holds no MLflow; set image.repository to one that does")
    files = sorted((Path(spec.origin).parent / line.directory).glob("*.py"))
    steps = [step for step in map(_constants, files) if "revision" in step]
    known = frozenset(str(step["revision"]) for step in steps)
    heads = known - {str(step.get("down_revision")) for step in steps}
    if len(heads) != 1:
        raise Refused(f"the {line.what} migrations of this image have {len(heads)} heads, not one")
    return Revisions(known=known, head=next(iter(heads)))


def libpq_uri(uri: str) -> str:
    """An SQLAlchemy address as libpq spells it: without the driver."""
    scheme, separator, rest = uri.partition("://")
    return scheme.partition("+")[0] + separator + rest


def libpq_environment(uri: str) -> dict[str, str]:
    """The environment by which libpq's programs reach a database: its address and password do not
    show in their arguments.
    """
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
    }
    parts = conninfo_to_dict(libpq_uri(uri))
    return {names[key]: str(value) for key, value in parts.items() if key in names}


def database_revision(connection: psycopg.Connection, line: Line) -> str | None:
    """The revision that a database has; None before its first migration."""
    row = connection.execute("SELECT to_regclass(%s)", (f"public.{line.table}",)).fetchone()
    if row is None or row[0] is None:
        return None
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(line.table))
    version = connection.execute(query).fetchone()
    return None if version is None else str(version[0])


def refuse_newer(line: Line, found: str | None, image: Revisions) -> None:
    """Raise unless the database is one that this image can use or migrate.

    Raises:
        Refused: the database was migrated by an MLflow that this image does not know.
    """
    if found is not None and found not in image.known:
        raise Refused(
            f"the {line.what} schema of the database is {found}, made by a newer MLflow than this "
            f"image, whose own is {image.head}: return to the newer image, or restore a backup "
            "taken before the upgrade, as the documentation of this deployment shows"
        )
