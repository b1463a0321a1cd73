# SPDX-License-Identifier: Apache-2.0
"""What migrations of MLflow lock and rewrite, as read from their own source, without running them.

Locks are those that PostgreSQL takes for the statements which Alembic's operations become
(https://www.postgresql.org/docs/current/explicit-locking.html and `ALTER TABLE` there). MLflow runs
all migrations of one upgrade in one transaction: every lock is held until the last one ends.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

EXCLUSIVE: Final = "ACCESS EXCLUSIVE"
"""Nobody reads or writes the table meanwhile."""
SHARE: Final = "SHARE"
"""Nobody writes the table meanwhile."""
SHARE_ROW: Final = "SHARE ROW EXCLUSIVE"
"""Nobody writes the table meanwhile, nor changes its form."""

_STRENGTH = (SHARE, SHARE_ROW, EXCLUSIVE)


@dataclass(frozen=True)
class SchemaOperation:
    """One operation of Alembic.

    Attributes:
        table: its name, empty when only a run could tell it.
        lock: what PostgreSQL locks the table with; empty for a table that is new.
        work: what grows with the table: ``reads all rows`` or ``may rewrite all rows``; else empty.
    """

    name: str
    table: str
    lock: str
    work: str


_MEANING: Mapping[str, tuple[str, str]] = {
    "add_column": (EXCLUSIVE, ""),
    "alter_column": (EXCLUSIVE, "may rewrite all rows"),
    "drop_column": (EXCLUSIVE, ""),
    "drop_constraint": (EXCLUSIVE, ""),
    "drop_index": (EXCLUSIVE, ""),
    "drop_table": (EXCLUSIVE, ""),
    "rename_table": (EXCLUSIVE, ""),
    "create_primary_key": (EXCLUSIVE, "reads all rows"),
    "create_unique_constraint": (EXCLUSIVE, "reads all rows"),
    "create_check_constraint": (EXCLUSIVE, "reads all rows"),
    "create_foreign_key": (SHARE_ROW, "reads all rows"),
    "create_index": (SHARE, "reads all rows"),
    "create_table": ("", ""),
}
# The position of the table among the arguments, where it is not the first one.
_TABLE_AT = {"drop_constraint": 1, "create_primary_key": 1, "create_unique_constraint": 1,
             "create_check_constraint": 1, "create_foreign_key": 1, "create_index": 1,
             "drop_index": 1}  # fmt: skip
_ROWS = ("execute", "bulk_insert", "bulk_update_mappings", "bulk_insert_mappings", "query")
"""Calls by which a migration itself reads or writes rows."""


@dataclass
class SchemaRevision:
    """One migration.

    Attributes:
        title: the first line of its docstring.
        operations: in their order; those for other databases than PostgreSQL are left out.
        moves_rows: it reads or writes rows by statements of its own.
        named: tables that it names anywhere, for what `operations` cannot tell.
    """

    revision: str
    before: str | None
    title: str
    operations: list[SchemaOperation] = field(default_factory=list)
    moves_rows: bool = False
    named: list[str] = field(default_factory=list)

    @property
    def locks(self) -> dict[str, str]:
        """The strongest lock on each table that was there before."""
        found: dict[str, str] = {}
        for o in self.operations:
            if o.lock and o.table and o.table not in self._new:
                found[o.table] = max(o.lock, found.get(o.table, SHARE), key=_STRENGTH.index)
        return found

    @property
    def perhaps(self) -> list[str]:
        """Tables that it may lock more strongly than `locks` knows, or write: it names them."""
        if not (self.moves_rows or any(o.lock and not o.table for o in self.operations)):
            return []
        return [t for t in self.named if t not in self._new and self.locks.get(t) != EXCLUSIVE]

    @property
    def _new(self) -> set[str]:
        return {o.table for o in self.operations if o.name == "create_table"}

    @property
    def work(self) -> dict[str, list[str]]:
        """What grows with a table, by the table."""
        found: dict[str, list[str]] = {}
        for o in self.operations:
            if o.work and o.table and o.table not in self._new:
                found.setdefault(o.table, [])
                if o.work not in found[o.table]:
                    found[o.table].append(o.work)
        return found


def read_migration(
    source: str, tables: Mapping[str, str], helpers: Mapping[str, str]
) -> SchemaRevision:
    """Read one migration.

    Args:
        source: of its module.
        tables: names of tables by the model's class, for ``SqlRun.__tablename__``; see `tables_of`.
        helpers: sources of MLflow's own modules by their dotted names, for those it imports.
    """
    tree = ast.parse(source)
    constants = _constants(tree)
    before = constants.get("down_revision")
    found = SchemaRevision(
        revision=str(constants.get("revision", "")),
        before=before if isinstance(before, str) else None,
        title=(ast.get_docstring(tree) or "").strip().partition("\n")[0],
    )
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    walk = _Walk(functions, constants, tables)
    if "upgrade" in functions:
        walk.function("upgrade")
    found.operations, found.moves_rows = walk.operations, walk.moves_rows
    texts = [source, *(helpers[m] for m in _imported(tree) if m in helpers)]
    known = set(tables.values())
    found.named = sorted({t for text in texts for t in _strings(ast.parse(text)) if t in known})
    return found


def tables_of(models: str) -> dict[str, str]:
    """The table of every model, by its class, from the source that defines them."""
    found = {}
    for node in ast.walk(ast.parse(models)):
        if isinstance(node, ast.ClassDef):
            name = _constants(node).get("__tablename__")
            if isinstance(name, str):
                found[node.name] = name
    return found


def chain(
    migrations: Mapping[str, SchemaRevision], start: str | None
) -> list[SchemaRevision] | None:
    """The migrations after a revision, the first to run first; None where it is not known.

    Args:
        migrations: all of a version, by revision.
        start: the revision of the database; None for an empty one.
    """
    followers = {m.before: m for m in migrations.values()}
    if start is not None and start not in migrations:
        return None
    found: list[SchemaRevision] = []
    at = start
    while (after := followers.get(at)) is not None and after not in found:
        found.append(after)
        at = after.revision
    return found


class _Walk:
    """Goes through a function and those of the module that it calls, as PostgreSQL would see it."""

    def __init__(
        self,
        functions: Mapping[str, ast.FunctionDef],
        constants: Mapping[str, object],
        tables: Mapping[str, str],
    ) -> None:
        self._functions = functions
        self._constants = constants
        self._tables = tables
        self._seen: set[str] = set()
        self._batch: dict[str, str] = {}
        self.operations: list[SchemaOperation] = []
        self.moves_rows = False

    def function(self, name: str) -> None:
        if name not in self._seen:
            self._seen.add(name)
            for statement in self._functions[name].body:
                self._node(statement)

    def _node(self, node: ast.AST) -> None:
        if isinstance(node, ast.If) and (branch := _of_postgresql(node)) is not None:
            for statement in branch:
                self._node(statement)
            return
        if isinstance(node, ast.With):
            self._with(node)
        if isinstance(node, ast.Call):
            self._call(node)
        for child in ast.iter_child_nodes(node):
            self._node(child)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            call, name = item.context_expr, item.optional_vars
            if not (isinstance(call, ast.Call) and isinstance(name, ast.Name)):
                continue
            if _called(call)[1] == "batch_alter_table":
                self._batch[name.id] = self._text(call, "table_name", 0)

    def _call(self, call: ast.Call) -> None:
        on, name = _called(call)
        if not on and name in self._functions:
            self.function(name)
        elif name in _ROWS and on:
            self.moves_rows = True
        elif name in _MEANING and on in self._batch:
            self._add(name, self._batch[on])
        elif name in _MEANING and on == "op":
            keyword = "source_table" if name == "create_foreign_key" else "table_name"
            self._add(name, self._text(call, keyword, _TABLE_AT.get(name, 0)))

    def _add(self, name: str, table: str) -> None:
        self.operations.append(SchemaOperation(name, table, *_MEANING[name]))

    def _text(self, call: ast.Call, keyword: str, at: int) -> str:
        """An argument that names a table; empty when only a run could tell it."""
        given = [k.value for k in call.keywords if k.arg == keyword]
        node = given[0] if given else call.args[at] if len(call.args) > at else None
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id=name):
                found = self._constants.get(name)
                return found if isinstance(found, str) else ""
            case ast.Attribute(value=ast.Name(id=name), attr="__tablename__"):
                return self._tables.get(name, "")
        return ""


def _called(call: ast.Call) -> tuple[str, str]:
    """What a call is made on, and its name; the first is empty for a plain function."""
    match call.func:
        case ast.Name(id=name):
            return "", name
        case ast.Attribute(value=ast.Name(id=on), attr=name):
            return on, name
        case ast.Attribute(attr=name):
            return "?", name
    return "", ""


def _of_postgresql(node: ast.If) -> list[ast.stmt] | None:
    """The branch that PostgreSQL takes, where the condition is the kind of database."""
    match node.test:
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=v)]):
            if v in ("sqlite", "mysql", "mssql", "postgresql"):
                same = isinstance(op, ast.Eq) == (v == "postgresql")
                return node.body if same else node.orelse
    return None


def _constants(node: ast.Module | ast.ClassDef) -> dict[str, object]:
    found: dict[str, object] = {}
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                found[name] = value
    return found


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
