# SPDX-License-Identifier: Apache-2.0
"""Where something is in a manifest, for a JSON patch and for a person."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SHORT = 30
"""Characters of an item that goes by its own text."""


@dataclass(frozen=True)
class Place:
    """The way to a value of a manifest.

    Attributes:
        keys: of mappings and of lists, from the outermost.
        words: the same as people write it, ``spec.containers[mlflow].args[--workers]``: an item of
            a list goes by its own name where it has one, so that it is still meant when another
            item comes before it.
    """

    keys: tuple[str | int, ...] = ()
    words: str = ""

    @property
    def pointer(self) -> str:
        """As a JSON patch names it."""
        return "".join(f"/{str(k).replace('~', '~0').replace('/', '~1')}" for k in self.keys)

    @property
    def last(self) -> str:
        """The key of the innermost mapping that leads there."""
        return next((k for k in reversed(self.keys) if isinstance(k, str)), "")

    @property
    def depth(self) -> int:
        """How many keys lead there."""
        return len(self.keys)

    def to(self, key: str | int, called: str = "") -> "Place":
        """The place of one key of what is here."""
        if isinstance(key, int):
            return Place((*self.keys, key), f"{self.words}[{called or key}]")
        word = key if key.replace("-", "").replace("_", "").isalnum() else f"[{key}]"
        dot = "." if self.words and word == key else ""
        return Place((*self.keys, key), f"{self.words}{dot}{word}")


def below(value: Any, here: Place) -> Iterator[tuple[Place, Any]]:
    """What is directly below a value, with its place, in the manifest's order."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield here.to(str(key)), inner
        case list():
            for at, (name, inner) in enumerate(zip(_names(value), value, strict=True)):
                yield here.to(at, name), inner


def _names(items: Sequence[Any]) -> Sequence[str]:
    """What the items of a list are called; empty where two are called the same."""
    names = [_name(item) for item in items]
    return [name if names.count(name) == 1 else "" for name in names]


def _name(item: Any) -> str:
    match item:
        case {"name": str(name)}:
            return name
        case str() if item.startswith("-"):
            return item.split("=")[0]
        case str() if len(item) <= _SHORT and item.isprintable():
            return item
        case _:
            return ""
