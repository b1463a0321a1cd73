# SPDX-License-Identifier: Apache-2.0
"""What must hold in a profile besides the form of its keys: rows, their thresholds, waivers.

The rules read the document as it was written, so that a fault at one place hides none at another.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from mlflow_conformance.config.documents import Fault, fields_at, message, placed
from mlflow_conformance.config.placeholders import OF_PROMISES
from mlflow_conformance.config.thresholds import Registry, Thresholds
from mlflow_conformance.config.yaml_text import Location, Text
from mlflow_conformance.core.spelling import closest, nearest

MANUAL = "docs/profiles.md"
_KEYS = f"{MANUAL} lists every key and what it may hold"
_DAY = TypeAdapter(date)


def faults(
    text: Text, *, known_ids: Collection[str], thresholds: Registry, today: date
) -> Iterator[Fault]:
    """What is wrong with rows and waivers; see `mlflow_conformance.config.profile.load`."""
    checks = _mapping(text.data, "checks")
    for check_id, row in checks.items():
        if not isinstance(check_id, str):
            continue  # the form of the document says so
        if check_id not in known_ids:
            yield Fault(
                f"expects the check {check_id!r}, which does not exist"
                + nearest(check_id, known_ids).rstrip("?"),
                "List the checks with `mlflow-conformance checks`",
                text.line(("checks", check_id)),
                ("checks", check_id),
            )
        elif isinstance(row, dict):
            yield from _row(text, check_id, row, thresholds.get(check_id))
    yield from _waivers(text, checks, today)


def unnamed(text: Text, lacking: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    """Rows that a profile cannot have before it says where something is.

    Args:
        lacking: the names in braces that stand for nothing, by the check's ID.
    """
    for check_id, words in lacking.items():
        keys = ", ".join(sorted(OF_PROMISES[word] for word in words))
        yield Fault(
            f"has the row {check_id}, which needs {keys}",
            f"State it, or leave {check_id} out with a reason under `without`",
            text.line(("extends",)),
        )


def _mapping(holder: object, key: str) -> dict[Any, Any]:
    held = holder.get(key) if isinstance(holder, dict) else None
    return held if isinstance(held, dict) else {}


def _row(
    text: Text, check_id: str, row: dict[str, Any], model: type[Thresholds] | None
) -> Iterator[Fault]:
    place: Location = ("checks", check_id)
    stated, replaced = _mapping(row, "thresholds"), _mapping(row, "thorough")
    for name in replaced:
        if name not in stated:
            yield Fault(
                f"is not a profile: checks.{check_id}.thorough: {name} replaces no threshold of "
                "this row",
                _KEYS,
                text.line((*place, "thorough", name)),
                (*place, "thorough", name),
            )
    if model is None or not isinstance(row.get("thresholds", {}), dict):
        return
    wrong = _misfits(model, stated)
    yield from _told(text, check_id, model, (*place, "thresholds"), stated, wrong)
    if replaced:
        before = [e["loc"] for e in wrong]
        at_most = {**stated, **{n: v for n, v in replaced.items() if n in stated}}
        more = [
            e
            for e in _misfits(model, at_most)
            if e["loc"] not in before and (not e["loc"] or e["loc"][0] in replaced)
        ]
        yield from _told(text, check_id, model, (*place, "thorough"), at_most, more)


def _misfits(model: type[Thresholds], values: Mapping[str, Any]) -> list[ErrorDetails]:
    """What a model says of thresholds; types are as written, so that "2" is no number."""
    try:
        model.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as problem:
        return problem.errors()
    except (TypeError, ValueError):
        pass  # a date: the form of the document says so
    return []


def _told(
    text: Text,
    check_id: str,
    model: type[Thresholds],
    place: Location,
    values: Mapping[str, Any],
    errors: list[ErrorDetails],
) -> Iterator[Fault]:
    remedy = f"{MANUAL} lists the thresholds of {check_id} and what they may be"
    meant: set[Location] = set()
    for error in (e for e in errors if e["type"] == "extra_forbidden"):
        *parents, name = error["loc"]
        known = fields_at(model, tuple(parents))
        meant.add((*parents, closest(str(name), known) or name))
        where = placed(values, error)
        yield Fault(
            f"gives {check_id} the unknown threshold {_words(where)!r}"
            + nearest(str(name), known).rstrip("?"),
            f"Correct or remove it; {remedy}",
            text.line((*place, *where)),
            (*place, *where),
        )
    told: set[Location] = set()
    for error in errors:
        where = placed(values, error)
        if error["type"] == "extra_forbidden" or error["loc"] in meant or where in told:
            continue
        told.add(where)
        if error["type"] == "missing":
            what = f"gives {check_id} no threshold {_words(where)!r}"
            how = f"{_stating(model, where)}; {remedy}"
        else:
            what = f"gives {check_id} thresholds that do not fit: "
            what += f"{_words(where) + ': ' if where else ''}{message(error)}"
            how = remedy
        yield Fault(what, how, text.line((*place, *where)), (*place, *where))


def _stating(model: type[Thresholds], where: Location) -> str:
    field = model.model_fields.get(str(where[0])) if len(where) == 1 else None
    if field is not None and type(None) in get_args(field.annotation):
        return f"State it, or `{where[0]}: null` when nothing is promised about it"
    return "State it"


def _waivers(text: Text, checks: Mapping[Any, Any], today: date) -> Iterator[Fault]:
    listed = text.data.get("waivers") if isinstance(text.data, dict) else None
    seen: set[str] = set()
    for number, waiver in enumerate(listed if isinstance(listed, list) else []):
        check_id = waiver.get("id") if isinstance(waiver, dict) else None
        if not isinstance(check_id, str):
            continue
        line = text.line(("waivers", number))
        if check_id not in checks:
            yield Fault(
                f"is not a profile: the waiver of {check_id} excuses a check that this profile "
                "does not expect",
                _KEYS,
                line,
            )
        if check_id in seen:
            yield Fault(f"is not a profile: {check_id} is waived twice", _KEYS, line)
        seen.add(check_id)
        last = _day(waiver.get("expires"))
        if last is not None and last < today:
            yield Fault(
                f"has a waiver of {check_id} that expired on {last}",
                "Mend what it excused, or renew it with a reason that still holds",
                text.line(("waivers", number, "expires")),
            )


def _day(value: object) -> date | None:
    try:
        return _DAY.validate_python(value)
    except ValidationError:
        return None


def _words(location: Location) -> str:
    return ".".join(map(str, location))
