# SPDX-License-Identifier: Apache-2.0
"""Uses what one version was given on another: reads, searches, changes and removes it."""

from collections.abc import Iterator, Sequence

from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Outcome, send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.upgrade.answers import unlike
from mlflow_conformance.upgrade.things import GivenThing, ReadBack, UseStep

_AT_ONCE, _CHUNK, _CHUNK_S = 6, 200, 300


def unread(inside: Inside, api: MlflowApi, things: Sequence[GivenThing]) -> list[str]:
    """What of these things is no longer read as it was written.

    Raises:
        InsideFailed: the runner did not answer.
    """
    return _asked(inside, api, [(t, reading) for t in things for reading in t.reads])


def unfound(inside: Inside, api: MlflowApi, things: Sequence[GivenThing]) -> list[str]:
    """Which of these things a search no longer finds, or finds otherwise than they were written.

    Raises:
        InsideFailed: the runner did not answer.
    """
    return _asked(inside, api, [(t, finding) for t in things for finding in t.finds])


def unchanged(api: MlflowApi, things: Sequence[GivenThing]) -> list[str]:
    """What of these things cannot be changed, or is not read as it was changed."""
    return [text for thing in things for text in _made(api, thing, thing.changes)]


def unremoved(api: MlflowApi, things: Sequence[GivenThing]) -> list[str]:
    """What of these things cannot be removed, or is still there."""
    return [text for thing in things for text in _made(api, thing, thing.removes)]


def _asked(
    inside: Inside, api: MlflowApi, asked: Sequence[tuple[GivenThing, ReadBack]]
) -> list[str]:
    found: list[str] = []
    for start in range(0, len(asked), _CHUNK):
        chunk = asked[start : start + _CHUNK]
        requests = [reading.call.request(api) for _, reading in chunk]
        outcomes = send_many(inside, requests, concurrency=_AT_ONCE, patience_s=_CHUNK_S)
        for (thing, reading), outcome in zip(chunk, outcomes, strict=True):
            found.extend(f"{thing}: {text}" for text in _told(reading, outcome))
    return found


def _told(reading: ReadBack, outcome: Outcome) -> list[str]:
    if isinstance(outcome.reply, NoReply):
        return [f"{reading.call}: {outcome.reply}"]
    return unlike(reading, outcome.reply)


def _made(api: MlflowApi, thing: GivenThing, changes: Sequence[UseStep]) -> Iterator[str]:
    """One change after the other, until one does not work: the next ones may need it."""
    for change in changes:
        try:
            told = unlike(ReadBack(call=change.call), change.call.sent(api))
            told = told or unlike(change.then, change.then.call.sent(api))
        except NoReply as none:
            told = [f"{change.call}: {none}"]
        if told:
            yield from (f"{thing}: {text}" for text in told)
            return
