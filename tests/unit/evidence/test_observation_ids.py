# SPDX-License-Identifier: Apache-2.0
"""Every observation with a bound has an ID that the source shows, and that stands for one thing."""

import re
from itertools import chain

import shipped
from observation_ids import expectations, reached
from repository import ROOT

ID = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
FILES = [
    path
    for folder in ("suites", "src")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ".expect(" in path.read_text("utf-8")
]
KNOWN = shipped.checks()


def test_ids_are_literals_of_the_right_form() -> None:
    bad = [
        f"{e.path}:{e.line}"
        for e in chain.from_iterable(map(expectations, FILES))
        if not e.ids or not all(map(ID.fullmatch, e.ids))
    ]
    assert bad == []


def test_every_call_is_seen() -> None:
    """A call that these tests cannot read would hide an ID from them."""
    calls = {path: path.read_text("utf-8").count("evidence.expect(") for path in FILES}
    assert {path: len(expectations(path)) for path in FILES} == calls


def test_two_things_of_a_check_do_not_share_an_id() -> None:
    """Only what is observed of several subjects has one ID with several sentences."""
    said: dict[tuple[str, str], set[str]] = {}
    for info in KNOWN.values():
        for e in reached(info.path, info.function):
            for observation_id in e.ids if e.sentence is not None else ():
                said.setdefault((info.id, observation_id), set()).add(str(e.sentence))
    assert {about: sentences for about, sentences in said.items() if len(sentences) > 1} == {}
