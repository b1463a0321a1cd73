# SPDX-License-Identifier: Apache-2.0
"""UPG-1.repeated: the migration, tried on copies of the database."""

from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.upgrade import UpgradeWay
from mlflow_conformance.target.base import Target
from mlflow_conformance.upgrade.copies import copies
from mlflow_conformance.upgrade.migrating import own_migration
from mlflow_conformance.upgrade.repeated import repeated
from mlflow_conformance.upgrade.thresholds import MigrationRepeated


@check(
    "UPG-1.repeated",
    impact="A migration fails beside another, or leaves half a schema.",
    remedy="Let migrations take turns by a lock of the database, in one transaction each, and end "
    "nobody else's session.",
    writes=("mlflow", "cluster"),
)
def test_repeated_migrations(
    evidence: Evidence, target: Target, way: UpgradeWay, waiter: Waiter
) -> None:
    """A migration may be started twice at once, and killed half-way and run again.

    Preconditions: the version before is deployed, and its database can be copied.
    Steps: start the new version's own migration twice at once on a copy; on another one let it
    come as far as it can while somebody reads, kill it, and run it again.
    Expected: both of the first end well, and in time; the killed one leaves the old schema whole,
    and the reader alone; the next one ends well, with the same schema as the first.
    """
    row = evidence.row(MigrationRepeated)
    names = target.names.migration
    if names is None:
        evidence.undecided("the profile does not say which Job migrates (names.migration)")
    migration = own_migration(way.b.objects(), names.selector)
    with copies(target, waiter) as made:
        seen = repeated(made, migration, waiter)
    evidence.note("schemas", [seen.before.revision, seen.after_both.revision], door="sql")
    evidence.expect(
        "twice.failed", "what migrations said that failed beside another one",
        [said for said in seen.twice if said], "==", [], door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "twice.within", "both at once ended within", round(seen.seconds, 1), "<=", row.within_s,
        unit="s", door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "reader.stayed", "who read meanwhile was not cut off", seen.reader_stayed, "==", True,
        door="sql",
    )  # fmt: skip
    if seen.killed is None or seen.after_again is None:
        evidence.note("killed half-way", "there is nothing to migrate")
        return
    evidence.note(
        "sessions that PostgreSQL kept of the killed migration", seen.left_behind, door="sql"
    )
    evidence.expect(
        "killed.schema", "the schema that a killed migration leaves is the one of before",
        seen.killed == seen.before, "==", True, door="sql",
    )  # fmt: skip
    evidence.expect(
        "again.failed", "what the migration after it said when it failed", seen.again, "==", "",
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "again.schema", "its schema is that of an undisturbed one",
        seen.after_again == seen.after_both, "==", True, door="sql",
    )  # fmt: skip
