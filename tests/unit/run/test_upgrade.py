# SPDX-License-Identifier: Apache-2.0
"""The stages of an upgrade: which checks each has, what it is told, and what is left in the end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import shipped
from mlflow_conformance.config.profile import LoadedProfile, Row, Upgrade
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.recorded import recorded
from mlflow_conformance.evidence.verdict import Judged
from mlflow_conformance.report.upgrade import files
from mlflow_conformance.run import gates, upgrade
from mlflow_conformance.stand.revision import Revision, Upgrading
from upgrades import BAD, GOOD, record

PAIR = Upgrading(Revision("version", "3.16.1"), Revision("version", "3.17.2"))
UPGRADE_ROWS = ("UPG-5", "UPG-2.refused", "UPG-1", "UPG-2", "UPG-20")


def profile(rows: Sequence[str] = UPGRADE_ROWS, both: Sequence[str] = ("TRK-1",)) -> LoadedProfile:
    loaded = shipped.loaded("k3d")
    checks = {"TRK-1": Row(promise="p")}
    checks |= {check_id: Row(promise="p", tier="upgrade") for check_id in rows}
    changed = {"checks": checks, "upgrade": Upgrade(checks=list(both))}
    return replace(loaded, profile=loaded.profile.model_copy(update=changed))


@dataclass
class Gates:
    """What was asked of each gate.

    Attributes:
        bad, broken, stopped: the stage that fails, cannot be run, or is stopped by a signal.
    """

    bad: str = ""
    broken: str = ""
    stopped: str = ""
    asked: dict[str, dict[str, object]] = field(default_factory=dict)
    torn_down: int = 0

    def verdicts(
        self, folder: Path, profile: str, tier: str, ids: Sequence[str], **options: object
    ) -> dict[str, Judged]:
        self.asked[folder.name] = {"tier": tier, "ids": list(ids), **options}
        if folder.name == self.broken:
            raise Unusable("The checks could not be run: no room", remedy="Make room")
        if folder.name == self.stopped:
            record(folder, {}, ended=False)
            raise KeyboardInterrupt
        seen = [BAD] if folder.name == self.bad else [GOOD]
        record(folder, dict.fromkeys(ids, seen))
        return {c.id: c for c in recorded(folder).checks}

    def take_down(self) -> None:
        self.torn_down += 1


Start = Callable[..., int]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Gates:
    made = Gates()
    monkeypatch.setattr(gates, "verdicts", made.verdicts)
    monkeypatch.setattr(upgrade, "take_down", made.take_down)
    monkeypatch.setattr(upgrade, "refuse_left_up", lambda: None)
    monkeypatch.setattr(upgrade, "_prepare_images", lambda _profile, _wanted: None)
    monkeypatch.setattr(upgrade, "promised", lambda _name, _known: profile())
    return made


def start(
    folder: Path, wanted: Upgrading = PAIR, *, keep: bool = False, reuse: bool = False
) -> int:
    return upgrade.run(wanted, profile="k3d", keep=keep, reuse=reuse, output=folder, seed=7)


def test_every_stage_has_its_checks_in_the_order_of_the_profile(
    fake: Gates, tmp_path: Path
) -> None:
    assert start(tmp_path / "out") == 0
    assert {name: told["ids"] for name, told in fake.asked.items()} == {
        "a": ["TRK-1"],
        "forward": ["UPG-5", "UPG-1", "UPG-20"],
        "b": ["TRK-1"],
        "back": ["UPG-2.refused", "UPG-2"],
    }
    assert [told["tier"] for told in fake.asked.values()] == ["gate", "upgrade", "gate", "upgrade"]


def test_the_first_stage_stands_everything_up_and_the_others_trust_it(
    fake: Gates, tmp_path: Path
) -> None:
    start(tmp_path / "out", replace(PAIR, runs=50), reuse=True)
    stood = [(told["reuse"], told["prepared"]) for told in fake.asked.values()]
    assert stood == [(True, False), (False, True), (False, True), (False, True)]
    more = fake.asked["back"]["more"]
    assert isinstance(more, list)
    assert {"--upgrade-from=3.16.1", "--upgrade-to=3.17.2", "--upgrade-runs=50", "--seed=7"} <= set(
        more
    )


@pytest.mark.parametrize(
    ("keep", "reuse", "torn_down"), [(False, False, 1), (True, False, 0), (False, True, 0)]
)
def test_the_cluster_goes_unless_it_is_to_stay(
    fake: Gates, tmp_path: Path, keep: bool, reuse: bool, torn_down: int
) -> None:
    start(tmp_path / "out", keep=keep, reuse=reuse)
    assert fake.torn_down == torn_down


def test_a_failed_check_is_no_go_and_every_stage_runs(fake: Gates, tmp_path: Path) -> None:
    fake.bad = "forward"
    assert start(tmp_path / "out") == 1
    assert list(fake.asked) == ["a", "forward", "b", "back"]
    assert (tmp_path / "out" / "upgrade.html").is_file()


def test_a_stage_that_cannot_be_run_ends_it_and_the_page_says_why(
    fake: Gates, tmp_path: Path
) -> None:
    fake.broken = "forward"
    with pytest.raises(Unusable, match="no room"):
        start(tmp_path / "out")
    assert list(fake.asked) == ["a", "forward"]
    verdict = files.read(tmp_path / "out")
    assert verdict.decision == "undecided"
    assert "no room" in (tmp_path / "out" / "upgrade.html").read_text()
    assert fake.torn_down == 1


def test_an_upgrade_whose_first_stage_cannot_be_run_leaves_nothing(
    fake: Gates, tmp_path: Path
) -> None:
    fake.broken = "a"
    with pytest.raises(Unusable, match="no room"):
        start(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_signal_in_the_middle_leaves_no_cluster_and_a_page_of_what_was_seen(
    fake: Gates, tmp_path: Path
) -> None:
    fake.stopped = "forward"
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "out")
    assert fake.torn_down == 1
    verdict = files.read(tmp_path / "out")
    assert verdict.decision == "undecided"
    assert "stopped by a signal" in (tmp_path / "out" / "upgrade.html").read_text()


@pytest.mark.parametrize(
    ("promises", "told"),
    [
        ({"rows": ()}, "expects no check of an upgrade"),
        ({"both": ("TRK-7",)}, "names 'TRK-7' under upgrade.checks"),
    ],
)
def test_a_profile_that_promises_nothing_of_it_is_refused(
    fake: Gates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    promises: dict[str, Sequence[str]],
    told: str,
) -> None:
    monkeypatch.setattr(upgrade, "promised", lambda _name, _known: profile(**promises))
    with pytest.raises(Unusable, match=told):
        start(tmp_path / "out")
    assert not fake.asked
    assert not (tmp_path / "out").exists()
