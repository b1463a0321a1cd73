# SPDX-License-Identifier: Apache-2.0
"""YAML that people write, read strictly: every mistake is told in one sentence with its remedy.

An unknown key or a duplicate key is refused with the nearest right spelling, since a typo that
silently switches something off would make a verdict a lie.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from mlflow_conformance.config.yaml_text import Location, NotYaml, Text, parse
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import closest, nearest


class Strict(BaseModel):
    """A model that refuses unknown keys and cannot be changed.

    It is built when it is first used: there is one for the rows of every check, and few are read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


_M = TypeVar("_M", bound=BaseModel)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a document.

    Attributes:
        what: a sentence whose subject is the file, e.g. ``has the key 'a' twice``.
        remedy: what to do about it.
        line: where it is, 1 for the first.
        place: what it is about, empty when it is about no single value.
        path: the file that it is in, when that is another one than the document's.
    """

    what: str
    remedy: str
    line: int = 1
    place: Location = ()
    path: Path | None = None

    def refusal(self, path: Path) -> Unusable:
        """What is told when the document cannot be used for this."""
        return Unusable(f"{self.path or path}:{self.line} {self.what}", remedy=self.remedy)

    def line_of(self, path: Path) -> str:
        """One line of a list of faults, as compilers and editors write them."""
        remedy = f"{self.remedy[:1].lower()}{self.remedy[1:]}"
        return f"{self.path or path}:{self.line}: {self.what}; {remedy}"


@dataclass(frozen=True)
class Document(Generic[_M]):
    """A file as it was found.

    Attributes:
        model: None when there are faults.
        text: None when it is no mapping, or no YAML at all.
        faults: all of them, the one that is told first in front.
    """

    path: Path
    raw: bytes
    model: _M | None
    text: Text | None
    faults: Sequence[Fault]


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
        document = self.examine(path)
        if document.model is None:
            raise document.faults[0].refusal(path)
        return document.model, document.raw

    def examine(self, path: Path) -> Document[_M]:
        """The document with everything that is wrong in it.

        Raises:
            Unusable: the file cannot be read.
        """
        return self.judged(self.opened(path))

    def opened(self, path: Path) -> Document[_M]:
        """The document before it is held against the model, with what is wrong in it as YAML.

        Raises:
            Unusable: the file cannot be read.
        """
        raw = self._bytes(path)
        try:
            text = parse(raw)
        except NotYaml as problem:
            remedy = "Correct it at the place named"
            fault = Fault(f"is not YAML: {problem.what}", remedy, problem.line)
            return Document(path, raw, None, None, [fault])
        if not isinstance(text.data, dict):
            fault = Fault(f"is not {self.article}: it holds no mapping", f"See {self.manual}")
            return Document(path, raw, None, None, [fault])
        twice = [
            Fault(f"has the key {key!r} twice", "Keep one of the two", line)
            for key, line in text.twice
        ]
        return Document(path, raw, None, text, twice)

    def judged(self, document: Document[_M]) -> Document[_M]:
        """A document that was opened, with the model if it fits and whatever does not fit."""
        text = document.text
        if text is None:
            return document
        try:
            model = self.model.model_validate(text.data)
        except ValidationError as problem:
            faults = [*document.faults, *self._faults(text, problem.errors())]
            return replace(document, faults=faults)
        return document if document.faults else replace(document, model=model)

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
            reason = problem.strerror if isinstance(problem, OSError) else problem
            raise Unusable(
                f"{path} cannot be read as {self.article}: {reason}",
                remedy="Name a YAML file that this user may read",
            ) from problem

    def _faults(self, text: Text, errors: Sequence[ErrorDetails]) -> Iterator[Fault]:
        """Unknown keys first: a misspelt key is also a missing one, and what was written counts."""
        unknown = [e for e in errors if e["type"] == "extra_forbidden"]
        meant: set[Location] = set()
        for error in unknown:
            *parents, key = error["loc"]
            known = fields_at(self.model, tuple(parents))
            meant.add((*parents, closest(str(key), known) or key))
            place = placed(text.data, error)
            yield Fault(
                f"has the unknown key {_words(place)!r}" + nearest(str(key), known).rstrip("?"),
                f"Correct or remove it; {self.manual} lists every key",
                text.line(place),
                place,
            )
        told: set[Location] = set()
        for error in errors:
            place = placed(text.data, error)
            # A union has an error for each of its branches, which is one mistake.
            if error["type"] == "extra_forbidden" or error["loc"] in meant or place in told:
                continue
            told.add(place)
            where = _words(place)
            yield Fault(
                f"is not {self.article}: {where + ': ' if where else ''}{message(error)}",
                f"{self.manual} lists every key and what it may hold",
                text.line(place),
                place,
            )


def message(error: ErrorDetails) -> str:
    """What a model says is wrong with a value, in one line."""
    return " ".join(error["msg"].removeprefix("Value error, ").split())


def placed(document: Any, error: ErrorDetails) -> Location:
    """Where an error is as the writer sees it: without the branches of unions, which it names."""
    location, missing = error["loc"], error["type"] == "missing"
    parts: list[int | str] = []
    for part in location:
        if isinstance(document, dict):
            inside = part in document
        else:
            inside = isinstance(document, list) and isinstance(part, int) and part < len(document)
        if inside:
            document = document[part]
        if inside or (missing and part == location[-1]):
            parts.append(part)
    return tuple(parts)


def _words(location: Location) -> str:
    return ".".join(map(str, location))


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


def fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that a model knows at the location of an error."""
    models: list[type[BaseModel]] = [model]
    for part in location:
        # The location names union branches, keys of dicts and indices too: they change no model.
        models = _below(models, part) or models
    return [f.alias or n for m in models for n, f in m.model_fields.items()]
