# SPDX-License-Identifier: Apache-2.0
"""One change of one manifest, as an operator makes it."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from mlflow_conformance.mutants.candidates.places import Place

_LONGEST = 40


@dataclass(frozen=True)
class Edit:
    """What becomes of a place.

    Attributes:
        operator: the class of changes, one word.
        says: what is other afterwards, a clause whose subject is the place.
        op: what a JSON patch (RFC 6902) does there.
        value: what is there then; meaningless when it is removed.
    """

    operator: str
    place: Place
    says: str
    op: Literal["remove", "replace", "add"]
    value: Any = None

    @property
    def patch(self) -> list[dict[str, JsonValue]]:
        """The change as a JSON patch.

        What Kubernetes leaves out of an object because it is the default cannot be replaced there:
        a key is added, which replaces one that is there as well; an item of a list is replaced.
        """
        keyed = self.op == "replace" and isinstance(self.place.keys[-1], str)
        op = "add" if keyed else self.op
        step: dict[str, JsonValue] = {"op": op, "path": self.place.pointer}
        return [step if self.op == "remove" else {**step, "value": self.value}]

    def applied(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest with this change."""
        changed: Any = deepcopy(dict(manifest))
        *way, last = self.place.keys
        inner = changed
        for key in way:
            inner = inner[key]
        if self.op == "remove":
            del inner[last]
        else:
            inner[last] = self.value
        whole: dict[str, Any] = changed
        return whole


def removed(place: Place) -> Edit:
    """The place is no longer there."""
    return Edit("drop", place, "is removed", "remove")


def replaced(operator: str, place: Place, old: Any, new: Any) -> Edit:
    """The place has another value."""
    return Edit(operator, place, f"is {short(new)} in place of {short(old)}", "replace", new)


def added(operator: str, place: Place, new: Any) -> Edit:
    """The place is there, and was not or held another value."""
    return Edit(operator, place, f"is set to {short(new)}", "add", new)


def short(value: Any) -> str:
    """A value for a sentence."""
    text = str(value) if value != "" else "nothing"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
