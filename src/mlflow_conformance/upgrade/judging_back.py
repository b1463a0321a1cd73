# SPDX-License-Identifier: Apache-2.0
"""Holds the way back against what a profile promises, in a check's evidence."""

import re
from collections.abc import Sequence

from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.target.backups.making import Restore
from mlflow_conformance.upgrade.way_back import BackedUp, RolledBack, missing


def expect_works(
    evidence: Evidence,
    serving: Sequence[str],
    image: str,
    schema: str,
    own: Sequence[str],
    lost: Sequence[str],
) -> None:
    """A rollback that came to its end left the schema of the version before, and all data.

    Args:
        serving: images that serve.
        image: of the version before.
        own: the schema that it needs.
        lost: writes that are gone.

    Raises:
        Undecided: others serve, so it has not come to its end, whatever it says.
    """
    evidence.note("the rollback", "works")
    if list(serving) != [image]:
        evidence.undecided(
            f"the rollback said that it came to its end, and {', '.join(serving) or 'nobody'} "
            f"serves, not {image}"
        )
    evidence.expect(
        "back.schema", "the schema after the rollback", schema, "in", list(own), door="sql"
    )
    evidence.expect(
        "back.lost", "writes that are gone after the rollback", list(lost), "==", [], door="front"
    )


def expect_refused(
    evidence: Evidence, done: RolledBack, serving: Sequence[str], image: str, says: str
) -> None:
    """A rollback that was refused changed nothing, and something says how one gets back.

    Args:
        serving: images that serve.
        image: of the version after the upgrade.
        says: what must be said, as a regular expression.
    """
    evidence.note("the rollback", "is refused")
    evidence.note("what the deployment's own way said", done.refused, door="kubernetes")
    evidence.note("what refused says", list(done.sentences), door="kubernetes")
    named = any(re.search(says, sentence) for sentence in done.sentences)
    evidence.expect(
        "refused.named", "what refused says how one gets back", named, "==", True,
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "refused.serving", "images that serve when the rollback was refused", list(serving), "==",
        [image], door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "refused.answers", "questions that were not answered while it was refused",
        list(done.unanswered), "==", [], door="front",
    )  # fmt: skip


def expect_restored(evidence: Evidence, done: Restore) -> None:
    """The restore of the backup came to its end, and its data is answered."""
    evidence.expect(
        "restore", "the restore into the version before", done.outcome, "==", "complete",
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "restore.answer", "the witnesses' answer", done.last_answer, "==", "restored", door="front"
    )
    if done.seconds is not None:
        # Pods of the version after may be who answers.
        evidence.note(
            "from the restore's line to an answer from restored data", round(done.seconds, 1),
            unit="s", door="front",
        )  # fmt: skip


def expect_back(evidence: Evidence, seconds: float, rto_s: float) -> None:
    """Pods of the version before alone served in time."""
    evidence.expect(
        "rto", "from the restore's line until the version before serves, and nothing else",
        round(seconds, 1), "<=", rto_s, unit="s", door="kubernetes",
    )  # fmt: skip


def expect_backup_there(
    evidence: Evidence, api: MlflowApi, backed_up: BackedUp, on_b: Sequence[str], began: float
) -> None:
    """All that was in the backup is there; how much is not is told.

    Args:
        on_b: what was written after the upgrade.
        began: the rollback, seconds since the epoch.

    Raises:
        NoReply: MLflow did not answer.
    """
    evidence.expect(
        "restore.lost", "writes of before the backup that are gone", missing(api, backed_up.runs),
        "==", [], door="front",
    )  # fmt: skip
    gone = missing(api, backed_up.after) + missing(api, on_b)
    evidence.note(
        "lost by the way back: of so many writes since the backup",
        [len(gone), len(backed_up.after) + len(on_b)], door="front",
    )  # fmt: skip
    evidence.note(
        "lost by the way back: all of so many seconds, from the backup to the rollback",
        round(began - backed_up.backed_up), unit="s",
    )  # fmt: skip
