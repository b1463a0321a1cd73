# SPDX-License-Identifier: Apache-2.0
"""What an upgrade that was seen comes to, as observations with bounds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import load_records
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.evidence.bounds import holds
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.ledger.history import Operation
from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.load.analysis import analyse
from mlflow_conformance.load.records import Failure
from mlflow_conformance.upgrade import judging
from mlflow_conformance.upgrade.clients import SENT, WORDS
from mlflow_conformance.upgrade.interleaving import ServingPod
from mlflow_conformance.upgrade.kept import judge_traces
from mlflow_conformance.upgrade.locks import Held
from mlflow_conformance.upgrade.restarting import Restarted
from mlflow_conformance.upgrade.revising import Revised, RevisionNotes
from mlflow_conformance.upgrade.thresholds import MigrationBounds, RequestBounds
from mlflow_conformance.upgrade.told import BegunMigration, MigrationLogs
from mlflow_conformance.upgrade.upgraded import Upgraded
from mlflow_conformance.upgrade.watching import SchemaLook

S = 1_000_000_000
OLD, NEW = "mlflow:1", "mlflow:2"
NOTHING = RequestBounds(failed=0, silence_s=15)
LOCKS = MigrationBounds(others_cpu=0.25, longest_wait_s=10)
DOWN = RequestBounds(failed=None, silence_s=15)


def _sent(kind: str, *statuses: int) -> list[SentRequest]:
    """A request each second from second 0 on; the upgrade begins in second 5."""
    return [
        SentRequest(kind, at * S, at * S + S // 2, 1, abs(status), status > 0)
        for at, status in enumerate(statuses)
    ]


def _pod(name: str, image: str, address: str) -> ServingPod:
    return ServingPod(name, name, image, image, ready=True, terminating=False, address=address)


@pytest.fixture
def seen(tmp_path: Path) -> Upgraded:
    """An upgrade of half a minute in which nothing went wrong."""
    old, new = _pod("o", OLD, "10.0.0.1"), _pod("n", NEW, "10.0.0.2")
    looks = [
        SchemaLook(5 * S, "one", [old], "one"),
        SchemaLook(9 * S, "two", [old], "two"),
        SchemaLook(15 * S, "two", [old, new], "two"),
        SchemaLook(20 * S, "two", [new], "two"),
    ]
    lock = Held(8 * S, (7, 1.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.9", 1)
    return Upgraded(
        manner="rolling", images=(OLD, NEW), refused="", began_ns=5 * S, applied_ns=18 * S,
        over_ns=20 * S, until_ns=25 * S, held_s=0, own={OLD: "one", NEW: "two"},
        attempts=[a for kind in WORDS for a in _sent(kind, *[200] * 25)],
        load=analyse(load_records.run(tmp_path, load_records.healthy)), looks=looks, locks=[lock],
        blind={"pods": 0}, locks_unseen_s=0.3, told=MigrationLogs([], []),
        noted=RevisionNotes(), restarted=Restarted(), plan=[], runs_kept=[], traces_kept=[],
        others_cpu=0.02,
    )  # fmt: skip


def _broken(tmp_path: Path, judge: Callable[[Evidence], None]) -> list[str]:
    evidence = Evidence("UPG-1", "promise", tmp_path)
    judge(evidence)
    return [o.id or "" for o in evidence.observations if o.bound and not holds(o.bound, o.observed)]


def test_an_upgrade_without_harm_breaks_nothing(tmp_path: Path, seen: Upgraded) -> None:
    def judge(evidence: Evidence) -> None:
        judging.note_course(evidence, seen)
        judging.expect_upgraded(evidence, seen)
        judging.expect_requests(evidence, seen, tuple(WORDS), NOTHING, 0.25)
        judging.expect_load(evidence, seen, NOTHING, 1, 0.25)
        judging.expect_kept(evidence, seen.traces_kept)
        judging.require_before(evidence, seen, tuple(WORDS), 5)
        judging.require_mixed(evidence, seen, 3)
        judging.expect_never_called_ready(evidence, seen, 4)
        judging.expect_migrated_beside(evidence, seen, LOCKS)

    assert _broken(tmp_path, judge) == []


@pytest.mark.parametrize(
    ("statuses", "bounds", "broken"),
    [
        ([200] * 10 + [400] * 3 + [200] * 12, NOTHING, ["requests.failed"]),
        ([200] * 10 + [-200] * 3 + [200] * 12, NOTHING, ["requests.failed"]),
        ([400] * 3 + [200] * 22, NOTHING, []),
        ([200] * 6 + [503] * 17 + [200] * 2, DOWN, ["requests.silence"]),
        ([200] * 6 + [503] * 8 + [200] * 11, DOWN, []),
    ],
)
def test_requests_of_one_kind(
    tmp_path: Path, seen: Upgraded, statuses: list[int], bounds: RequestBounds, broken: list[str]
) -> None:
    suffering = replace(seen, attempts=_sent("span", *statuses))
    found = _broken(
        tmp_path, lambda e: judging.expect_requests(e, suffering, ("span",), bounds, None)
    )
    assert found == broken


@pytest.mark.parametrize(
    ("status", "others", "broken"),
    [
        (0, 0.4, []),
        (504, 0.4, []),
        (0, 0.1, ["requests.failed", "requests.silence"]),
        (0, None, ["requests.failed", "requests.silence"]),
        (400, 0.4, ["requests.failed", "requests.silence"]),
        (-200, 0.4, ["requests.failed", "requests.silence"]),
    ],
)
def test_a_machine_that_starves_excuses_what_no_server_answered(
    tmp_path: Path, seen: Upgraded, status: int, others: float | None, broken: list[str]
) -> None:
    attempts = _sent("span", *[200] * 6, *[status] * 17, *[200] * 2)
    starving = replace(seen, attempts=attempts, others_cpu=others)
    evidence = Evidence("UPG-1", "promise", tmp_path)
    judging.expect_requests(evidence, starving, ("span",), NOTHING, 0.25)
    bounded = [o for o in evidence.observations if o.bound]
    assert [o.id for o in bounded if o.bound and not holds(o.bound, o.observed)] == broken
    assert bool(evidence.excused) == (not broken)


def test_a_machine_that_starves_excuses_waits(tmp_path: Path, seen: Upgraded) -> None:
    waits = Held(8 * S, (9, 1.0), False, "AccessShareLock", "spans", 11, "10.0.0.1", 1)
    starving = replace(seen, locks=[*seen.locks, waits], others_cpu=0.4)
    evidence = Evidence("UPG-1.migration", "promise", tmp_path)
    judging.expect_migrated_beside(evidence, starving, LOCKS)
    assert len(evidence.excused) == 1


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        ((10.0, 0, "timeout"), []),
        ((0.01, 503, "status"), []),
        ((0.01, 500, "status"), ["load.failed", "load.silence"]),
        ((0.01, 200, "body"), ["load.failed", "load.silence"]),
    ],
)
def test_a_machine_that_starves_excuses_load_that_no_server_answered(
    tmp_path: Path,
    seen: Upgraded,
    answer: tuple[float, int, Failure],
    broken: list[str],
) -> None:
    none = load_records.run(tmp_path, lambda at: answer if at > 1 else load_records.healthy(at))
    starving = replace(seen, load=analyse(none), others_cpu=0.4)
    found = _broken(tmp_path, lambda e: judging.expect_load(e, starving, NOTHING, 1, 0.25))
    assert found == broken


def test_traces_that_were_taken_and_are_not_found(tmp_path: Path, seen: Upgraded) -> None:
    taken = [Operation("w", "l", "trace", n, 0, 1, "acknowledged") for n in range(3)]
    kept = [judge_traces("mlflow by name", "trace", taken, [0])]
    broken = _broken(tmp_path, lambda e: judging.expect_kept(e, kept))
    assert broken == ["writes.kept"]


def test_a_refused_upgrade(tmp_path: Path, seen: Upgraded) -> None:
    stopped = replace(seen, refused="helm upgrade failed", over_ns=None)
    broken = _broken(tmp_path, lambda e: judging.expect_upgraded(e, stopped))
    assert broken == ["refused", "complete"]


def _judge(what: str, seen: Upgraded) -> Callable[[Evidence], None]:
    return {
        "before": lambda e: judging.require_before(e, seen, SENT, 50),
        "mixed": lambda e: judging.require_mixed(e, seen, 50),
        "looks": lambda e: judging.expect_never_called_ready(e, seen, 50),
        "load": lambda e: judging.expect_load(e, seen, NOTHING, 10**6, 0.25),
        "migration": lambda e: judging.expect_migrated_beside(e, replace(seen, locks=[]), LOCKS),
        "gap": lambda e: judging.expect_migrated_beside(
            e, replace(seen, locks_unseen_s=10.0), LOCKS
        ),
        "from": lambda e: judging.expect_migrated_beside(
            e, replace(seen, locks=[replace(seen.locks[0], address="")]), LOCKS
        ),
        "b": lambda e: judging.expect_never_called_ready(e, replace(seen, own={OLD: "one"}), 1),
    }[what]


@pytest.mark.parametrize(
    "what", ["before", "mixed", "looks", "load", "migration", "gap", "from", "b"]
)
def test_too_little_is_undecided(tmp_path: Path, seen: Upgraded, what: str) -> None:
    with pytest.raises(Undecided):
        _judge(what, seen)(Evidence("UPG-1", "promise", tmp_path))


def test_held_traces_need_not_have_been_sent(tmp_path: Path, seen: Upgraded) -> None:
    held = replace(seen, manner="hold-traces")
    assert _broken(tmp_path, lambda e: judging.require_mixed(e, held, 50)) == []


@pytest.mark.parametrize(
    ("locks", "broken"),
    [
        (
            [Held(16 * S, (7, 1.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.2", 1)],
            ["migrated.by"],
        ),
        (
            [
                Held(8 * S, (7, 1.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.8", 1),
                Held(9 * S, (8, 2.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.9", 1),
            ],
            ["migrated.from"],
        ),
        (
            [
                Held(8 * S, (7, 1.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.9", 1),
                Held(8 * S, (9, 1.0), False, "AccessShareLock", "spans", 11, "10.0.0.1", 1),
            ],
            ["lock.wait"],
        ),
    ],
)
def test_who_migrates_and_who_waits(
    tmp_path: Path, seen: Upgraded, locks: Sequence[Held], broken: list[str]
) -> None:
    found = _broken(
        tmp_path, lambda e: judging.expect_migrated_beside(e, replace(seen, locks=locks), LOCKS)
    )
    assert found == broken


def test_what_the_migration_itself_waits_for_is_told(tmp_path: Path, seen: Upgraded) -> None:
    behind = Held(9 * S, (7, 1.0), False, "AccessExclusiveLock", "trace_info", 3, "10.0.0.9", 4)
    others = replace(behind, session=(8, 1.0), table="spans", waiting_s=5)
    evidence = Evidence("UPG-1", "promise", tmp_path)
    held = replace(seen, locks=[*seen.locks, behind, others])
    judging.expect_migrated_beside(evidence, held, LOCKS)
    told = {o.name: o.observed for o in evidence.observations}
    what = "what who changed the schema waited for longest"
    assert told[what] == ["AccessExclusiveLock", "trace_info", 3]


def _begun(*pods: str) -> MigrationLogs:
    """Pods that say they began a migration; `o…` are those that serve."""
    begun = [
        BegunMigration(pod, f"address of {pod}", pod.startswith("o"), "Updating") for pod in pods
    ]
    return MigrationLogs(begun, [])


@pytest.mark.parametrize(
    ("begun", "broken"),
    [
        (_begun("job"), []),
        (_begun("job", "job"), []),
        (_begun("o1"), ["migrated.by"]),
        (_begun("o1", "o2"), ["migrated.by", "migrated.from"]),
    ],
)
def test_who_says_that_he_migrated_where_it_was_too_quick_to_be_seen(
    tmp_path: Path, seen: Upgraded, begun: MigrationLogs, broken: list[str]
) -> None:
    quick = replace(seen, locks=[], told=begun)
    assert _broken(tmp_path, lambda e: judging.expect_migrated_beside(e, quick, LOCKS)) == broken


def test_who_was_seen_counts_more_than_who_says_that_he_began(
    tmp_path: Path, seen: Upgraded
) -> None:
    both = replace(seen, told=_begun("o1", "job"))
    assert _broken(tmp_path, lambda e: judging.expect_migrated_beside(e, both, LOCKS)) == []


@pytest.mark.parametrize(
    ("addresses", "broken"),
    [
        (["10.0.0.9", "10.0.0.9"], []),
        (["10.0.0.2"], ["migrated.by"]),
        (["10.0.0.9", "socket"], ["migrated.from"]),
    ],
)
def test_what_the_database_notes_counts_where_no_lock_was_seen(
    tmp_path: Path, seen: Upgraded, addresses: list[str], broken: list[str]
) -> None:
    revised = [Revised(16 * S, n, address) for n, address in enumerate(addresses)]
    noted = replace(seen, locks=[], noted=RevisionNotes(revised=revised), told=_begun("o1", "job"))
    assert _broken(tmp_path, lambda e: judging.expect_migrated_beside(e, noted, LOCKS)) == broken


def test_what_a_failed_migration_did_and_was_rolled_back_changed_nothing(
    tmp_path: Path, seen: Upgraded
) -> None:
    told = _begun("job-1", "job-2")
    failed = MigrationLogs([replace(told.begun[0], failed=True), told.begun[1]], [])
    locks = [
        replace(seen.locks[0], session=(n, 1.0), address=f"address of job-{n}") for n in (1, 2)
    ]
    revised = [Revised(9 * S, 2, "address of job-2")]
    again = replace(seen, locks=locks, told=failed, noted=RevisionNotes(revised=revised))

    def broken(each: Upgraded) -> list[str]:
        return _broken(tmp_path, lambda e: judging.expect_migrated_beside(e, each, LOCKS))

    assert broken(again) == []
    assert broken(replace(again, told=told)) == ["migrated.from"]
    half = [*revised, Revised(8 * S, 1, "address of job-1")]
    assert broken(replace(again, noted=RevisionNotes(revised=half))) == ["migrated.from"]
    assert broken(replace(again, noted=RevisionNotes(silent="no right"))) == ["migrated.from"]


def test_one_of_two_who_began_is_not_known(tmp_path: Path, seen: Upgraded) -> None:
    quick = replace(seen, locks=[], told=_begun("job-1", "job-2"))
    with pytest.raises(Undecided, match="one of"):
        judging.expect_migrated_beside(Evidence("UPG-1", "promise", tmp_path), quick, LOCKS)


def test_an_address_that_another_pod_gets_later_is_not_its(tmp_path: Path, seen: Upgraded) -> None:
    job = Held(8 * S, (7, 1.0), True, "AccessExclusiveLock", "spans", 0, "10.0.0.2", 1)
    reused = replace(seen, locks=[job])
    assert _broken(tmp_path, lambda e: judging.expect_migrated_beside(e, reused, LOCKS)) == []
