# SPDX-License-Identifier: Apache-2.0
"""What a database holds, as values that two databases share only if they hold the same.

Counted rows tell a lost row and no changed one. So a backup also says the digest of each table's
content, where each sequence stands (without that, the next experiment gets a number that is taken)
and the digest of the structure: columns with their defaults, constraints, indexes, triggers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import psycopg
from psycopg import sql

_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
"""
# A sum needs neither the rows' order nor memory for all of them; two halves of 64 bits each.
_CONTENT = """
SELECT count(*),
       coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0) || ':' ||
       coalesce(sum(('x' || right(md5(t::text), 16))::bit(64)::bigint::numeric), 0)
FROM {} t
"""
_SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1
"""
# A list of values is written with its casts and parentheses elsewhere after a dump was restored:
# ((ARRAY['a'::character varying])::text[]) becomes (ARRAY[('a'::character varying)::text]). So
# neither is compared.
_STRUCTURE = {
    "columns": """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped
""",
    "constraints": r"""
SELECT conrelid::regclass::text, conname, convalidated,
       regexp_replace(pg_get_constraintdef(oid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g')
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
""",
    "indexes": r"""
SELECT i.indisvalid,
       regexp_replace(pg_get_indexdef(i.indexrelid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace
""",
    "triggers": """
SELECT pg_get_triggerdef(t.oid), t.tgenabled
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
""",
}
_DIGEST = "SELECT md5(coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '')) FROM ({}) r"


@dataclass(frozen=True)
class State:
    """All of one database, as one transaction sees it.

    `rows` and `content` are by table, `sequences` is where each stands (None: never used), and
    `structure` has a digest for each kind of thing.
    """

    rows: dict[str, int]
    content: dict[str, str]
    sequences: dict[str, int | None]
    structure: dict[str, str]

    @classmethod
    def read(cls, connection: psycopg.Connection) -> "State":
        """The state of schema public of a database."""
        # How values are written depends on these, and so would the digests.
        connection.execute("SET LOCAL datestyle = 'ISO, YMD'")
        connection.execute("SET LOCAL intervalstyle = 'postgres'")
        connection.execute("SET LOCAL timezone = 'UTC'")
        connection.execute("SET LOCAL bytea_output = 'hex'")
        connection.execute("SET LOCAL extra_float_digits = 1")
        rows, content = {}, {}
        for (table,) in connection.execute(_TABLES).fetchall():
            query = sql.SQL(_CONTENT).format(sql.Identifier(table))
            found = connection.execute(query).fetchone()
            rows[table], content[table] = (int(found[0]), str(found[1])) if found else (0, "")
        sequences = dict(connection.execute(_SEQUENCES).fetchall())
        structure = {}
        for kind, query in _STRUCTURE.items():
            digest = connection.execute(_DIGEST.format(query)).fetchone()
            structure[kind] = str(digest[0]) if digest else ""
        return cls(rows=rows, content=content, sequences=sequences, structure=structure)

    def differences(self, expected: "State") -> list[str]:
        """In what this state is not the expected one, a few words each; what was not recorded in
        the expected one (a manifest of an older version of this chart) is not compared.
        """
        found = []
        for each in fields(self):
            was, now = getattr(expected, each.name), getattr(self, each.name)
            if each.name == "sequences":
                # A number that is drawn while the dump is made is in it: no snapshot holds it back.
                now = {n: was[n] if n in was and _stands(v, was[n]) else v for n, v in now.items()}
            if was:
                found += [f"{each.name} of {name}" for name in _differing(was, now)]
        return found


def _stands(now: int | None, was: int | None) -> bool:
    """A sequence stands where it stood, or further on."""
    return was is None or (now is not None and now >= was)


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    missing = object()
    return sorted(n for n in was.keys() | now.keys() if was.get(n, missing) != now.get(n, missing))
