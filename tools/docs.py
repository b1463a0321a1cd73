# SPDX-License-Identifier: Apache-2.0
"""Writes the parts of the documentation that the code knows better: `python tools/docs.py`.

A test compares them, so that they cannot go stale.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlflow_conformance.cli.command import app
from mlflow_conformance.config import assets, guides
from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.report import words
from mlflow_conformance.run.known import thresholds
from rooms import families, rooms

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    date: "date",
    type(None): "nothing",
}
_KINDS = {
    "object": "mapping",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "`null`",
}
_HEAD, END = "<!-- written by tools/docs.py: {} -->\n", "<!-- end -->"


def profile_keys() -> str:
    """Every key of a profile, a table for each level."""
    parts: list[str] = []
    for title, model in _levels("", Profile):
        rows = "".join(_row(name, field) for name, field in model.model_fields.items())
        head = "| key | holds | default | meaning |\n|---|---|---|---|\n"
        parts.append(f"### {title}\n\n{head}{rows}")
    return "\n".join(parts)


def commands() -> str:
    """Every command with its arguments and options."""
    parts: list[str] = []
    for name, command in _commands(typer.main.get_command(app)):
        context = typer.Context(command)
        shown = [p.get_help_record(context) for p in command.params if p.name != "help"]
        records = [record for record in shown if record is not None]  # None of a hidden one
        rows = "".join(
            f"| `{_cell(words)}` | {_cell(text).replace('<', '&lt;')} |\n"
            for words, text in records
        )
        table = f"\n| | |\n|---|---|\n{rows}" if rows else ""
        parts.append(f"### `mlflow-conformance {name}`\n\n{_cell(command.help)}\n{table}")
    return "\n".join(parts)


def thresholds_of_checks() -> str:
    """The thresholds of every check, a table for each family."""
    families: dict[str, list[str]] = {}
    bare: list[str] = []
    for model, check_ids in _by_form().items():
        schema = model.model_json_schema()
        rows = [
            f"| `{name}` | {_cell(holds)} | {_cell(text)} |\n"
            for name, holds, text in _thresholds("", schema, schema.get("$defs", {}))
        ]
        if not rows:
            bare += check_ids
            continue
        head = "| threshold | holds | meaning |\n|---|---|---|\n"
        family = words.FAMILIES[prefix_of(check_ids[0])]
        families.setdefault(family, []).append(f"{', '.join(check_ids)}:\n\n{head}{''.join(rows)}")
    parts = [f"### {family}\n\n" + "\n".join(tables) for family, tables in families.items()]
    return "\n".join([*parts, f"### Without thresholds\n\n{', '.join(bare)}\n"])


def _by_form() -> dict[type[BaseModel], list[str]]:
    found: dict[type[BaseModel], list[str]] = {}
    for check_id, model in thresholds().items():
        found.setdefault(model, []).append(check_id)
    return found


def _thresholds(
    prefix: str, schema: dict[str, Any], forms: dict[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """The name, the type and the meaning of each, those of a form within a form below it."""
    for key, field in schema.get("properties", {}).items():
        name = f"{prefix}{key}"
        yield name, _holds(field, forms), field.get("description", "")
        for step, below in _forms(field, forms):
            yield from _thresholds(f"{name}{step}.", below, forms)


def _forms(field: dict[str, Any], forms: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Forms within a field, and how a path goes from the field into each."""
    if "$ref" in field:
        yield "", forms[field["$ref"].rsplit("/", 1)[1]]
    for branch in field.get("anyOf", []):
        yield from _forms(branch, forms)
    for key, step in (("items", "[]"), ("additionalProperties", ".<name>")):
        if isinstance(field.get(key), dict):
            yield from ((step + more, form) for more, form in _forms(field[key], forms))


def _holds(field: dict[str, Any], forms: dict[str, Any]) -> str:
    if "$ref" in field:
        field = forms[field["$ref"].rsplit("/", 1)[1]]
    kind, inner = field.get("type"), field.get("additionalProperties")
    if "anyOf" in field:
        held = " or ".join(dict.fromkeys(_holds(branch, forms) for branch in field["anyOf"]))
    elif values := field.get("enum", [field["const"]] if "const" in field else []):
        held = ", ".join(f"`{value}`" for value in values)
    elif kind == "array":
        held = f"list of {_holds(field['items'], forms)}"
    elif kind == "object" and isinstance(inner, dict):
        held = f"mapping to {_holds(inner, forms)}"
    elif field.get("format") == "regex":
        held = "regular expression"
    else:
        held = _KINDS.get(str(kind), "any value") + _range(field)
    return held


def _range(field: dict[str, Any]) -> str:
    least, most = field.get("minimum"), field.get("maximum")
    if least is not None and most is not None:
        return f", {least:g} to {most:g}"
    said = [
        text.format(field[key])
        for key, text in (
            ("minimum", "{:g} or more"),
            ("exclusiveMinimum", "more than {:g}"),
            ("maximum", "{:g} at most"),
            ("exclusiveMaximum", "less than {:g}"),
        )
        if key in field
    ]
    return f", {', '.join(said)}" if said else ""


def _commands(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def commands_of_guides() -> str:
    """Every command of the deployments' guides, a table for each."""
    parts: list[str] = []
    for name in ("k3d", "eks"):
        guide = guides.read(assets.asset(f"deployment/{name}/{guides.FILE}"))
        rows = "".join(
            f"| {_code(c.guide)} | {_code(c.now) if c.now else _same(c)} | "
            f"{', '.join(c.checks) or 'none'} | {_cell(c.because)} |\n"
            for c in guide.commands.values()
        )
        head = "| guide | today | run by | why |\n|---|---|---|---|\n"
        parts.append(f"### {name}: {guide.title}\n\n{head}{rows}")
    return "\n".join(parts)


def _same(command: guides.Command) -> str:
    return "the same" if command.checks else "-"


def _code(text: str) -> str:
    """Lines of code in the cell of a table; notes of our own, which are in parentheses, as text."""
    if text.startswith("("):
        return _cell(text.strip("()"))
    lines = [line.replace("|", "\\|") for line in text.splitlines() if line.strip()]
    return "<br>".join(f"`{line}`" for line in lines)


def _levels(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield f"`{prefix}`" if prefix else "The profile", model
    for name, field in model.model_fields.items():
        for kind in _models(field.annotation):
            yield from _levels(_path(prefix, field.alias or name, field, kind), kind)


def _path(prefix: str, name: str, field: FieldInfo, kind: type[BaseModel]) -> str:
    container = get_origin(field.annotation)
    below = f"{prefix}.{name}" if prefix else name
    if container is dict:
        return f"{below}.<ID>"
    if container is list:
        return f"{below}[]"
    if field.discriminator:
        (value,) = get_args(kind.model_fields[str(field.discriminator)].annotation)
        return f"{below} ({field.discriminator}: {value})"
    return below


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for inner in get_args(annotation) for m in _models(inner)]


def _row(name: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{_value(field.default)}`"
    holds = _cell(_type(field.annotation))
    return f"| `{field.alias or name}` | {holds} | {default} | {_cell(field.description or '')} |\n"


def _value(value: object) -> str:
    return "none" if value is None else str(value) or '""'


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{a}`" for a in arguments)
    if origin in (list, dict):
        return ("list of " if origin is list else "mapping to ") + _type(arguments[-1])
    if origin in (Union, UnionType, Annotated):
        kinds = [_type(a) for a in arguments[: 1 if origin is Annotated else None]]
        return " or ".join(dict.fromkeys(k for k in kinds if k != "nothing"))
    if annotation in _models(annotation):
        return "mapping"
    return _NAMES.get(annotation, "any value")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "architecture.md": {"families": families, "rooms": rooms},
    "profiles.md": {"keys": profile_keys, "thresholds": thresholds_of_checks},
    "cli.md": {"commands": commands},
    "guides.md": {"commands": commands_of_guides},
}
"""The parts of each page by the name in their first line."""


def renewed(name: str) -> str:
    """A page with the parts that the code knows written again.

    Raises:
        ValueError: a part has no place in the page.
    """
    page = (DOCS / name).read_text(encoding="utf-8")
    for part, write in PAGES[name].items():
        head = _HEAD.format(part)
        before, found, after = page.partition(head)
        _, closed, after = after.partition(END)
        if not (found and closed):
            raise ValueError(f"{name} has no place for {part}")
        page = f"{before}{head}\n{write()}\n{END}{after}"
    return page


def main() -> int:
    """Write every page."""
    for name in PAGES:
        (DOCS / name).write_text(renewed(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
