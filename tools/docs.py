# SPDX-License-Identifier: Apache-2.0
"""Writes the parts of the documentation that the code knows better: `python tools/docs.py`.

A test compares them, so that they cannot go stale.
"""

import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mlflow_conformance.cli import app
from mlflow_conformance.config import assets, guides
from mlflow_conformance.config.profile import Profile

DOCS = Path(__file__).resolve().parents[1] / "docs"
_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    date: "date",
    type(None): "nothing",
}
START, END = "<!-- written by tools/docs.py -->\n", "<!-- end -->"


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
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        context = typer.Context(command)
        records = [p.get_help_record(context) for p in command.params if p.name != "help"]
        rows = "".join(
            f"| `{_cell(words)}` | {_cell(text).replace('<', '&lt;')} |\n"
            for words, text in records
        )
        table = f"\n| | |\n|---|---|\n{rows}" if rows else ""
        parts.append(f"### `mlflow-conformance {name}`\n\n{_cell(command.help)}\n{table}")
    return "\n".join(parts)


def commands_of_guides() -> str:
    """Every command of the deployments' guides, a table for each."""
    parts: list[str] = []
    for name in ("k3d", "eks"):
        guide = guides.read(assets.asset(f"deployment/{name}/{guides.FILE}"))
        rows = "".join(
            f"| {_code(c.guide)} | {_code(c.now) if c.now else _same(c)} | "
            f"{c.by or 'none'} | {_cell(c.because)} |\n"
            for c in guide.commands.values()
        )
        head = "| guide | today | run by | why |\n|---|---|---|---|\n"
        parts.append(f"### {name}: {guide.title}\n\n{head}{rows}")
    return "\n".join(parts)


def _same(command: guides.Command) -> str:
    return "the same" if command.by else "-"


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


PAGES = {"profiles.md": profile_keys, "cli.md": commands, "guides.md": commands_of_guides}


def renewed(name: str) -> str:
    """A page with the part that the code knows written again."""
    page = (DOCS / name).read_text(encoding="utf-8")
    pattern = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
    part = f"{START}\n{PAGES[name]()}\n{END}"
    return pattern.sub(lambda _: part, page)


def main() -> int:
    """Write every page."""
    for name in PAGES:
        (DOCS / name).write_text(renewed(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
