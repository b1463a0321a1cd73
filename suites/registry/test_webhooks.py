# SPDX-License-Identifier: Apache-2.0
"""Webhooks of the registry, delivered to a real receiver."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.mlflow import MlflowApi, answer, error_of, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.registry.acts import EVENTS, acts_of
from mlflow_conformance.registry.thresholds import LateWebhooks, Webhooks
from mlflow_conformance.registry.webhooks import Delivery
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.target.base import Target

_LOOK_S = 0.5


@dataclass(frozen=True)
class Listening:
    """A receiver in the runner; `url` is how MLflow's pods reach it, `path` this check's own."""

    inside: Inside
    number: int
    url: str
    path: str

    def deliveries(self, to: str) -> list[Delivery]:
        """What came so far for one of this check's webhooks."""
        kept = cast(list[dict[str, Any]], self.inside.call("receiver_posts", number=self.number))
        found = [Delivery.from_post(post) for post in kept]
        return [d for d in found if d.path == f"{self.path}/{to}"]


@pytest.fixture
def listening(target: Target, evidence: Evidence, unique: Unique) -> Iterator[Listening]:
    """A receiver that refuses the first post to the webhook `refusing`."""
    path = f"/{unique('receiver')}"
    port = evidence.row(LateWebhooks if evidence.id == "REG-6.late" else Webhooks).port
    made = cast(
        dict[str, Any],
        target.inside.call(
            "receiver_start",
            # Policies admit one port; on this machine any will do.
            port=port if target.kube else 0,
            refused=f"{path}/refusing",
            refusals=1,
            towards=urlsplit(target.replica_urls()[0]).hostname,
        ),
    )
    yield Listening(target.inside, made["number"], made["url"], path)
    target.inside.call("receiver_stop", number=made["number"])


@check(
    "REG-6",
    impact="Deployments that wait for an event never start, start twice, or start for an event "
    "that somebody forged.",
    remedy="Give every replica the same MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY, let the network "
    "policies admit the receiver, and see what MLflow's log says of the delivery.",
    writes=("mlflow",),
)
def test_webhooks(
    evidence: Evidence,
    target: Target,
    front: MlflowApi,
    replicas: list[MlflowApi],
    sql_witness: Sql | None,
    listening: Listening,
    waiter: Waiter,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Every event of the registry is delivered once, by whichever replica, rightly signed.

    Steps:
        1. Through the front door register three webhooks that lead to a receiver in the runner:
           one for every event of the registry, one that the receiver refuses at first, one that is
           disabled. Wait until no replica can still have the list of before.
        2. At each replica by itself do everything that has an event, with models and prompts.
        3. The receiver got each event once, with what was done in it, a delivery ID of its own and
           the HMAC of the body by the webhook's secret; the refused delivery came again, with the
           same ID, until it was accepted; the disabled webhook got nothing. The secret is in the
           database, where the profile names that, only encrypted.
    """
    row = evidence.row(Webhooks)
    secret = f"conformance-{secrets.token_hex(16)}"
    events = [(entity, action) for entity, actions in EVENTS.items() for action in actions]

    def register(name: str, of: list[tuple[str, str]], status: str = "ACTIVE") -> str:
        made = front.post(
            "webhooks", name=unique(name), url=f"{listening.url}{listening.path}/{name}",
            events=[{"entity": e.upper(), "action": a.upper()} for e, a in of],
            secret=secret, status=status,
        )  # fmt: skip
        if made.status != 200:
            evidence.undecided(
                f"MLflow does not take the receiver {listening.url} for a webhook: HTTP "
                f"{made.status} {' '.join(error_of(made))}"
            )
        return belongings.webhook(answer("webhooks", made)["webhook"]["webhook_id"])

    webhook = register("accepting", events)
    register("refusing", [("registered_model", "created")])
    register("disabled", events, "DISABLED")
    if sql_witness:
        evidence.expect(
            "sql.secret", "rows that hold the secret as it is",
            sql_witness.one(
                "SELECT count(*) FROM webhooks "
                "WHERE webhook_id = %s AND position(%s in webhooks::text) > 0",
                webhook, secret,
            ),
            "==", 0, door="sql",
        )  # fmt: skip
    _wait_s(waiter, "past the age of every list of webhooks", row.cache_s, "webhook list")

    run = new_run(front, experiment)
    acts = [
        act
        for replica in replicas
        for name, prompt in ((unique("model"), False), (unique("prompt"), True))
        for act in acts_of(replica, belongings.model(name), run, prompt=prompt)
    ]
    refused = [[a.told, r.status] for a in acts if (r := a.do()).status != 200]
    evidence.expect("acts-refused", "acts that were refused", refused, "==", [], door="inside")

    created = {a.told for a in acts if a.event == "registered_model.created"}
    came, again = waiter.last_seen(
        "all told, and then quiet",
        lambda: (listening.deliveries("accepting"), listening.deliveries("refusing")),
        done=lambda seen: (
            {_told(d) for d in seen[0]} >= {a.told for a in acts}
            and {_told(d) for d in seen[1] if d.status == 200} >= created
        ),
        successes=1 + round(row.quiet_s / _LOOK_S),
        interval_s=_LOOK_S,
        timeout="webhook delivered",
    )
    # What others do to models of their own is told to this webhook too.
    own = {a.data["name"] for a in acts}
    counts = Counter(_told(d) for d in came if d.data.get("name") in own)
    evidence.note("events delivered", sum(counts.values()), door="inside")
    evidence.expect(
        "events.missing", "events that were not delivered",
        sorted(a.told for a in acts if not counts[a.told]),
        "==", [], door="inside",
    )  # fmt: skip
    evidence.expect(
        "events.repeated", "events that were delivered more than once, and IDs of several events",
        _repeated(came, counts), "==", {}, door="inside",
    )  # fmt: skip
    evidence.expect(
        "events.uncaused", "events that nobody caused",
        sorted(set(counts) - {a.told for a in acts}), "==", [],
        door="inside",
    )  # fmt: skip
    data = {a.told: a.data for a in acts}
    evidence.expect(
        "events.altered", "events that tell something else than what was done",
        {
            told: [seen, data[told]]
            for d in came
            if (told := _told(d)) in data
            and (seen := {k: d.data.get(k) for k in data[told]}) != data[told]
        },
        "==", {}, door="inside",
    )  # fmt: skip
    evidence.expect(
        "signature", "deliveries without the signature of the webhook's secret",
        sorted(_told(d) for d in (*came, *again) if not d.signed_by(secret)),
        "==", [], door="inside",
    )  # fmt: skip
    _expect_repetition(evidence, again, created)
    silent = [_told(d) for d in listening.deliveries("disabled")]
    evidence.expect(
        "events.disabled",
        "events delivered to the disabled webhook",
        silent,
        "==",
        [],
        door="inside",
    )


def _repeated(came: list[Delivery], counts: Counter[str]) -> dict[str, int | list[str]]:
    """Events with how often they came, and IDs of deliveries with the events that share them."""
    by_id: dict[str, set[str]] = {}
    for delivery in came:
        by_id.setdefault(delivery.id, set()).add(_told(delivery))
    shared: dict[str, int | list[str]] = {i: sorted(t) for i, t in by_id.items() if len(t) > 1}
    return {told: n for told, n in sorted(counts.items()) if n > 1} | shared


def _expect_repetition(evidence: Evidence, came: list[Delivery], created: set[str]) -> None:
    """A refused delivery comes again with its ID until it is accepted, and then no more."""
    accepted = Counter(_told(d) for d in came if d.status == 200)
    refused = {d.id for d in came if d.status != 200}
    evidence.note("deliveries that were refused at first", len(refused), door="inside")
    evidence.expect(
        "retry.missing", "refused deliveries that did not come again with their ID",
        sorted(refused - {d.id for d in came if d.status == 200}), "==", [], door="inside",
    )  # fmt: skip
    evidence.expect(
        "retry.accepted", "events that the second receiver accepted", dict(accepted),
        "==", dict.fromkeys(created, 1), door="inside",
    )  # fmt: skip


def _told(delivery: Delivery) -> str:
    """See `Act.told`."""
    return f"{delivery.event} {delivery.data.get('name')}"


@check(
    "REG-6.late",
    impact="A deployment that an event started is started again when nobody expects it.",
    remedy="See in MLflow's log why it took a delivery that was accepted for one that failed.",
    writes=("mlflow",),
)
def test_no_late_repetition(
    evidence: Evidence,
    front: MlflowApi,
    listening: Listening,
    waiter: Waiter,
    experiment: str,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """An event that was delivered and accepted is not delivered again later.

    Preconditions: as REG-6, which tells of every event.
    Steps: register a webhook; when no replica has an older list, do everything that has an event
    with one model, through the front door; wait until all of it is told, and go on listening.
    Expected: when the profile's time is over every event has come once.
    """
    row = evidence.row(LateWebhooks)
    name = belongings.model(unique("model"))
    acts = acts_of(front, name, new_run(front, experiment), prompt=False)
    events = [(entity, action) for entity, actions in EVENTS.items() for action in actions]
    made = front.post(
        "webhooks", name=unique("late"), url=f"{listening.url}{listening.path}/late",
        events=[{"entity": e.upper(), "action": a.upper()} for e, a in events],
        secret=f"conformance-{secrets.token_hex(16)}", status="ACTIVE",
    )  # fmt: skip
    if made.status != 200:
        evidence.undecided(
            f"MLflow does not take the receiver {listening.url} for a webhook: HTTP "
            f"{made.status} {' '.join(error_of(made))}"
        )
    belongings.webhook(answer("webhooks", made)["webhook"]["webhook_id"])
    _wait_s(waiter, "past the age of every list of webhooks", row.cache_s, "webhook list")
    told = {act.told for act in acts if act.do().status == 200}
    waiter.until(
        "told: every event",
        lambda: {_told(d) for d in listening.deliveries("late")},
        done=lambda seen: seen >= told,
        timeout="webhook delivered",
        interval_s=_LOOK_S,
    )
    _wait_s(waiter, "past the time for repetitions", row.late_s, "webhook repeated")
    came = Counter(_told(d) for d in listening.deliveries("late"))
    evidence.note("events delivered", len(told), door="inside")
    evidence.expect(
        "events.repeated", "events that were delivered more than once",
        {event: n for event, n in came.items() if event in told and n > 1}, "==", {},
        door="inside",
    )  # fmt: skip


def _wait_s(waiter: Waiter, what: str, seconds: float, timeout: str) -> None:
    """Wait until so many seconds have passed."""
    began = time.monotonic()
    waiter.until(
        what, lambda: time.monotonic() - began, done=lambda age: age > seconds, timeout=timeout
    )
