# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2 as people write it, with the line of everything in it.

Anchors and merge keys may be used, types of one's own may not. A key that stands twice in a mapping
is told, also beside a merge key, where ruamel.yaml itself keeps the last one without a word.
"""

from collections.abc import Callable, Hashable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import StringIO
from typing import Any, Protocol

Location = tuple[int | str, ...]
"""The keys and indices that lead to a value."""

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"


class _Node(Protocol):
    """What is used of ruamel.yaml's nodes.

    Attributes:
        value: a scalar's text, a sequence's nodes, or a mapping's pairs of nodes.
    """

    id: str
    tag: str
    value: Any
    start_mark: Any


class NotYaml(Exception):  # noqa: N818 - told as Unusable by whoever knows the file
    """A text that is no YAML.

    Attributes:
        what: why, in one line.
        line: where, 1 for the first.
    """

    def __init__(self, what: object, line: int) -> None:
        super().__init__(what)
        self.what, self.line = " ".join(str(what).split()), line


@dataclass(frozen=True)
class Text:
    """What a text says.

    Attributes:
        data: mappings as dict, lists as list, scalars; None for an empty text.
        twice: keys that stand twice in a mapping, each with the line of the second.
    """

    data: Any
    twice: tuple[tuple[Hashable, int], ...]
    _root: _Node | None = field(repr=False)

    def line(self, location: Location) -> int:
        """The line of a value's key or of a list's item; of what holds it when it is not there."""
        node, line = self._root, 1
        for part in location:
            below = _child(node, part) if node is not None else None
            if below is None:
                break
            node, line = below
        return line


def parse(raw: bytes) -> Text:
    """Read one document; what it gives is the caller's own.

    Raises:
        NotYaml: the bytes are none, or more than one.
    """
    text = _parsed(raw)
    return replace(text, data=deepcopy(text.data))


@lru_cache(maxsize=16)
def _parsed(raw: bytes) -> Text:
    """The same, shared: `init` reads a base for what it writes and for what was written."""
    # Here and not above: what runs inside of a pod has models, and reads no YAML.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    reader = YAML(typ="safe", pure=True)
    reader.allow_duplicate_keys = True  # all of them are told, not only the first
    try:
        root = reader.compose(raw)
        constructor = reader.constructor
        walk = _Walk(constructor.construct_object)
        if root is not None:
            walk.through(root)
        data = None if root is None else constructor.construct_document(root)
    except RecursionError as problem:
        raise NotYaml("it is nested too deeply", 1) from problem
    except ReaderError as problem:
        raise NotYaml(problem, raw.count(b"\n", 0, problem.position) + 1) from problem
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        said = ", ".join(s for s in (problem.context, problem.problem) if s)
        raise NotYaml(said, mark.line + 1 if mark else 1) from problem
    except YAMLError as problem:
        raise NotYaml(problem, 1) from problem
    return Text(data, tuple(walk.twice), root)


def written(data: Mapping[str, object]) -> str:
    """Data as a document of YAML 1.2, keys in their order, one to a line."""
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    # ruamel.yaml types it by its default.
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    writer.dump(data, text)
    return text.getvalue()


class _Walk:
    """Once through a tree of nodes: the keys that stand twice, and scalars that are none.

    Args:
        scalar: gives the value of a scalar's node.
    """

    def __init__(self, scalar: Callable[[_Node], object]) -> None:
        self._scalar = scalar
        self._seen: set[int] = set()
        self._around: set[int] = set()
        self.twice: list[tuple[Hashable, int]] = []

    def through(self, node: _Node) -> None:
        """Walk from a node.

        Raises:
            NotYaml: something in it is not what people write.
        """
        if id(node) in self._around:
            raise NotYaml("what is marked with & holds itself", _line(node))
        if id(node) in self._seen:
            return  # an alias
        self._seen.add(id(node))
        self._around.add(id(node))
        self._into(node)
        self._around.discard(id(node))

    def _into(self, node: _Node) -> None:
        match node.id:
            case "mapping":
                _refuse_tag(node, "map")
                self._keys(node)
                for _, value in node.value:
                    self.through(value)
            case "sequence":
                _refuse_tag(node, "seq")
                for value in node.value:
                    self.through(value)
            case _:
                self._value(node)

    def _keys(self, node: _Node) -> None:
        seen: set[object] = set()
        for key, _ in node.value:
            if key.tag == _MERGE:
                continue  # what `<<` brings may be overridden: that is what it is for
            if key.id != "scalar":
                raise NotYaml("a key is one word, and no list or mapping", _line(key))
            word = self._value(key)
            if word in seen:
                self.twice.append((word, _line(key)))
            seen.add(word)

    def _value(self, node: _Node) -> Any:
        # Besides its own errors, ruamel.yaml lets through what Python raises on `!!int ""`.
        try:
            return self._scalar(node)
        except (ValueError, LookupError, AttributeError, TypeError) as problem:
            raise NotYaml(problem, _line(node)) from problem


def _refuse_tag(node: _Node, usual: str) -> None:
    if node.tag != _TAG + usual:
        raise NotYaml(f"the type {node.tag} is not used here", _line(node))


def _line(node: _Node) -> int:
    return int(node.start_mark.line) + 1


def _child(node: _Node, part: int | str) -> tuple[_Node, int] | None:
    """A value below a node, and the line of its key or of itself."""
    if node.id == "sequence" and isinstance(part, int) and part < len(node.value):
        value = node.value[part]
        return value, _line(value)
    if node.id == "mapping":
        # Backwards, since what a merge key brought comes first, and is overridden.
        for key, value in reversed(node.value):
            if key.value == part:
                return value, _line(key)
    return None
