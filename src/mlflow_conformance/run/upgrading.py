# SPDX-License-Identifier: Apache-2.0
"""What the options of a run say of an upgrade: from what to what, and where its files are."""

import argparse

from mlflow_conformance.config.profile import Profile
from mlflow_conformance.config.tiers import UPGRADE
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.revision import Revision, Upgrading
from mlflow_conformance.stand.versions import MlflowVersion


def upgrading(option: argparse.Namespace, profile: Profile) -> Upgrading | None:
    """Read pytest's options; None when the run is about no upgrade.

    In the tier `upgrade` the profile's own versions count where the options name none.

    Raises:
        Unusable: options that contradict each other.
    """
    before, after = option.upgrade_from, option.upgrade_to
    if option.tier == UPGRADE:
        before, after = before or profile.upgrade.from_, after or profile.upgrade.to
    if before is None and after is None:
        if option.upgrade_folder is not None or option.tier == UPGRADE:
            raise Unusable(
                "Nothing says from what to what the upgrade goes",
                remedy="Add --upgrade-from and --upgrade-to",
            )
        return None
    if before is None or after is None:
        raise Unusable("--upgrade-from and --upgrade-to belong together", remedy="Give both")
    a, b = Revision.read(before), Revision.read(after)
    refuse_pair(a, b)
    return Upgrading(a, b, option.upgrade_folder)


def refuse_pair(a: Revision, b: Revision) -> None:
    """Make sure that there is a way from one revision to another.

    Raises:
        Unusable: they are the same, of two kinds, or the first is newer.
    """
    if a == b:
        raise Unusable(
            f"{a.spelled} is both before and after the upgrade", remedy="Give two that differ"
        )
    if a.kind != b.kind:
        raise Unusable(
            f"{a.spelled} and {b.spelled} are told apart in two ways",
            remedy="Give two versions, two values files, or two refs",
        )
    if a.kind == "version" and MlflowVersion.parse(a.value) > MlflowVersion.parse(b.value):
        raise Unusable(
            f"{a.value} is newer than {b.value}, and a database never goes back by an upgrade",
            remedy=f"Give {b.value} as the version before; the way back is tried by itself",
        )
