# SPDX-License-Identifier: Apache-2.0
"""The bucket and the database before and after: objects that are gone, and owners without any."""

from collections.abc import Sequence
from pathlib import Path

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.ledger.reconciliation import reconcile, stored_artifacts
from mlflow_conformance.upgrade.things import GivenThing


class Objects(Strict):
    """What the bucket holds of MLflow's, and how that fits the database.

    Attributes:
        etags: by key.
        empty: owners that need an object and have none.
        elsewhere: owners whose URI does not lead into the bucket.
        orphans: keys below no owner's folder.
    """

    etags: dict[str, str]
    empty: list[str]
    elsewhere: list[str]
    orphans: list[str]

    def lost(self, later: "Objects") -> list[str]:
        """Objects that are gone since, or hold something else."""
        return [
            f"{key}: {'gone' if key not in later.etags else 'another content'}"
            for key, etag in sorted(self.etags.items())
            if later.etags.get(key) != etag
        ]

    def kept_in(self, path: Path) -> None:
        """Write it down."""
        path.write_text(self.model_dump_json(), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Objects":
        """What `kept_in` wrote."""
        return cls.model_validate_json(path.read_text("utf-8"))


def objects_of(sql: Sql, bucket: Bucket) -> Objects:
    """Hold the bucket against the database, as they are now.

    Raises:
        InsideFailed: one of them refused it or could not be reached.
    """
    before = stored_artifacts(sql)
    listed = bucket.objects()
    found = reconcile(
        before, stored_artifacts(sql), (o.key for o in listed),
        bucket=bucket.name, prefix=bucket.prefix,
    )  # fmt: skip
    return Objects(
        etags={o.key: o.etag for o in listed},
        empty=list(found.empty),
        elsewhere=list(found.elsewhere),
        orphans=list(found.orphans),
    )


def touched(things: Sequence[GivenThing]) -> list[str]:
    """What the keys of objects end in that are changed and removed on purpose."""
    return [t.name for t in things if t.kind == "artifact" and t.part != "kept"]


def orphaned(before: Objects, later: Objects) -> list[str]:
    """Objects of before that had an owner, and have none now."""
    return sorted((set(later.orphans) - set(before.orphans)) & set(before.etags))


def only_later(before: list[str], later: list[str]) -> list[str]:
    """What is in the second list alone."""
    return sorted(set(later) - set(before))
