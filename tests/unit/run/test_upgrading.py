# SPDX-License-Identifier: Apache-2.0
"""From what to what an upgrade goes, as options and profile say it."""

import argparse
from pathlib import Path

import pytest

import shipped
from mlflow_conformance.config.profile import Profile, Upgrade
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.run.upgrading import pair, upgrading
from mlflow_conformance.stand.revision import Revision, Upgrading


def options(
    before: str | None = None,
    after: str | None = None,
    *,
    tier: str = "gate",
    folder: str = "",
    runs: int | None = None,
    data: str = "",
    way: str | None = None,
) -> argparse.Namespace:
    return argparse.Namespace(
        upgrade_from=before,
        upgrade_to=after,
        upgrade_folder=Path(folder) if folder else None,
        upgrade_runs=runs,
        upgrade_way=way,
        upgrade_data=Path(data) if data else None,
        tier=tier,
    )


def with_pair(before: str | None, after: str | None) -> Profile:
    upgrade = Upgrade.model_validate({"from": before, "to": after})
    return shipped.profile("k3d").model_copy(update={"upgrade": upgrade})


def test_a_run_is_about_no_upgrade_by_itself() -> None:
    assert upgrading(options(), with_pair("3.16.1", "3.17.2")) is None


def test_options_name_the_pair() -> None:
    pair = Revision("version", "3.16.1"), Revision("version", "3.17.2")
    found = upgrading(options("3.16.1", "3.17.2", folder="here"), shipped.profile("k3d"))
    assert found == Upgrading(*pair, folder=Path("here"))
    assert found.folder_in(Path("run")) == Path("here")


def test_in_its_own_tier_the_profile_names_what_options_do_not() -> None:
    found = upgrading(options("3.15.2", tier="upgrade"), with_pair("3.16.1", "3.17.2"))
    assert found is not None
    assert (found.a.spelled, found.b.spelled) == ("3.15.2", "3.17.2")
    assert found.folder_in(Path("run")) == Path("run/upgrade")


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (options(tier="upgrade"), "Nothing says from what to what"),
        (options(folder="x"), "Nothing says from what to what"),
        (options("3.16.1"), "belong together"),
        (options(after="3.16.1"), "belong together"),
        (options("3.16.1", "3.16.1"), "3.16.1 is both before and after the upgrade"),
        (options("3.17.2", "3.16.1"), "3.17.2 is newer than 3.16.1"),
        (options("3.17.2", "ref:main"), "told apart in two ways"),
        (options("3.17", "3.18.0"), "'3.17' is no version"),
        (options("3.16.1", "3.17.2", runs=0), "--runs is 0"),
        (options("3.16.1", "3.17.2", data=__file__), "is no dump of pg_dump"),
        (options("3.16.1", "3.17.2", data="/none"), "There is no dump /none that can be read"),
    ],
)
def test_what_is_no_upgrade_is_refused(option: argparse.Namespace, told: str) -> None:
    with pytest.raises(Unusable, match=told):
        upgrading(option, with_pair(None, None))


def test_the_command_line_tells_the_pair_in_one_of_three_ways() -> None:
    none = (None, None)
    assert pair(("3.16.1", "3.17.2"), none, none)[1] == Revision("version", "3.17.2")
    assert pair(none, (Path("a"), Path("b")), none)[0] == Revision("values", "a")
    assert pair(none, none, ("v1", "v2")) == (Revision("ref", "v1"), Revision("ref", "v2"))


@pytest.mark.parametrize(
    ("versions", "refs", "told"),
    [
        ((None, None), (None, None), "Nothing says from what to what"),
        (("3.16.1", "3.17.2"), ("v1", None), "told in more ways than one"),
        (("3.16.1", None), (None, None), "--from and --to belong together"),
        ((None, None), (None, "v2"), "--from-ref and --to-ref belong together"),
    ],
)
def test_a_pair_that_is_not_whole_is_refused(
    versions: tuple[str | None, str | None], refs: tuple[str | None, str | None], told: str
) -> None:
    with pytest.raises(Unusable, match=told):
        pair(versions, (None, None), refs)
