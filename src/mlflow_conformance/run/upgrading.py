# SPDX-License-Identifier: Apache-2.0
"""What the options of a run say of an upgrade: from what to what, and where its files are."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mlflow_conformance.config.profile import Profile
from mlflow_conformance.config.tiers import UPGRADE
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.revision import Kind, Revision, Upgrading
from mlflow_conformance.stand.versions import MlflowVersion

_DUMP = b"PGDMP"
"""What a dump in PostgreSQL's custom format begins with."""


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
        others = (
            option.upgrade_folder, option.upgrade_runs, option.upgrade_data, option.upgrade_way
        )  # fmt: skip
        if option.tier == UPGRADE or any(other is not None for other in others):
            raise Unusable(
                "Nothing says from what to what the upgrade goes",
                remedy="Add --upgrade-from and --upgrade-to",
            )
        return None
    if before is None or after is None:
        raise Unusable("--upgrade-from and --upgrade-to belong together", remedy="Give both")
    a, b = Revision.read(before), Revision.read(after)
    found = Upgrading(
        a,
        b,
        option.upgrade_folder,
        option.upgrade_runs,
        option.upgrade_data,
        option.upgrade_way or "rolling",
    )
    refuse_input(found)
    return found


def pair(
    versions: Sequence[str | None], values: Sequence[Path | None], refs: Sequence[str | None]
) -> tuple[Revision, Revision]:
    """What is before and what is after, of the three ways in which the command line tells it.

    Args:
        versions, values, refs: what is before, and what is after; one of the three is whole.

    Raises:
        Unusable: none or several of them are given, or half of one.
    """
    told: dict[Kind, list[str | None]] = {
        "version": list(versions),
        "values": [None if path is None else str(path) for path in values],
        "ref": list(refs),
    }
    given = {kind: sides for kind, sides in told.items() if any(s is not None for s in sides)}
    if len(given) != 1:
        raise Unusable(
            "Nothing says from what to what the upgrade goes"
            if not given
            else "The upgrade is told in more ways than one",
            remedy="Give --from and --to, or --from-values and --to-values, or --from-ref and "
            "--to-ref",
        )
    [(kind, (before, after))] = given.items()
    option = "" if kind == "version" else f"-{kind}"
    if before is None or after is None:
        raise Unusable(f"--from{option} and --to{option} belong together", remedy="Give both")
    if kind == "version":
        return Revision.read(before), Revision.read(after)
    return Revision(kind, before), Revision(kind, after)


def refuse_input(wanted: Upgrading) -> None:
    """Make sure that an upgrade can be tried, as far as that can be told from what was asked for.

    Raises:
        Unusable: the pair is none, a values file is not there, no run is to be made, or the dump
            is none.
    """
    refuse_pair(wanted.a, wanted.b)
    for side in (wanted.a, wanted.b):
        if side.kind == "values" and not Path(side.value).is_file():
            raise Unusable(f"There is no values file {side.value}", remedy="Correct its path")
    if wanted.runs is not None and wanted.runs < 1:
        raise Unusable(f"--runs is {wanted.runs}", remedy="Give 1 or more, or leave it out")
    if wanted.data is not None:
        _refuse_dump(wanted.data)


def _refuse_dump(path: Path) -> None:
    try:
        with path.open("rb") as file:
            begins = file.read(len(_DUMP))
    except OSError as problem:
        raise Unusable(
            f"There is no dump {path} that can be read: {problem.strerror}",
            remedy="Correct its path",
        ) from problem
    if begins != _DUMP:
        raise Unusable(
            f"{path} is no dump of pg_dump --format=custom",
            remedy="Make one so; an encrypted backup of the deployment is opened first",
        )


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
