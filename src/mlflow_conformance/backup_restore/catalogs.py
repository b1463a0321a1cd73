# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL's catalogs say of a database besides its rows, each thing as one text.

Every statement has rows of two columns, the thing's name and what is true of it, and needs no more
rights than any account has. Casts and parentheses of expressions are left out: PostgreSQL writes
them elsewhere after a dump was restored.
"""

STRUCTURE = r"""
SELECT 'table ' || relname, concat_ws(' ', relkind, relpersistence,
       CASE WHEN relrowsecurity THEN 'row security' END)
  FROM pg_class WHERE relnamespace = current_schema()::regnamespace
   AND relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT 'column ' || c.relname || '.' || a.attname, concat_ws(' ',
       format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
       a.attidentity, 'DEFAULT ' ||
       regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g'))
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
   AND NOT a.attisdropped
UNION ALL
SELECT 'constraint ' || conrelid::regclass || '.' || conname, concat_ws(' ',
       regexp_replace(pg_get_constraintdef(oid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g'),
       CASE WHEN NOT convalidated THEN 'NOT VALID' END)
  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0
UNION ALL
SELECT 'index ' || x.relname, concat_ws(' ',
       regexp_replace(pg_get_indexdef(i.indexrelid), '::[a-z]+( [a-z]+)*(\[\])?|[()]', '', 'g'),
       CASE WHEN NOT (i.indisvalid AND i.indisready) THEN 'NOT VALID' END)
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
 WHERE x.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'trigger ' || c.relname || '.' || t.tgname,
       concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'sequence ' || sequencename, concat_ws(' ', data_type, start_value, min_value, max_value,
       increment_by, cycle)
  FROM pg_sequences WHERE schemaname = current_schema()
UNION ALL
SELECT 'database', concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype,
       datconnlimit, datallowconn)
  FROM pg_database WHERE datname = current_database()
"""
"""Tables, columns, constraints, indexes, triggers, sequences, and the database's own settings."""

OWNERS = """
SELECT 'relation ' || relname, relowner::regrole::text
  FROM pg_class WHERE relnamespace = current_schema()::regnamespace
   AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
UNION ALL
SELECT 'schema ' || nspname, nspowner::regrole::text
  FROM pg_namespace WHERE oid = current_schema()::regnamespace
UNION ALL
SELECT 'database', datdba::regrole::text FROM pg_database WHERE datname = current_database()
"""
"""Who owns what."""

_GRANTS = """
SELECT {name}, (SELECT string_agg(g, ', ' ORDER BY g) FROM (
       SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END || ' ' ||
              privilege_type || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
         FROM aclexplode(coalesce({acl}, acldefault({kind}, {owner})))) AS x (g))
  FROM {rest}
"""
PRIVILEGES = " UNION ALL ".join(
    (
        _GRANTS.format(
            name="'relation ' || relname", acl="relacl", owner="relowner",
            kind="(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::\"char\"",
            rest="pg_class WHERE relnamespace = current_schema()::regnamespace "
            "AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
        ),
        _GRANTS.format(
            name="'schema ' || nspname", acl="nspacl", kind="'n'", owner="nspowner",
            rest="pg_namespace WHERE oid = current_schema()::regnamespace",
        ),
        _GRANTS.format(
            name="'database'", acl="datacl", kind="'d'", owner="datdba",
            rest="pg_database WHERE datname = current_database()",
        ),
        """
SELECT 'column ' || c.relname || '.' || a.attname, a.attacl::text
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL
   AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT 'role ' || r.rolname, concat_ws(' ', r.rolsuper, r.rolcreaterole, r.rolcreatedb,
       r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconnlimit,
       (SELECT string_agg(m.roleid::regrole::text, ', ' ORDER BY m.roleid::regrole::text)
          FROM pg_auth_members m WHERE m.member = r.oid))
  FROM pg_roles r WHERE r.rolname !~ '^pg_'
UNION ALL
SELECT 'settings of ' || CASE setrole WHEN 0 THEN 'all' ELSE setrole::regrole::text END ||
       CASE setdatabase WHEN 0 THEN '' ELSE ' here' END, setconfig::text
  FROM pg_db_role_setting
 WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
""",
    )
)  # fmt: skip
"""Who may do what: in the database, and what the roles of its server are."""

SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()"
"""Where each sequence stands; null for one that gave no value yet."""

COUNTED = """
SELECT s.relname, t.relname, a.attname
  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
   AND d.deptype IN ('a', 'i') AND s.relnamespace = current_schema()::regnamespace
"""
"""Sequences, each with the table and the column that it numbers."""
