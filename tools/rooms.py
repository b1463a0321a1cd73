# SPDX-License-Identifier: Apache-2.0
"""The rooms of the package and of each family, as docs/architecture.md shows them."""

import ast
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow_conformance.config import catalogue
from mlflow_conformance.config.families import FOLDERS, folder_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "mlflow_conformance"
_FAMILY = "a family"


def families() -> str:
    """Every family that has checks: the IDs of its checks and its folders."""
    checks: dict[str, list[str]] = {}
    for check_id in catalogue.read(ROOT / "suites"):
        checks.setdefault(folder_of(check_id), []).append(check_id)
    head = "| family | checks | folder of `suites/`, `src/mlflow_conformance/`, `mutants/`, "
    rows = "".join(
        f"| {prefix} | {len(checks[folder])} | `{folder}` |\n"
        for prefix, folder in FOLDERS.items()
        if folder in checks
    )
    return f"{head}`tests/unit/` |\n|---|---|---|\n{rows}"


def rooms() -> str:
    """Every room from top to bottom, with what each of its modules is about."""
    parts: list[str] = []
    for room in _order():
        title = f"### {room}" + (f" ({_FAMILY})" if room in FOLDERS.values() else "")
        rows = "".join(f"| `{name}` | {about} |\n" for name, about in _modules(room))
        parts.append(f"{title}\n\n{_first_line(PACKAGE / room / '__init__.py')}\n")
        if rows:
            parts.append(f"| module | |\n|---|---|\n{rows}")
    return "\n".join(parts)


def _order() -> Sequence[str]:
    """The rooms as the layers of the import contracts name them, top to bottom."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    [layers] = [c["layers"] for c in contracts if c["type"] == "layers"]
    found = [
        part.strip(" ()").removeprefix("mlflow_conformance.")
        for layer in layers
        for part in layer.replace(":", "|").split("|")
    ]
    return [room for room in found if (PACKAGE / room).is_dir()]


def _modules(room: str) -> Iterator[tuple[str, str]]:
    folder = PACKAGE / room
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts)
        if name == "__init__":
            continue
        yield name.removesuffix(".__init__"), _first_line(path).replace("|", "\\|")


def _first_line(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return said.split("\n", 1)[0]
