# SPDX-License-Identifier: Apache-2.0
"""Uses what one version was given on another: reads, searches, changes and removes it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import send_many
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.upgrade.answers import unlike
from mlflow_conformance.upgrade.things import GivenThing, ReadBack, UseStep

_AT_ONCE, _CHUNK, _CHUNK_S = 6, 200, 300


@dataclass(frozen=True)
class UsedThings:
    """What came of using things.

    Attributes:
        told: where an answer was another than it had to be.
        unanswered: requests without a reply, of which nothing is known.
    """

    told: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


def unread(inside: Inside, api: MlflowApi, things: Sequence[GivenThing]) -> UsedThings:
    """What of these things is no longer read as it was written.

    Raises:
        InsideFailed: the runner did not answer.
    """
    return _asked(inside, api, [(t, reading) for t in things for reading in t.reads])


def unfound(inside: Inside, api: MlflowApi, things: Sequence[GivenThing]) -> UsedThings:
    """Which of these things a search no longer finds, or finds otherwise than they were written.

    Raises:
        InsideFailed: the runner did not answer.
    """
    return _asked(inside, api, [(t, finding) for t in things for finding in t.finds])


def unchanged(api: MlflowApi, things: Sequence[GivenThing]) -> UsedThings:
    """What of these things cannot be changed, or is not read as it was changed."""
    found = UsedThings()
    for thing in things:
        _take(api, thing, thing.changes, found)
    return found


def unremoved(api: MlflowApi, things: Sequence[GivenThing]) -> UsedThings:
    """What of these things cannot be removed, or is still there."""
    found = UsedThings()
    for thing in things:
        _take(api, thing, thing.removes, found)
    return found


def _asked(
    inside: Inside, api: MlflowApi, asked: Sequence[tuple[GivenThing, ReadBack]]
) -> UsedThings:
    found = UsedThings()
    for start in range(0, len(asked), _CHUNK):
        chunk = asked[start : start + _CHUNK]
        requests = [reading.call.request(api) for _, reading in chunk]
        outcomes = send_many(inside, requests, concurrency=_AT_ONCE, patience_s=_CHUNK_S)
        for (thing, reading), outcome in zip(chunk, outcomes, strict=True):
            if isinstance(outcome.reply, NoReply):
                found.unanswered.append(f"{thing}: {reading.call}: {outcome.reply}")
            else:
                found.told.extend(f"{thing}: {text}" for text in unlike(reading, outcome.reply))
    return found


def _take(api: MlflowApi, thing: GivenThing, steps: Sequence[UseStep], found: UsedThings) -> None:
    """One step after the other, until one does not work: the next ones may need it."""
    for step in steps:
        try:
            told = unlike(ReadBack(call=step.call), step.call.sent(api))
            told = told or unlike(step.then, step.then.call.sent(api))
        except NoReply as none:
            found.unanswered.append(f"{thing}: {step.call}: {none}")
            return
        if told:
            found.told.extend(f"{thing}: {text}" for text in told)
            return
