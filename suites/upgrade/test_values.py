# SPDX-License-Identifier: Apache-2.0
"""UPG-5: what is set stays set."""

from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.upgrade.retained import Altered
from mlflow_conformance.upgrade.thresholds import ValuesKept


@check(
    "UPG-5",
    impact="Settings are reset, or passwords and keys are made anew.",
    remedy="Upgrade with the values of the release (`--reuse-values`), and let generated Secrets "
    "be looked up before they are made.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_values_and_secrets_are_kept(evidence: Evidence, settings_altered: Altered) -> None:
    """Values are kept over the upgrade, Secrets are unchanged, and no object is made anew.

    Preconditions: as for UPG-1.
    Steps: read everything that is set in the namespace and on it, labels and annotations as well,
    upgrade, and read it again.
    Expected: no entry of a Secret is another one; nothing else is, but for MLflow's image, what
    the profile says, and, where values or files are what is changed, what they render to; no
    object has another UID, as one has that was deleted and made anew.
    """
    may_change = evidence.row(ValuesKept).may_change
    others = [o for o in settings_altered.others if not any(e.fullmatch(o) for e in may_change)]
    evidence.note(
        "everything that is another one",
        [*settings_altered.meant, *settings_altered.others],
        door="kubernetes",
    )
    evidence.note("of it, as the change has it", settings_altered.meant, door="kubernetes")
    evidence.expect(
        "secrets", "entries of Secrets that are other ones", settings_altered.secrets, "==", [],
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "values", "what else is another one, and may not be", others, "==", [], door="kubernetes"
    )
    evidence.expect(
        "made.anew", "objects that were deleted and made anew", settings_altered.remade, "==", [],
        door="kubernetes",
    )  # fmt: skip
