# SPDX-License-Identifier: Apache-2.0
"""A right before the upgrade: what it was given, and what its database and bucket held."""

from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.upgrade.bulk import unread_runs, unread_traces
from mlflow_conformance.upgrade.fingerprint import RowFingerprint, fingerprint
from mlflow_conformance.upgrade.objects import Objects, objects_of
from mlflow_conformance.upgrade.seeding import Seeded, seed
from mlflow_conformance.upgrade.using import unfound, unread

_FILES = ("seeded.json", "fingerprint.jsonl.gz", "objects.json", "own.json")


@dataclass(frozen=True)
class Before:
    """Everything that is compared with later.

    Attributes:
        own: what A itself does not answer as it was written; B cannot be held to that.
    """

    seeded: Seeded
    fingerprint: RowFingerprint
    objects: Objects
    own: frozenset[str]

    def only_later(self, told: list[str]) -> list[str]:
        """Of what is told of B, what A itself answered right."""
        return [text for text in told if text not in self.own]


def give(
    inside: Inside, api: MlflowApi, sql: Sql, bucket: Bucket, label: str, runs: int, numbers: int
) -> Before:
    """Give A data of every kind, and look at all that it then holds; see `seeding.seed`.

    Raises:
        ApiError, NoReply: A refused what every version keeps, or did not answer.
        InsideFailed: the runner, the database or the bucket could not be reached.
    """
    seeded = seed(inside, api, label, runs, numbers)
    own = answered_otherwise(inside, api, seeded)
    return Before(seeded, fingerprint(sql), objects_of(sql, bucket), frozenset(own))


def answered_otherwise(inside: Inside, api: MlflowApi, seeded: Seeded) -> list[str]:
    """What a server does not answer as it was written, of all that was."""
    return [
        *unread(inside, api, seeded.things).told,
        *unfound(inside, api, seeded.things).told,
        *unread_runs(api, seeded.bulk),
        *(unread_traces(api, seeded.bulk) if seeded.traces else []),
    ]


def keep(before: Before, folder: Path) -> None:
    """Write it down for the stages that follow."""
    seeded, rows, objects, own = (folder / name for name in _FILES)
    before.seeded.kept_in(seeded)
    before.fingerprint.kept_in(rows)
    before.objects.kept_in(objects)
    own.write_text("\n".join(sorted(before.own)), encoding="utf-8")


def kept(folder: Path) -> Before | None:
    """What `keep` wrote; None when it wrote nothing."""
    seeded, rows, objects, own = (folder / name for name in _FILES)
    if not own.is_file():  # the last one that is written
        return None
    return Before(
        Seeded.read(seeded), RowFingerprint.read(rows), Objects.read(objects),
        frozenset(own.read_text("utf-8").splitlines()),
    )  # fmt: skip
