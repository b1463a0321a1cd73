# SPDX-License-Identifier: Apache-2.0
"""YAML that people write, read strictly: every mistake is told in one sentence with its remedy.

An unknown key or a duplicate key is refused with the nearest right spelling, since a typo that
silently switches something off would make a verdict a lie.
"""

import difflib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mlflow_conformance.core.errors import Unusable

_MERGE = "tag:yaml.org,2002:merge"


class Strict(BaseModel):
    """A model that refuses unknown keys and cannot be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class Kind(Generic[_M]):
    """One kind of document.

    Attributes:
        article: how a sentence names it, e.g. ``a profile``.
        manual: the page that lists every key.
    """

    model: type[_M]
    article: str
    manual: str

    def read(self, path: Path) -> tuple[_M, bytes]:
        """The document and the bytes that it came from.

        Raises:
            Unusable: the file cannot be read, is not YAML, or does not fit the model.
        """
        raw = self._bytes(path)
        document = _parsed(path, raw)
        if not isinstance(document, dict):
            raise Unusable(
                f"{path} is not {self.article}: it holds no mapping", remedy=f"See {self.manual}"
            )
        try:
            return self.model.model_validate(document), raw
        except ValidationError as problem:
            errors = problem.errors()
            # A misspelt key is also a missing one: name what was written, not what was not.
            first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
            raise self._unusable(path, document, first) from problem

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise Unusable(
                f"{path} cannot be read as {self.article}: {reason}",
                remedy="Name a YAML file that this user may read",
            ) from problem

    def _unusable(self, path: Path, document: object, first: ErrorDetails) -> Unusable:
        where = _place(document, first["loc"], missing=first["type"] == "missing")
        if first["type"] == "extra_forbidden":
            known = _fields_at(self.model, first["loc"][:-1])
            return Unusable(
                f"{path} has the unknown key {where!r}"
                + nearest(str(first["loc"][-1]), known).rstrip("?"),
                remedy=f"Correct or remove it; {self.manual} lists every key",
            )
        message = " ".join(first["msg"].removeprefix("Value error, ").split())
        return Unusable(
            f"{path} is not {self.article}: {where + ': ' if where else ''}{message}",
            remedy=f"{self.manual} lists every key and what it may hold",
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


class _DuplicateKey(Exception):  # noqa: N818 - caught below and told as Unusable
    def __init__(self, key: Hashable, line: int) -> None:
        self.key, self.line = key, line


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys silently; a document that people write must not."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue  # what `<<` brings may be overridden: that is what it is for
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # PyYAML refuses it below, and says where
            if key in seen:
                raise _DuplicateKey(key, key_node.start_mark.line + 1)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _parsed(path: Path, raw: bytes) -> object:
    try:
        document: object = yaml.load(raw, _UniqueKeys)  # noqa: S506 - a subclass of SafeLoader
    except _DuplicateKey as problem:
        raise Unusable(
            f"{path} has the key {problem.key!r} twice (line {problem.line})",
            remedy="Keep one of the two",
        ) from problem
    except RecursionError as problem:
        raise Unusable(f"{path} is nested too deeply", remedy="Correct it") from problem
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as problem:
        # Besides YAMLError, PyYAML lets through what Python raises on `!!int ""` or `2026-13-45`.
        raise Unusable(
            f"{path} is not YAML: {' '.join(str(problem).split())}",
            remedy="Correct it at the place named",
        ) from problem
    return document


def _models(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, dict, list, Mapping):
        for argument in get_args(annotation):
            yield from _models(argument)


def _below(models: Iterable[type[BaseModel]], part: int | str) -> list[type[BaseModel]]:
    return [
        model
        for parent in models
        for name, field in parent.model_fields.items()
        if part in (name, field.alias)
        for model in _models(field.annotation)
    ]


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    models: list[type[BaseModel]] = [model]
    for part in location:
        # The location names union branches, keys of dicts and indices too: they change no model.
        models = _below(models, part) or models
    return [f.alias or n for m in models for n, f in m.model_fields.items()]


def _place(document: Any, location: tuple[int | str, ...], *, missing: bool) -> str:
    """A location as the writer sees it: without the branches of unions, which pydantic names."""
    parts: list[str] = []
    for part in location:
        if isinstance(document, dict):
            inside = part in document
        else:
            inside = isinstance(document, list) and isinstance(part, int) and part < len(document)
        if inside:
            document = document[part]
        if inside or (missing and part == location[-1]):
            parts.append(str(part))
    return ".".join(parts)
