# SPDX-License-Identifier: Apache-2.0
"""Which checks exist, read from the suites' source without importing or running them."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlflow_conformance.core.errors import Unusable

Written = Literal["mlflow", "cluster", "bucket", "database", "runner"]
"""What a check may write to.

``mlflow``: experiments, models and all that MLflow keeps of them. ``cluster``: objects, questions
to its API that are objects as well, and commands in pods. ``bucket``, ``database``: past MLflow.
``runner``: nothing but this suite's own pod, from which it looks.
"""


@dataclass(frozen=True)
class CheckInfo:
    """One check as its source declares it.

    Attributes:
        id: stable identifier, e.g. ``NET-1`` or ``TRK-1.traces``.
        title: first line of the function's docstring.
        disruptive: whether it disturbs the deployment that it checks.
        writes: what it writes to; None where the source does not say.
        function: the test function's name.
        fixtures: that it asks for, by their names.
    """

    id: str
    title: str
    disruptive: bool
    writes: Sequence[str] | None
    path: Path
    function: str
    line: int
    fixtures: frozenset[str] = frozenset()


def read(suites: Path) -> dict[str, CheckInfo]:
    """All checks below a folder, by ID.

    Raises:
        Unusable: two checks have one ID, a check has no title or an ID that only running it
            would show, or a file is not Python.
    """
    found: dict[str, CheckInfo] = {}
    for path in sorted(suites.rglob("test_*.py")):
        for info in _checks(path):
            if info.id in found:
                other = found[info.id]
                raise Unusable(
                    f"The check ID {info.id} is used twice: {other.path}:{other.line} and "
                    f"{info.path}:{info.line}",
                    remedy="Give one of them an ID of its own",
                )
            found[info.id] = info
    return found


def _writes(decorator: ast.Call) -> Sequence[str] | None:
    for keyword in decorator.keywords:
        if keyword.arg == "writes" and isinstance(keyword.value, ast.Tuple):
            return tuple(ast.literal_eval(part) for part in keyword.value.elts)
    return None


def _checks(path: Path) -> Iterator[CheckInfo]:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as problem:
        raise Unusable(
            f"{path} is not Python: {problem.msg} (line {problem.lineno or 1})",
            remedy="Correct it at that line",
        ) from problem
    except (OSError, ValueError, MemoryError, RecursionError) as problem:
        raise Unusable(
            f"{path} is not Python: {problem or type(problem).__name__}", remedy="Correct it"
        ) from problem
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Name(id="check"), args=[ast.Constant(value=str(check_id))]):
                    title = (ast.get_docstring(node) or "").split("\n", 1)[0].rstrip(".")
                    if not title:
                        raise Unusable(
                            f"The check {check_id} in {path}:{node.lineno} has no docstring",
                            remedy="Say in its first line what it shows",
                        )
                    yield CheckInfo(
                        id=check_id,
                        title=title,
                        disruptive=any(
                            k.arg == "disruptive"
                            and isinstance(k.value, ast.Constant)
                            and k.value.value is True
                            for k in decorator.keywords
                        ),
                        writes=_writes(decorator),
                        path=path,
                        function=node.name,
                        line=node.lineno,
                        fixtures=frozenset(a.arg for a in node.args.args),
                    )
                case (
                    ast.Call(func=ast.Name(id="check") | ast.Attribute(attr="check"))
                    | ast.Name(id="check")
                ):
                    raise Unusable(
                        f"{path}:{node.lineno} has a check whose ID cannot be read",
                        remedy='Write it first and as a literal: @check("NET-1", …)',
                    )
