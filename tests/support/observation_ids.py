# SPDX-License-Identifier: Apache-2.0
"""What the source says of observations: the IDs and sentences that it hands to `expect`."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from repository import ROOT
from sources import tree


@dataclass(frozen=True)
class Expectation:
    """One call of `evidence.expect`.

    Attributes:
        ids: the literals that the ID is chosen from; empty when it is not chosen from literals.
        sentence: None when it has a variable subject.
        function: the outermost function that the call is in.
    """

    path: Path
    line: int
    ids: frozenset[str]
    sentence: str | None
    function: str


def expectations(path: Path) -> list[Expectation]:
    """All calls of a file."""
    return [e for _, found in _functions(path).values() for e in found]


@cache
def reached(path: Path, function: str) -> Sequence[Expectation]:
    """The calls that a function may come to, also in modules that its file and theirs import.

    Names are followed and not what they stand for, so this is more rather than less than there is.
    """
    waiting, seen, found = [(path, function)], {(path, function)}, list[Expectation]()
    while waiting:
        place, name = waiting.pop()
        found += _functions(place)[name][1]
        further = _named_in(place, name) - seen
        seen |= further
        waiting += further
    return found


@cache
def _named_in(path: Path, function: str) -> frozenset[tuple[Path, str]]:
    """The functions that have a name which stands in one, where it may find them."""
    node, _ = _functions(path)[function]
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    names |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    places = (path, *_imported(path))
    return frozenset((place, name) for place in places for name in names & _functions(place).keys())


@cache
def _imported(path: Path) -> list[Path]:
    """The modules of this package that a file imports, or imports something of."""
    modules: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    files = (ROOT / "src" / f"{m.replace('.', '/')}.py" for m in sorted(modules))
    return [file for file in files if file.is_file()]


@cache
def _functions(path: Path) -> dict[str, tuple[ast.AST, list[Expectation]]]:
    """The functions of a file and the methods of its classes, by name."""
    return {node.name: (node, list(_calls(path, node))) for node in _outermost(tree(path))}


def _outermost(node: ast.AST) -> Iterator[ast.FunctionDef]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield child
        elif isinstance(child, ast.ClassDef):
            yield from _outermost(child)


def _calls(path: Path, function: ast.FunctionDef) -> Iterator[Expectation]:
    for node in ast.walk(function):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="evidence"), attr="expect"),
                args=[name, sentence, *_],
            ):
                yield Expectation(
                    path=path,
                    line=node.lineno,
                    ids=frozenset(_literals(name)),
                    sentence=sentence.value
                    if isinstance(sentence, ast.Constant) and isinstance(sentence.value, str)
                    else None,
                    function=function.name,
                )


def _literals(node: ast.expr) -> list[str]:
    """The literals that a value is chosen from; none when it may be something else."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp():
            first, second = _literals(node.body), _literals(node.orelse)
            return [*first, *second] if first and second else []
        case _:
            return []
