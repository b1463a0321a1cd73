# SPDX-License-Identifier: Apache-2.0
"""Holds an upgrade under load against what a profile promises, in a check's evidence."""

from collections.abc import Iterable, Sequence

from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.ledger.suffering import suffered
from mlflow_conformance.ledger.writes_kept import WritesKept, wrong_with
from mlflow_conformance.load.expectations import excuse, note_load, note_others
from mlflow_conformance.load.result import OperationResult
from mlflow_conformance.upgrade.clients import SENT, WORDS
from mlflow_conformance.upgrade.locks import changers, locked, longest_wait
from mlflow_conformance.upgrade.readiness import called_ready, mixed, sent_while_mixed
from mlflow_conformance.upgrade.thresholds import MigrationBounds, RequestBounds
from mlflow_conformance.upgrade.upgraded import Upgraded
from mlflow_conformance.upgrade.watching import SchemaLook

_NS = 1e9
_NOT_THE_SERVERS = frozenset({0, 502, 503, 504})
"""Statuses that no server gave: none at all, or the front's own for one that is not there in time
(RFC 9110, 15.6). A machine that starves brings them about, an upgrade that goes wrong does too."""


def note_course(evidence: Evidence, seen: Upgraded) -> None:
    """How it went: what was planned, what was done, and what it took."""
    evidence.note("images", list(seen.images))
    evidence.note("way", seen.manner)
    evidence.note("restarts that were planned", [str(step) for step in seen.plan])
    evidence.note("restarts that were made", seen.restarted.done, door="kubernetes")
    evidence.note("restarts that had no moment", seen.restarted.left)
    evidence.note("its commands took", round((seen.applied_ns - seen.began_ns) / _NS, 1), unit="s")
    if seen.over_ns is not None:
        evidence.note(
            "every pod was a ready one of B after",
            round((seen.over_ns - seen.began_ns) / _NS, 1), unit="s", door="kubernetes",
        )  # fmt: skip
    if seen.held_s:
        evidence.note("traces were held back for", round(seen.held_s, 1), unit="s")
    states = mixed(seen.looks, seen.own, seen.images[1])
    evidence.note("old pods were ready on the new schema for", states.old_on_new_s, unit="s")
    evidence.note("new pods were ready on the old schema for", states.new_on_old_s, unit="s")
    evidence.note("no pod was ready for", states.nobody_s, unit="s", door="kubernetes")
    note_others(evidence, seen.others_cpu, None)


def expect_upgraded(evidence: Evidence, seen: Upgraded) -> None:
    """It came to its end: every pod is a ready one of B."""
    evidence.expect(
        "refused", "what the deployment's own way said when it gave up", seen.refused, "==", "",
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "complete", "every pod is a ready one of B", seen.over_ns is not None, "==", True,
        door="kubernetes",
    )  # fmt: skip


def expect_requests(
    evidence: Evidence,
    seen: Upgraded,
    kinds: Sequence[str],
    bounds: RequestBounds,
    others: float | None,
) -> None:
    """Requests of every kind failed no oftener and were silent no longer than promised.

    Args:
        others: most of this machine's CPU time that others may have taken, as a share; beyond it
            what no server answered decides nothing.
    """
    for kind in kinds:
        attempts = [a for a in seen.attempts if a.kind == kind]
        found = suffered(attempts, seen.began_ns, seen.until_ns)
        during = [a for a in attempts if a.ended_ns >= seen.began_ns]
        word = WORDS[kind]
        starved = _starved(seen, others, (a.status for a in during if not a.acknowledged))
        if found.failed:
            evidence.note(
                f"{word}: statuses of failed ones, and for how long they failed",
                [list(found.statuses), round(found.failing_s, 1)], door="front",
            )  # fmt: skip
            wrong = sum(a.status == 200 and not a.right for a in during)
            evidence.note(f"{word}: answered 200 without what was asked for", wrong, door="front")
        if bounds.failed is None:
            evidence.note(f"{word}: failed of {len(during)}", found.failed, door="front")
        else:
            evidence.expect(
                "requests.failed", f"{word}: failed of {len(during)}", found.failed, "<=",
                bounds.failed, door="front", unless=starved,
            )  # fmt: skip
        if bounds.silence_s is not None:
            evidence.expect(
                "requests.silence", f"{word}: longest span without an acknowledged one",
                round(found.silence_s, 2), "<=", bounds.silence_s, unit="s", door="front",
                unless=starved,
            )  # fmt: skip


def _wrong_statuses(of: OperationResult) -> set[int]:
    """Statuses of failed ones of the load; 200 for an answer that did not hold what was asked."""
    wrong = {200} if "body" in of.failures else set()
    return wrong | {int(status) for status in of.statuses if status != "200"}


def _starved(seen: Upgraded, others: float | None, statuses: Iterable[int]) -> str:
    """Why failures with such statuses need not be the upgrade's doing; empty when they must."""
    answered = set(statuses) - _NOT_THE_SERVERS
    return "" if answered else excuse(seen.others_cpu, others)


def expect_load(
    evidence: Evidence, seen: Upgraded, bounds: RequestBounds, least: int, others: float | None
) -> None:
    """The open-model load, operation by operation.

    Args:
        others: as of `expect_requests`.

    Raises:
        Undecided: it was not offered as planned, or was too short.
    """
    result = seen.load
    note_load(evidence, result, "front")
    if result.void:
        evidence.undecided("; ".join(result.void))
    if result.sending.offered < least:
        evidence.undecided(f"only {result.sending.offered} requests of the load were planned")
    for operation in result.operations:
        if operation.failures:
            evidence.note(
                f"{operation.name}: kinds of failure, and statuses",
                [operation.failures, operation.statuses], door="front",
            )  # fmt: skip
        if bounds.failed is not None:
            evidence.expect(
                "load.failed", f"{operation.name}: failed of {operation.requests}",
                operation.failed, "<=", bounds.failed, door="front",
                unless=_starved(seen, others, _wrong_statuses(operation)),
            )  # fmt: skip
    if bounds.silence_s is not None:
        evidence.expect(
            "load.silence", "longest span without a success", result.outage.silence.seconds, "<=",
            bounds.silence_s, unit="s", door="front",
            unless=_starved(seen, others, _wrong_statuses(result.overall)),
        )  # fmt: skip


def expect_kept(evidence: Evidence, kept: Sequence[WritesKept]) -> None:
    """No acknowledged write is lost, torn or changed, at any door."""
    for each in kept:
        if each.shown:
            evidence.note(
                f"{WORDS[each.kind]}: acknowledged, read back by {each.door}",
                each.finding.acknowledged,
            )
    wrong, unless = wrong_with(kept)
    evidence.expect(
        "writes.kept", "what is wrong with acknowledged writes", wrong, "==", [], unless=unless
    )


def require_before(evidence: Evidence, seen: Upgraded, kinds: Sequence[str], least: int) -> None:
    """Every kind had been acknowledged often enough when it began.

    Raises:
        Undecided: one had not.
    """
    for kind in kinds:
        found = seen.acknowledged_before(kind)
        if found < least:
            evidence.undecided(f"only {found} {WORDS[kind]} were acknowledged before it began")


def require_mixed(evidence: Evidence, seen: Upgraded, least: int) -> None:
    """Traces were sent while old pods served on the new schema, where there was such a time.

    Raises:
        Undecided: too few were, and the way leads through it.
    """
    sent = sent_while_mixed(seen.looks, seen.own, seen.images[1], seen.attempts)
    for kind in SENT:
        what = f"{WORDS[kind]}: sent while old pods served on the new schema"
        evidence.note(what, sent[kind], door="front")
        if seen.manner == "rolling" and seen.schema_changed and sent[kind] < least:
            evidence.undecided(f"{what}: {sent[kind]}, {least} are asked")


def expect_never_called_ready(evidence: Evidence, seen: Upgraded, least: int) -> None:
    """No pod became ready on a schema that is not its own.

    Raises:
        Undecided: it was hardly seen, or nobody could say which schema B needs.
    """
    answered = [look for look in seen.looks if look.after is not None]
    evidence.note("looks at pods and schema", len(seen.looks), door="kubernetes")
    evidence.note("looks that got no answer", dict(seen.blind))
    evidence.note("schemas that were seen", sorted({str(look.after) for look in answered}))
    evidence.note("the schema that each image needs", dict(seen.own), door="kubernetes")
    evidence.expect(
        "ready", "pods that were called ready on a schema that is not their own",
        called_ready(seen.looks, seen.own), "==", [], door="kubernetes",
    )  # fmt: skip
    if len(answered) < least:
        evidence.undecided(f"only {len(answered)} looks at pods and schema were answered")
    if seen.images[1] not in seen.own:
        evidence.undecided("no pod of B was ready, so it is not known which schema it needs")


def expect_migrated_beside(evidence: Evidence, seen: Upgraded, row: MigrationBounds) -> None:
    """The schema was changed by one session, of no pod that serves, and nobody waited for long.

    Who changed it is told by the locks, and by the database's own notes of its revision; where
    there are neither, by the pod that says it began a migration. Of one that failed the notes know
    whether it came to anything: what was rolled back has changed nothing.

    Raises:
        Undecided: the schema changed, and it is not known who did it; or nobody looked at locks
            for as long as a wait may be.
    """
    sessions = changers(seen.locks)
    undone = _rolled_back(seen)
    changes = [(lock.address, lock.at_ns) for lock in sessions if lock.address not in undone]
    changes += [(each.address, each.at_ns) for each in seen.noted.revised]
    begun = [] if changes else seen.told.begun
    places = {address for address, _ in changes} or {each.address or each.pod for each in begun}
    servers = {name for change in changes if (name := _server_of(*change, seen.looks))}
    if all(each.serves for each in begun):  # else another may have been first
        servers |= {each.pod for each in begun}
    evidence.note("tables that were locked against everybody, seconds", locked(seen.locks))
    evidence.note("sessions that changed the schema", len(sessions), door="sql")
    evidence.note(
        "migrations that failed and were rolled back", sorted(undone.values()), door="kubernetes"
    )
    evidence.note("statements that wrote the revision", len(seen.noted.revised), door="sql")
    if seen.noted.silent or seen.noted.left:
        evidence.note("notes of the revision", seen.noted.silent or seen.noted.left, door="sql")
    evidence.note(
        "pods that say they began a migration", sorted({each.pod for each in seen.told.begun}),
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "migrated.by", "pods that serve and changed the schema", sorted(servers), "==", [],
        door="sql",
    )  # fmt: skip
    if begun and len(places) > 1 and not servers:
        evidence.undecided(f"one of {sorted(places)} changed the schema, and it is not known which")
    evidence.expect(
        "migrated.from", "places that the schema was changed from", len(places), "<=", 1,
        door="sql",
    )  # fmt: skip
    worst = longest_wait(seen.locks)
    if worst is not None:
        evidence.note("who waited longest, for which table", [worst.mode, worst.table], door="sql")
    evidence.expect(
        "lock.wait", "longest wait for a lock that was seen",
        round(worst.waiting_s, 2) if worst else 0.0, "<=", row.longest_wait_s, unit="s",
        door="sql", unless=note_others(evidence, seen.others_cpu, row.others_cpu),
    )  # fmt: skip
    changing = {lock.session for lock in sessions}
    own = longest_wait(lock for lock in seen.locks if lock.session in changing)
    if own is not None:
        evidence.note(
            "what who changed the schema waited for longest",
            [own.mode, own.table, round(own.waiting_s, 2)], door="sql",
        )  # fmt: skip
    gap_s = round(seen.locks_unseen_s, 2)
    evidence.note("longest span without a look at locks", gap_s, unit="s", door="sql")
    if gap_s >= row.longest_wait_s:
        evidence.undecided(f"for {gap_s} s nobody looked at locks, and a wait may be as long")
    revisions = {look.after for look in seen.looks if look.after is not None}
    if len(revisions) > 1 and not places:
        unread = list(filter(None, (*seen.told.silent, seen.noted.silent)))
        silent = f"; not read: {', '.join(unread)}" if unread else ""
        evidence.undecided(f"the schema changed, and nobody was seen who changed it{silent}")
    if "" in places:
        evidence.undecided("this account may not see from where sessions come: pg_read_all_stats")


def _rolled_back(seen: Upgraded) -> dict[str, str]:
    """Pods that began a migration and failed, by address, if the database noted nothing of it."""
    if seen.noted.silent:
        return {}
    noted = {each.address for each in seen.noted.revised}
    return {
        each.address: each.pod
        for each in seen.told.begun
        if each.failed and each.address and each.address not in noted
    }


def _server_of(address: str, at_ns: int, looks: Sequence[SchemaLook]) -> str:
    """The pod that serves and had an address then; empty when none had.

    An address may be another pod's a minute later.
    """
    before = [look for look in looks if look.at_ns <= at_ns] or list(looks[:1])
    pods = before[-1].pods if before else []
    return next((p.name for p in pods if p.address and p.address == address), "")
