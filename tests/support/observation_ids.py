# SPDX-License-Identifier: Apache-2.0
"""What the source says of observations: the IDs and sentences that it hands to `expect`."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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


def reached(path: Path, function: str) -> list[Expectation]:
    """The calls that a function of a file may come to, in itself or in others of the file."""
    functions = _functions(path)
    waiting, seen, found = [function], set[str](), list[Expectation]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        node, own = functions[name]
        found += own
        waiting += [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
        waiting += [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
    return found


def _functions(path: Path) -> dict[str, tuple[ast.AST, list[Expectation]]]:
    """The functions of a file and the methods of its classes, by name."""
    return {
        node.name: (node, list(_calls(path, node)))
        for node in _outermost(ast.parse(path.read_text("utf-8")))
    }


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
