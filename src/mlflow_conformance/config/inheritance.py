# SPDX-License-Identifier: Apache-2.0
"""What a profile takes over from the base that it extends.

A base has promises. A profile, or another base, says what it changes of it:

- A row's `promise` and `tier` replace the base's, and so does each threshold that it states, whole,
  and each reason for one that is loose.
  A row that says nothing stays as it is; one that the base does not have goes behind the row that
  is written above it.
- `without` takes out rows by their ID, or all of a family by its name, each with a reason; several
  that have one reason in common are named in one line, with commas.
- `names` are taken over part by part, and in a part key by key.
- What is about one deployment is never taken over: a base has none of it, unless the profile states
  its own.

Whatever is taken over keeps the file and the line that it was written in.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Document, Fault, Kind
from mlflow_conformance.config.families import prefix_of
from mlflow_conformance.config.yaml_text import Location, Text
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest

MANUAL = "docs/profiles.md"
_OF_ITS_OWN = ("schema", "name", "description", "extends", "without")
"""What is said of one file alone."""
_OF_NO_BASE = ("contexts", "deployment", "waivers")
"""What is about one deployment, or excuses one."""
_IN_PARTS = ("thresholds", "thorough", "loose")
"""What of a row is replaced key by key."""
_WORDS = ("promise", "loose")
"""What of a row is said for people, and is no promise."""


@dataclass(frozen=True)
class Inherited:
    """How a profile differs from what it extends.

    Attributes:
        base: the name of the base that it extends; empty when it extends none.
        removed: why a row that a base has is not asked for, by its ID.
        changed: which keys of a row are others than in the base, by the row's ID.
        sha256: of the profile and all of its bases.
    """

    base: str
    removed: Mapping[str, str]
    changed: Mapping[str, Sequence[str]]
    sha256: str

    @classmethod
    def nothing(cls, sha256: str) -> Self:
        """Of a profile that extends no base."""
        return cls("", {}, {}, sha256)


@dataclass
class Whole:
    """A document with all that it takes over.

    Attributes:
        data: as if it had been written in one file.
        faults: what keeps it from being read so.
        origins: the file in which something was written, by its place.
    """

    data: Any
    faults: list[Fault]
    inherited: Inherited
    origins: dict[Location, tuple[Path, Text]] = field(repr=False)

    def placed(self, fault: Fault) -> Fault:
        """A fault with the file and the line of what it is about."""
        for length in range(len(fault.place), 0, -1):
            if found := self.origins.get(fault.place[:length]):
                path, text = found
                return replace(fault, path=path, line=text.line(fault.place))
        return fault


def whole(document: Document[Any], kind: Kind[Any]) -> Whole:
    """A document with what it takes over, base by base, the outermost first.

    What a base that comes with this program changes of another one is no change: all of it is what
    the profile is held against.

    Args:
        document: of a profile, as it was read; it holds a mapping.
        kind: how the files of its bases are read.
    """
    layers, faults = _layers(document, kind)
    merged, digest, base = _Merging(), hashlib.sha256(), ""
    for layer in reversed(layers):
        merged.add(layer)
        if layer is not document and (not base or assets.is_shipped_base(layer.path)):
            base = layer.path.stem
            merged.removed.clear()
            merged.changed.clear()
    for layer in layers:
        digest.update(layer.raw)
    inherited = Inherited(base, merged.removed, merged.changed, digest.hexdigest())
    own = _data(document)
    data = {**merged.data, **{k: v for k, v in own.items() if not _is_merged(k, v)}}
    return Whole(data, [*faults, *merged.faults], inherited, merged.origins)


def _data(document: Document[Any]) -> dict[Any, Any]:
    return document.text.data if document.text and isinstance(document.text.data, dict) else {}


def _is_merged(key: Any, value: Any) -> bool:
    """Whether it is taken over part by part, and not as it is; what has another form is told of."""
    return key in ("checks", "names") and isinstance(value, dict)


def _layers(document: Document[Any], kind: Kind[Any]) -> tuple[list[Document[Any]], list[Fault]]:
    """The document and its bases, each before the one that it extends; and what is wrong there."""
    layers, seen = [document], {document.path.resolve()}
    while isinstance(base := _data(layers[-1]).get("extends"), str):
        path, place = layers[-1].path, ("extends",)
        text = layers[-1].text
        line = text.line(place) if text else 1
        try:
            found = kind.opened(assets.base_path(base, path.parent))
        except Unusable as problem:
            what = f"extends {base!r}: {problem.what[:1].lower()}{problem.what[1:]}"
            return layers, [Fault(what, problem.remedy, line, place, path)]
        if found.path.resolve() in seen:
            what = f"extends {base!r}, which extends this one"
            return layers, [Fault(what, "Name another base", line, place, path)]
        if faults := [*found.faults, *_of_no_base(found, _data(document))]:
            return layers, [replace(fault, path=found.path) for fault in faults]
        seen.add(found.path.resolve())
        layers.append(found)
    return layers, []


def _of_no_base(base: Document[Any], profile: Mapping[Any, Any]) -> Iterator[Fault]:
    """What would be taken over from a base though it is about that deployment alone."""
    for key in _OF_NO_BASE:
        if base.text and key in _data(base) and key not in profile:
            yield Fault(
                f"has {key!r}, and is extended: {key!r} is about one deployment",
                "Move it into the profile that extends this file, or state it there as well",
                base.text.line((key,)),
                (key,),
            )


class _Merging:
    """The layers so far, as one document."""

    def __init__(self) -> None:
        self.data: dict[Any, Any] = {}
        self.origins: dict[Location, tuple[Path, Text]] = {}
        self.faults: list[Fault] = []
        self.removed: dict[str, str] = {}
        self.changed: dict[str, list[str]] = {}
        self._below = ""

    def add(self, layer: Document[Any]) -> None:
        """Put a layer over those before it."""
        own = _data(layer)
        for key, value in own.items():
            if key == "checks" and isinstance(value, dict):
                self._rows(layer, value)
            elif key == "names" and isinstance(value, dict):
                self._names(layer, value)
            elif key not in _OF_ITS_OWN:
                self.data[key] = value
                self._written(layer, (key,))
        # After the rows: one that is written and left out as well is told of.
        if isinstance(without := own.get("without"), dict):
            self._without(layer, without, own.get("checks"))
        self._below = layer.path.stem

    def _names(self, layer: Document[Any], names: Mapping[Any, Any]) -> None:
        there = self.data.setdefault("names", {})
        for part, value in names.items():
            before = there.get(part)
            if isinstance(value, dict) and isinstance(before, dict):
                there[part] = {**before, **value}
                for key in value:
                    self._written(layer, ("names", part, key))
            else:
                there[part] = value
                self._written(layer, ("names", part))

    def _rows(self, layer: Document[Any], rows: Mapping[Any, Any]) -> None:
        there: dict[Any, Any] = self.data.setdefault("checks", {})
        above: Any = None
        for check_id, row in rows.items():
            place: Location = ("checks", check_id)
            before = there.get(check_id)
            if isinstance(row, dict) and isinstance(before, dict):
                there[check_id] = self._row(layer, place, before, row)
            elif before is None:
                self._insert(there, check_id, row, above)
                self._written(layer, place)
                self.removed.pop(check_id, None)
            else:
                there[check_id] = row
                self._written(layer, place)
            above = check_id

    def _insert(self, rows: dict[Any, Any], check_id: Any, row: Any, above: Any) -> None:
        """A new row, behind the one that is written above it; the first one behind all."""
        before = list(rows.items())
        at = list(rows).index(above) + 1 if above is not None else len(before)
        rows.clear()
        rows.update([*before[:at], (check_id, row), *before[at:]])

    def _row(
        self, layer: Document[Any], place: Location, before: Mapping[Any, Any],
        row: Mapping[Any, Any],
    ) -> dict[Any, Any]:  # fmt: skip
        found = dict(before)
        changed = self.changed.setdefault(str(place[1]), [])
        for key, value in row.items():
            old = before.get(key)
            if key in _IN_PARTS and isinstance(value, dict) and isinstance(old, dict):
                found[key] = {**old, **value}
                for name, bound in value.items():
                    self._written(layer, (*place, key, name))
                    if key not in _WORDS and (name not in old or old[name] != bound):
                        changed.append(f"{key}.{name}")
                continue
            found[key] = value
            self._written(layer, (*place, key))
            if old != value and key not in _WORDS:
                changed.append(str(key))
        if not changed:
            del self.changed[str(place[1])]
        return found

    def _without(self, layer: Document[Any], without: Mapping[Any, Any], own: Any) -> None:
        there: dict[Any, Any] = self.data.get("checks", {})
        for names, reason in without.items():
            for name in str(names).split(","):
                gone = [i for i in there if name.strip() in (i, prefix_of(i))]
                if fault := self._misplaced(name.strip(), gone, own):
                    place: Location = ("without", names)
                    line = layer.text.line(place) if layer.text else 1
                    self.faults.append(Fault(*fault, line, place, layer.path))
                    continue
                for check_id in gone:
                    del there[check_id]
                    self.changed.pop(check_id, None)
                    self.removed[check_id] = str(reason)

    def _misplaced(self, name: str, gone: Sequence[Any], own: Any) -> tuple[str, str] | None:
        """Why a name under `without` leaves nothing out, and what to do."""
        if not self._below:
            return (
                f"leaves {name} out, and extends no base that has it",
                "Remove the line, or name the base with `extends`",
            )
        if not gone:
            there = self.data.get("checks", {})
            known = {*there, *map(prefix_of, there)}
            return (
                f"leaves {name!r} out, which {self._below} does not have"
                + nearest(name, known).rstrip("?"),
                "Name the ID of a row, or a family such as HPA",
            )
        if both := [i for i in gone if isinstance(own, dict) and i in own]:
            return f"leaves {both[0]} out and has a row of it", "Keep one of the two"
        return None

    def _written(self, layer: Document[Any], place: Location) -> None:
        """Whatever is at this place from now on was written in this layer."""
        for known in [p for p in self.origins if p[: len(place)] == place]:
            del self.origins[known]
        if layer.text is not None:
            self.origins[place] = (layer.path, layer.text)
