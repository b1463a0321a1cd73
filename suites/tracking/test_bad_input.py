# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong on purpose."""

from random import Random

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inventory import Moment, row_counts
from mlflow_conformance.doors.many import Request, send_many
from mlflow_conformance.doors.mlflow import MlflowApi, error_of
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.target.base import Target
from mlflow_conformance.tracking.bad_requests import TRACES, BadRequest, generate
from mlflow_conformance.tracking.thresholds import BadInput, KnownRequests

_CONCURRENCY = 4
_PATIENCE_S = 300


@check(
    "TRK-6",
    impact="A faulty client brings the server down, or leaves half of a write behind.",
    remedy="Send the listed request again with curl and report it; the seed of the run makes all "
    "of them anew.",
    writes=("mlflow",),
)
def test_bad_input(
    evidence: Evidence, target: Target, replicas: list[MlflowApi], sql: Sql, rng: Random
) -> None:
    """Bad input gets a 4xx with MLflow's error code, never a 5xx, and writes nothing.

    Steps:
        1. From MLflow's own API definition, make as many wrong requests as the profile says:
           missing, ill-typed, over-long and hostile values, objects that do not exist, bodies that
           are no JSON object.
        2. Send them to the replicas in turn.
        3. Each is answered with a 4xx and an error code. No row was written that holds anything of
           them; where nobody else uses the deployment, no row was written at all and none is gone.
           What the profile knows as a fault of MLflow is told as a known limit.
    """
    row = evidence.row(BadInput)
    requests = generate(rng, row.requests)
    before, moment = row_counts(sql), Moment.now(sql)
    outcomes = _sent(target, replicas, requests)
    written, after = moment.written_since(sql), row_counts(sql)

    lost = [_told(r, o) for r, o in outcomes if isinstance(o, NoReply)]
    replies = [(r, o) for r, o in outcomes if isinstance(o, Reply)]
    broken = [(r, o) for r, o in replies if o.status >= 500]
    accepted = [(r, o) for r, o in replies if o.status < 400 and not r.reads]
    nameless = [(r, o) for r, o in replies if 400 <= o.status < 500 and not error_of(o)[0]]
    evidence.expect(
        "replies", "requests answered", len(replies), ">=", len(requests), door="inside"
    )
    evidence.note("requests without a reply", lost, door="inside")
    evidence.note(
        "answers by status",
        {str(s): sum(o.status == s for _, o in replies) for s in {o.status for _, o in replies}},
        door="inside",
    )
    evidence.expect(
        "server-errors",
        "answered with a 5xx",
        _unknown(evidence, broken, row.known_5xx),
        "==",
        [],
        door="inside",
    )
    evidence.expect(
        "accepted", "writes that were answered with 200",
        _unknown(evidence, accepted, row.known_accepted),
        "==", [], door="inside",
    )  # fmt: skip
    evidence.expect(
        "no-error-code", "refused without an error code",
        [_told(r, o) for r, o in nameless], "==", [],
        door="inside",
    )  # fmt: skip
    changed = {t: [n, after[t]] for t, n in before.items() if n != after[t]}
    for fault in row.known_rows:
        if those := [w for w in written if w.table == fault.table]:
            evidence.limit(f"{fault.because}: {those[0]}")
            written = [w for w in written if w not in those]
            changed.pop(fault.table, None)
    own = [w for w in written if w.names_any(TRACES)]
    evidence.expect(
        "sql.own-rows", "rows that they wrote", list(map(str, own)), "==", [], door="sql"
    )
    others = [str(w) for w in written if w not in own]
    if row.alone:
        evidence.expect(
            "sql.other-rows",
            "rows that were written meanwhile",
            others,
            "==",
            [],
            door="sql",
        )
        evidence.expect(
            "sql.row-counts",
            "tables with another number of rows",
            changed,
            "==",
            {},
            door="sql",
        )
    else:
        evidence.note("rows that somebody wrote meanwhile", others, door="sql")


def _sent(
    target: Target, replicas: list[MlflowApi], requests: list[BadRequest]
) -> list[tuple[BadRequest, Reply | NoReply]]:
    outcomes = send_many(
        target.inside,
        [
            Request.to(
                replicas[n % len(replicas)], r.method, r.path,
                body=r.body, content_type="application/json",
            )
            for n, r in enumerate(requests)
        ],
        concurrency=_CONCURRENCY,
        patience_s=_PATIENCE_S,
    )  # fmt: skip
    return [(r, o.reply) for r, o in zip(requests, outcomes, strict=True)]


def _unknown(
    evidence: Evidence, met: list[tuple[BadRequest, Reply]], known: list[KnownRequests]
) -> list[str]:
    """What no known fault explains; every known one that was met becomes a limit."""
    left = list(met)
    for fault in known:
        those = [(r, o) for r, o in left if fault.requests.fullmatch(r.signature)]
        if those:
            left = [m for m in left if m not in those]
            request, reply = those[0]
            evidence.limit(
                f"{fault.because} ({len(those)} of these requests: HTTP {reply.status}). "
                f"{request.reproducer()}"
            )
    return [_told(r, o) for r, o in left]


def _told(request: BadRequest, outcome: Reply | NoReply) -> str:
    said = str(outcome) if isinstance(outcome, NoReply) else f"HTTP {outcome.status}"
    return f"{request.signature} → {said}: {request.reproducer()}"
