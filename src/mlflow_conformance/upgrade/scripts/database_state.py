# SPDX-License-Identifier: Apache-2.0
"""What MLflow's own database is, told by a server's container that reaches it; changes nothing."""

import importlib.metadata
import json
import os
import pathlib
import sys

import sqlalchemy as sa

_OPTION = "--backend-store-uri"
_TABLES = """
SELECT c.relname, nullif(c.reltuples, -1)::bigint, pg_total_relation_size(c.oid)
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
"""


def _uri() -> str:
    """The address as the server has it: an option of its command line, or of its environment."""
    words = pathlib.Path("/proc/1/cmdline").read_bytes().decode().split("\0")
    for place, word in enumerate(words):
        if word == _OPTION:
            return words[place + 1]
        if word.startswith(f"{_OPTION}="):
            return word.partition("=")[2]
    return os.environ.get("MLFLOW_BACKEND_STORE_URI", "")


def main() -> None:
    """Print one JSON object: version, kind of database, revision, bytes, and every table."""
    told: dict[str, object] = {"version": importlib.metadata.version("mlflow"), "kind": ""}
    if uri := _uri():
        engine = sa.create_engine(uri)
        told["kind"] = engine.dialect.name
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                connection.execute(sa.text("SET TRANSACTION READ ONLY"))
                revision = sa.text("SELECT version_num FROM alembic_version")
                told["revision"] = connection.execute(revision).scalar()
                size = sa.text("SELECT pg_database_size(current_database())")
                told["bytes"] = connection.execute(size).scalar()
                told["tables"] = {
                    name: {"rows": rows, "bytes": size}
                    for name, rows, size in connection.execute(sa.text(_TABLES))
                }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
