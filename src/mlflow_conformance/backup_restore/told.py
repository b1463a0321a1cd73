# SPDX-License-Identifier: Apache-2.0
"""The digests by which a manifest of schema 2 tells a database's structure, computed anew.

A digest that its own program compares with itself proves nothing about what it is made of.
"""

from mlflow_conformance.doors.sql import Sql, spelled

_DIGEST = r"""
SELECT '{kind}', md5(coalesce(string_agg(r::text, E'\n' ORDER BY r::text), '')) FROM ({rows}) r
"""
_ROWS = {
    "columns": """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attnum > 0 AND NOT a.attisdropped
""",
    "constraints": r"""
SELECT conrelid::regclass::text, conname, convalidated,
       regexp_replace(pg_get_constraintdef(oid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g')
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0
""",
    "indexes": r"""
SELECT i.indisvalid,
       regexp_replace(pg_get_indexdef(i.indexrelid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g')
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = current_schema()::regnamespace
""",
    "triggers": """
SELECT pg_get_triggerdef(t.oid), t.tgenabled
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
""",
}


def structure_digests(sql: Sql) -> dict[str, str]:
    """The digest of each kind of thing that the database has now.

    Raises:
        InsideFailed: the database refused it or could not be reached.
    """
    parts = [_DIGEST.replace("{kind}", k).replace("{rows}", q) for k, q in _ROWS.items()]
    return dict(spelled(sql).rows(" UNION ALL ".join(parts)))
