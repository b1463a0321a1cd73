# SPDX-License-Identifier: Apache-2.0
"""UPG-3: what the old version was given, on the new one."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.upgrade import bulk, comparison, models, objects, using
from mlflow_conformance.upgrade.before import Before
from mlflow_conformance.upgrade.fingerprint import fingerprint
from mlflow_conformance.upgrade.migration import MigrationRecord
from mlflow_conformance.upgrade.models import Models, Python
from mlflow_conformance.upgrade.seeding import Seeded
from mlflow_conformance.upgrade.things import GivenThing, Part
from mlflow_conformance.upgrade.thresholds import (
    DataGiven,
    DataUsed,
    Fingerprinted,
    ModelsLoaded,
    ObjectsKept,
)
from mlflow_conformance.upgrade.upgraded import Upgraded

_SHOWN = 20


def _need_upgraded(evidence: Evidence, upgraded: Upgraded) -> None:
    if upgraded.over_ns is None:
        evidence.undecided(f"the new version never stood alone: {upgraded.refused}")


@check(
    "UPG-3.given",
    impact="Nothing is known of data that the old version did not take.",
    remedy="See what it says of the kinds that are listed; say in the profile's row why a kind is "
    "refused, if it is to be.",
    writes=("mlflow", "cluster"),
)
def test_data_is_given(
    evidence: Evidence, written_models: Models, before: Before, migration: MigrationRecord
) -> None:
    """The old version holds data of every kind that it can keep, of a size that can be seen.

    Preconditions: the old version serves.
    Steps:
        1. With its own client, register models; by its API, write three things of every kind, and
           many runs and traces.
        2. Ask it for all of them, and look at every row of its database.
        3. Carry out the new version's migration on a copy.

    Expected: it refuses no kind of data that it has an API for, but those that the profile knows.
    """
    row, seeded = evidence.row(DataGiven), before.seeded
    _note_kinds(evidence, seeded)
    empty = [name for name, t in before.fingerprint.tables.items() if not t.shape.rows]
    evidence.note("tables that stayed empty", empty, door="sql")
    evidence.note("rows", before.fingerprint.rows, door="sql")
    evidence.note("what it answers otherwise than it was written", sorted(before.own))
    evidence.note("models that were registered", sorted(written_models.predicted), door="inside")
    evidence.note("migration on a copy", migration.seconds, unit="s", door="sql")
    refused = [f"{k}: {said}" for k, said in seeded.of("refused").items() if k not in row.refused]
    evidence.expect(
        "refused", "kinds of data that the old version refused", refused, "==", [], door="inside"
    )


@check(
    "UPG-3.fingerprint",
    impact="Data that people rely on is gone or changed.",
    remedy="Stay on the old version; report what is listed, by table, column and key, to MLflow.",
    writes=("mlflow", "cluster"),
)
def test_content_is_unchanged(
    evidence: Evidence, before: Before, migration: MigrationRecord, upgraded: Upgraded, sql: Sql
) -> None:
    """Every value that the migration did not mean to change is what it was.

    Preconditions: the old version was given data of every kind, and the upgrade was made.
    Steps:
        1. Before the upgrade, keep a digest of every value of every row by the row's key.
        2. Carry out the new version's migration on a copy, and keep each statement that writes.
        3. After the upgrade, look at the rows of the same keys again.

    Expected: what differs is named by a statement of the migration: columns that come and go,
    values that it fills in, rows that it moves. Rows that came since are nobody's loss.
    """
    _need_upgraded(evidence, upgraded)
    row = evidence.row(Fingerprinted)
    now = fingerprint(sql, before.fingerprint)
    compared = before.fingerprint.rows
    evidence.note("rows that were compared", compared, door="sql")
    evidence.note(
        "rows since, by table", comparison.rows_since(before.fingerprint, now), door="sql"
    )
    evidence.note("migration on a copy", migration.seconds, unit="s", door="sql")
    if compared < row.rows:
        evidence.undecided(f"{compared} rows were compared, and {row.rows} are needed")
    found = comparison.differences(before.fingerprint, now, migration.meant())
    listed = [f"{'meant' if d.meant else 'not meant'}: {d}" for d in found]
    evidence.attach("differences", "\n".join(listed), "text/plain", ".txt")
    evidence.note("changed by the migration itself", [str(d) for d in found if d.meant], door="sql")
    evidence.expect(
        "changed", "what differs and is in no statement of the migration",
        comparison.shortened([d for d in found if not d.meant], _SHOWN), "==", [], door="sql",
    )  # fmt: skip


@check(
    "UPG-3.models",
    impact="Models in use cannot be loaded, or predict something else.",
    remedy="Pin the packages that the models were logged with; log again those that are listed.",
    writes=("mlflow", "cluster"),
)
def test_models_predict_identically(
    evidence: Evidence,
    written_models: Models,
    upgraded: Upgraded,
    service: MlflowApi,
    new_client: Callable[[], AbstractContextManager[Python]],
) -> None:
    """Registered models of the old version predict the same from the new one, by its client.

    Preconditions: a client of the old version registered models, and the upgrade was made.
    Steps: load each version in a new process with a client of the new version, from the upgraded
    server, and ask it what the old one was asked.
    Expected: each one is loaded, and predicts the same numbers to the last bit.
    """
    _need_upgraded(evidence, upgraded)
    row = evidence.row(ModelsLoaded)
    if len(written_models.predicted) < row.versions:
        evidence.undecided(
            f"{len(written_models.predicted)} versions were registered, {row.versions} are needed"
        )
    with new_client() as python:
        version, found = models.predictions(python, service, written_models)
    evidence.note("clients that wrote and read", [written_models.version, version], door="inside")
    evidence.note("versions that were asked", sorted(written_models.predicted), door="inside")
    evidence.expect(
        "predictions", "versions that are not loaded, or predict something else",
        models.other_predictions(written_models, found), "==", [], door="inside",
    )  # fmt: skip


@check(
    "UPG-3.use",
    impact="Runs, models or traces of before cannot be read or changed.",
    remedy="Stay on the old version, or go without the kinds of data that are listed.",
    writes=("mlflow", "cluster"),
)
def test_data_is_used(
    evidence: Evidence,
    before: Before,
    upgraded: Upgraded,
    upgraded_service: MlflowApi,
    inside: Inside,
) -> None:
    """What the old version was given is read, found, changed and removed on the new one.

    Preconditions: the old version was given data of every kind that it can keep.
    Steps:
        1. Read every thing by each request that names it, field by field; search for it.
        2. Read many runs and traces page by page, and some of them with histories and spans.
        3. Change some things and read them, remove others and look that they are gone; read
           again those that were left alone.

    Expected: the new one answers what was written, wherever the old one did.
    """
    _need_upgraded(evidence, upgraded)
    row, seeded = evidence.row(DataUsed), before.seeded
    things = seeded.things
    kept, changing = _part(things, "kept"), _part(things, "changed")
    # In this order: what is read first is not changed yet, and what is read last never.
    used = {
        "read": using.unread(inside, upgraded_service, things),
        "found": using.unfound(inside, upgraded_service, things),
        "changed": using.unchanged(upgraded_service, changing),
        "removed": using.unremoved(upgraded_service, _part(things, "removed")),
        "left": using.unread(inside, upgraded_service, kept),
    }
    numbers = _spread(len(seeded.bulk.run_ids), row.sample)
    told = {
        **{name: each.told for name, each in used.items()},
        "runs": bulk.unread_runs(upgraded_service, seeded.bulk),
        "traces": bulk.unread_traces(upgraded_service, seeded.bulk) if seeded.traces else [],
        "parts": bulk.unread_parts(upgraded_service, seeded.bulk, numbers, traces=seeded.traces),
    }
    left = {name: before.only_later(texts) for name, texts in told.items()}
    whole = "\n".join(text for texts in left.values() for text in texts)
    evidence.attach("answers", whole, "text/plain", ".txt")
    _expect_used(evidence, {n: comparison.shortened(t, _SHOWN) for n, t in left.items()})
    if unanswered := [text for each in used.values() for text in each.unanswered]:
        evidence.undecided(
            f"{len(unanswered)} requests got no reply, the first one {unanswered[0]}"
        )


def _expect_used(evidence: Evidence, told: dict[str, list[str]]) -> None:
    evidence.expect(
        "read", "what is not read as it was written", told["read"], "==", [], door="inside"
    )
    evidence.expect("found", "what a search does not find", told["found"], "==", [], door="inside")
    evidence.expect(
        "runs", "runs that are not listed as they were written", told["runs"], "==", [],
        door="inside",
    )  # fmt: skip
    evidence.expect(
        "traces", "traces that are not listed as they were written", told["traces"], "==", [],
        door="inside",
    )  # fmt: skip
    evidence.expect(
        "parts", "histories and spans that are not read", told["parts"], "==", [], door="inside"
    )
    evidence.expect("changed", "what cannot be changed", told["changed"], "==", [], door="inside")
    evidence.expect("removed", "what cannot be removed", told["removed"], "==", [], door="inside")
    evidence.expect(
        "left", "what others' changes and removals touched", told["left"], "==", [], door="inside"
    )


def _note_kinds(evidence: Evidence, seeded: Seeded) -> None:
    evidence.note("version that was given data", seeded.version, door="inside")
    evidence.note("kinds that were written", sorted(seeded.of("written")), door="inside")
    evidence.note("kinds that it does not have", seeded.of("absent"), door="inside")
    evidence.note("kinds that it refuses", seeded.of("refused"), door="inside")
    evidence.note("runs and traces besides", len(seeded.bulk.run_ids), door="inside")


def _part(things: Sequence[GivenThing], part: Part) -> list[GivenThing]:
    return [thing for thing in things if thing.part == part]


def _spread(count: int, sample: int) -> range:
    return range(0, count, max(1, count // sample))


@check(
    "UPG-3.artifacts",
    impact="Files of runs or models are gone, or MLflow cannot find them.",
    remedy="Put the objects that are listed back from a backup of the bucket; see which request "
    "removed them.",
    writes=("mlflow", "cluster"),
)
def test_bucket_and_database_reconcile(
    evidence: Evidence, before: Before, upgraded: Upgraded, sql: Sql, bucket: Bucket
) -> None:
    """Every object of before the upgrade is there and owned, and every owner has its objects.

    Preconditions: the old version was given artifacts, and the new one was used.
    Steps: before and after, hold every artifact URI of the database against the bucket's keys.
    Expected: no object is gone or another but those that were changed and removed on purpose, and
    no owner has lost its objects, no object its owner, and no URI leads elsewhere now.
    """
    _need_upgraded(evidence, upgraded)
    row, was = evidence.row(ObjectsKept), before.objects
    now = objects.objects_of(sql, bucket)
    evidence.note("objects before and now", [len(was.etags), len(now.etags)], door="s3")
    if len(was.etags) < row.objects:
        evidence.undecided(f"{len(was.etags)} objects were there, and {row.objects} are needed")
    meant = objects.touched(before.seeded.things)
    lost = [text for text in was.lost(now) if not any(name in text for name in meant)]
    evidence.expect(
        "lost", "objects that are gone, or hold something else",
        comparison.shortened(lost, _SHOWN), "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "empty", "owners whose objects are gone", objects.only_later(was.empty, now.empty), "==",
        [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "orphans", "objects that nothing leads to any more",
        objects.orphaned(was, now), "==", [], door="s3",
    )  # fmt: skip
    evidence.expect(
        "elsewhere", "owners whose URI leads elsewhere now",
        objects.only_later(was.elsewhere, now.elsewhere), "==", [], door="sql",
    )  # fmt: skip
