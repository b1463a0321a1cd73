# SPDX-License-Identifier: Apache-2.0
"""A profile takes over what it extends, changes it by name, and says why it asks for less."""

from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import Field

from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.profile import LoadedProfile, examine, load
from mlflow_conformance.config.thresholds import Registry, Thresholds
from mlflow_conformance.core.errors import Unusable

TODAY = date(2026, 11, 22)
IDS = ("NET-1", "NET-2", "NET-3", "TRK-1", "TRK-1.traces", "HPA-1", "HPA-2", "SEC-1")


class Load(Strict):
    """A form within a form."""

    rate: float
    for_s: float


class Bounds(Thresholds):
    """Bounds of NET-2."""

    writes: int = Field(ge=1, description="how many")
    load: Load = Field(description="a mapping")


class Sources(Thresholds):
    """What a base can only know by the profile's names."""

    pods: dict[str, str] = Field(description="labels")
    hosts: list[str] = Field(description="names")
    by_container: dict[str, int] = Field(description="a mapping by a name")


FORMS: Registry = {"NET-1": Thresholds, "NET-2": Bounds, "NET-3": Sources}
BASE = """
    schema: 1
    name: base
    checks:
      TRK-1: {promise: what is written is read, tier: smoke}
      NET-2:
        promise: writes
        thresholds: {writes: 4, load: {rate: 1, for_s: 2}}
        thorough: {writes: 40}
      HPA-1: {promise: scales}
      HPA-2: {promise: scales at once}
      NET-1: {promise: last}
"""
NAMES = """
    names:
      namespace: mlflow
      mlflow: {deployment: server, service: front, port: 80, selector: {app: server}}
      runner: {image: "runner:1", labels: {may: enter}}
    """
OWN = f"schema: 1\nname: mine\nextends: base.yaml\n{dedent(NAMES).lstrip()}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "base.yaml", BASE)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(dedent(text))
    return path


def read(folder: Path, more: str = "") -> LoadedProfile:
    path = write(folder, "mine.yaml", OWN + dedent(more))
    return load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)


def told(folder: Path, more: str, own: str = OWN) -> list[str]:
    """Every fault, in one line each, without the folder."""
    path = write(folder, "mine.yaml", own + dedent(more))
    found = examine(path, known_ids=IDS, thresholds=FORMS, today=TODAY)
    assert (found.model is None) == bool(found.faults)
    return [fault.line_of(path).replace(f"{folder}/", "") for fault in found.faults]


def rows(loaded: LoadedProfile) -> dict[str, Any]:
    return dict(loaded.profile.checks)


def test_all_rows_are_taken_over_in_their_order(folder: Path) -> None:
    loaded = read(folder)
    assert list(rows(loaded)) == ["TRK-1", "NET-2", "HPA-1", "HPA-2", "NET-1"]
    assert rows(loaded)["TRK-1"].tier == "smoke"
    assert loaded.profile.name == "mine"
    assert loaded.inherited.base == "base"
    assert loaded.inherited.removed == {}
    assert loaded.inherited.changed == {}


def test_a_row_changes_what_it_states_and_a_threshold_whole(folder: Path) -> None:
    loaded = read(
        folder,
        """
        checks:
          NET-2: {tier: thorough, thresholds: {load: {rate: 9, for_s: 1}}, thorough: {writes: 50}}
          TRK-1: {promise: in other words}
        """,
    )
    row = rows(loaded)["NET-2"]
    assert (row.promise, row.tier) == ("writes", "thorough")
    assert row.thresholds == {"writes": 4, "load": {"rate": 9, "for_s": 1}}
    assert row.at("thorough").thresholds["writes"] == 50
    assert rows(loaded)["TRK-1"].promise == "in other words"
    # A promise in other words asks for no less.
    assert loaded.inherited.changed == {"NET-2": ["tier", "thresholds.load", "thorough.writes"]}


def test_what_is_stated_as_it_was_is_no_change(folder: Path) -> None:
    loaded = read(folder, "checks: {NET-2: {tier: gate, thresholds: {writes: 4}}, TRK-1: {}}")
    assert loaded.inherited.changed == {"NET-2": ["tier"]}  # the base left it to the default
    assert rows(loaded)["NET-2"].thresholds["writes"] == 4


def test_a_new_row_is_behind_the_one_written_above_it(folder: Path) -> None:
    loaded = read(
        folder,
        """
        checks:
          TRK-1: {}
          TRK-1.traces: {promise: new}
          NET-1: {}
          SEC-1: {promise: new as well}
          NET-2: {tier: smoke}
        """,
    )
    assert list(rows(loaded)) == [
        "TRK-1", "TRK-1.traces", "NET-2", "HPA-1", "HPA-2", "NET-1", "SEC-1",
    ]  # fmt: skip
    assert rows(loaded)["NET-2"].tier == "smoke"
    first = read(folder, "checks: {SEC-1: {promise: the first that is written}}")
    assert list(rows(first))[-1] == "SEC-1"


def test_rows_are_left_out_by_id_or_family_each_with_its_reason(folder: Path) -> None:
    loaded = read(folder, "without: {HPA: no autoscaler here, NET-2: '  writes are not promised '}")
    assert list(rows(loaded)) == ["TRK-1", "NET-1"]
    assert loaded.inherited.removed == {
        "HPA-1": "no autoscaler here",
        "HPA-2": "no autoscaler here",
        "NET-2": "  writes are not promised ",
    }


def test_several_rows_are_left_out_for_one_reason(folder: Path) -> None:
    loaded = read(folder, "without: {'HPA, NET-2': 'none of these here'}")
    assert list(rows(loaded)) == ["TRK-1", "NET-1"]
    assert set(loaded.inherited.removed.values()) == {"none of these here"}
    assert told(folder, "without: {'HPA-1, QQQ': 'none of these here'}") == [
        (
            "mine.yaml:8: leaves 'QQQ' out, which base does not have; name the ID of a row, or a "
            "family such as HPA"
        )
    ]


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (
            "without: {HPA-9: there is none here}",
            "mine.yaml:8: leaves 'HPA-9' out, which base does not have, did you mean 'HPA-",
        ),
        ("without: {QQQ: there is none here}", "leaves 'QQQ' out, which base does not have; name"),
        ("without: {HPA-1: short}", "mine.yaml:8: is not a profile: without.HPA-1: String should"),
        ("without: {HPA-1: }", "without.HPA-1: Input should be a valid string"),
        ("without: [HPA-1]", "without: Input should be a valid dictionary"),
        (
            "without: {HPA-1: none of it here}\nchecks: {HPA-1: {}}",
            "mine.yaml:8: leaves HPA-1 out and has a row of it; keep one",
        ),
        (
            "checks: {NET-2: {thresholds: {writse: 4}}}",
            "mine.yaml:8: gives NET-2 the unknown threshold 'writse', did you mean 'writes'",
        ),
        ("checks: {NET-2: {thresholds: {load: {rate: 1}}}}", "mine.yaml:8: gives NET-2 no thresh"),
        ("checks:\n  TRK-1: {}\n  SEC-1: {}", "mine.yaml:10: is not a profile: checks.SEC-1.prom"),
        ("checks: {TRK-1: {teir: gate}}", "mine.yaml:8: has the unknown key 'checks.TRK-1.teir'"),
        ("checks: 7", "mine.yaml:8: is not a profile: checks: Input should be a valid dictionary"),
        ("checks: {TRK-1: 7}", "mine.yaml:8: is not a profile: checks.TRK-1: Input should be"),
        ("checks: {TRK-1: }", "mine.yaml:8: is not a profile: checks.TRK-1: Input should be"),
        ("names: {namespace: x}", "mine.yaml:8: has the key 'names' twice"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(folder: Path, more: str, fault: str) -> None:
    assert any(fault in line for line in told(folder, more)), told(folder, more)


def test_without_a_base_nothing_can_be_left_out(folder: Path) -> None:
    own = OWN.replace("extends: base.yaml", "description: alone")
    found = told(folder, "without: {HPA: none of it here}\nchecks: {TRK-1: {promise: p}}", own)
    assert found == [
        (
            "mine.yaml:8: leaves HPA out, and extends no base that has it; remove the line, or "
            "name the base with `extends`"
        )
    ]


def test_a_fault_of_a_base_is_told_with_its_file(folder: Path) -> None:
    write(folder, "base.yaml", BASE.replace("writes: 4,", "writes: many,"))
    assert "base.yaml:8: gives NET-2 thresholds that do not fit: writes" in told(folder, "")[0]
    write(folder, "base.yaml", BASE.replace("TRK-1:", "TRK-11:"))
    assert told(folder, "")[0].startswith("base.yaml:5: expects the check 'TRK-11'")
    write(folder, "base.yaml", BASE + "    waivres: []\n")
    assert told(folder, "")[0].startswith("base.yaml:13: has the unknown key 'waivres'")
    write(folder, "base.yaml", BASE.replace("    name: base", "    name: base\n    name: base"))
    assert told(folder, "") == ["base.yaml:4: has the key 'name' twice; keep one of the two"]
    write(folder, "base.yaml", "a: [")
    assert told(folder, "")[0].startswith("base.yaml:1: is not YAML")
    write(folder, "base.yaml", "7")
    assert told(folder, "")[0].startswith("base.yaml:1: is not a profile: it holds no mapping")


@pytest.mark.parametrize("key", ["waivers: []", "contexts: [prod]", "deployment: {kind: helm}"])
def test_what_is_about_one_deployment_is_in_no_base(folder: Path, key: str) -> None:
    write(folder, "base.yaml", BASE + f"    {key}\n")
    name = key.split(":", maxsplit=1)[0]
    assert told(folder, "")[0].startswith(f"base.yaml:13: has '{name}', and is extended")


def test_what_is_about_one_deployment_may_be_stated_anew(folder: Path) -> None:
    write(folder, "base.yaml", BASE + "    contexts: [prod]\n")
    assert read(folder, "contexts: [other]").profile.contexts == ["other"]


@pytest.mark.parametrize(
    ("base", "fault"),
    [
        ("absent.yaml", "mine.yaml:3: extends 'absent.yaml': "),
        ("absent.yaml", "cannot be read as a profile: No such file or directory; name a YAML"),
        ("productoin", "extends 'productoin': there is no base 'productoin', did you mean 'produc"),
        ("mine.yaml", "mine.yaml:3: extends 'mine.yaml', which extends this one; name another"),
        ("[a, b]", "mine.yaml:3: is not a profile: extends: Input should be a valid string"),
    ],
)
def test_a_base_that_cannot_be_had_is_told(folder: Path, base: str, fault: str) -> None:
    found = told(folder, "", OWN.replace("base.yaml", base))
    assert any(fault in line for line in found), found


def test_bases_that_extend_each_other_are_told(folder: Path) -> None:
    write(folder, "base.yaml", BASE + "    extends: other.yaml\n")
    write(folder, "other.yaml", "schema: 1\nextends: base.yaml\n")
    assert told(folder, "") == [
        "other.yaml:2: extends 'base.yaml', which extends this one; name another base"
    ]


def test_a_base_may_extend_one_and_have_names(folder: Path) -> None:
    write(
        folder,
        "company.yaml",
        "schema: 1\nextends: base.yaml\ntime_scale: 2\n"
        'without: {HPA-2: "we scale by hand, ticket 4711"}\n'
        f"checks: {{NET-2: {{thresholds: {{writes: 5}}}}}}\n{dedent(NAMES)}",
    )
    own = """
        schema: 1
        name: mine
        extends: company.yaml
        names: {namespace: other, mlflow: {port: 81}, runner: {image: "runner:2"}}
        without: {NET-1: the cluster has no policies}
        checks: {NET-2: {thresholds: {load: {rate: 7, for_s: 1}}}}
        """
    path = write(folder, "mine.yaml", own)
    loaded = load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)
    names = loaded.profile.names
    assert (names.namespace, names.mlflow.port, names.mlflow.service) == ("other", 81, "front")
    assert names.runner.labels == {"may": "enter"}
    assert loaded.profile.time_scale == 2
    assert list(rows(loaded)) == ["TRK-1", "NET-2", "HPA-1"]
    # What is held against is the base at the bottom, for none of these comes with the suite.
    assert loaded.inherited.base == "base"
    assert list(loaded.inherited.removed) == ["HPA-2", "NET-1"]
    assert loaded.inherited.changed == {"NET-2": ["thresholds.writes", "thresholds.load"]}


def test_what_a_shipped_base_changes_of_another_is_no_change(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "root", lambda: folder)
    (folder / "profiles/bases").mkdir(parents=True)
    write(folder, "profiles/bases/low.yaml", BASE)
    write(folder, "profiles/bases/high.yaml", "schema: 1\nextends: low\nwithout: {HPA: no scaling}")
    write(folder, "mine.yaml", OWN.replace("base.yaml", "high"))
    loaded = load(folder / "mine.yaml", known_ids=IDS, thresholds=FORMS, today=TODAY)
    assert loaded.inherited.base == "high"
    assert list(rows(loaded)) == ["TRK-1", "NET-2", "NET-1"]
    assert loaded.inherited.removed == {}


def test_the_digest_is_that_of_all_files(folder: Path) -> None:
    before = read(folder).sha256
    write(folder, "base.yaml", BASE + "# a word\n")
    assert read(folder).sha256 != before


NAMED = """
    checks:
      NET-3:
        promise: named by the profile
        thresholds:
          pods: "{mlflow pods}"
          hosts: ["{service}.{namespace}.svc:{port}", "{nobody}"]
          by_container: {"{container}": 1}
    """


def test_a_row_may_name_what_the_profile_names(folder: Path) -> None:
    write(folder, "base.yaml", f"schema: 1\n{dedent(NAMED)}")
    assert rows(read(folder))["NET-3"].thresholds == {
        "pods": {"app": "server"},
        "hosts": ["front.mlflow.svc:80", "{nobody}"],
        "by_container": {"mlflow": 1},
    }


def test_a_row_whose_names_are_not_stated_is_told(folder: Path) -> None:
    text = NAMED.replace("{mlflow pods}", "{runner labels}")
    write(folder, "base.yaml", f"schema: 1\n{dedent(text)}")
    own = OWN.replace(", labels: {may: enter}", "")
    assert told(folder, "", own) == [
        (
            "mine.yaml:3: has the row NET-3, which needs names.runner.labels; state it, or leave "
            "NET-3 out with a reason under `without`"
        )
    ]
    # Where the names themselves are wrong, that alone is told.
    wrong = OWN.replace("port: 80", "port: none")
    assert [line[:12] for line in told(folder, "", wrong)] == ["mine.yaml:6:"]
    assert "names.mlflow.port" in told(folder, "", wrong)[0]


def test_a_document_that_holds_itself_is_no_yaml(folder: Path) -> None:
    found = told(folder, "checks: {TRK-1: {promise: p, thresholds: &a {x: *a}}}")
    assert found == [
        (
            "mine.yaml:8: is not YAML: what is marked with & holds itself; correct it at the place "
            "named"
        )
    ]


def test_what_cannot_be_used_is_refused_with_the_file_that_it_is_in(folder: Path) -> None:
    write(folder, "base.yaml", BASE.replace("writes: 4,", "writes: many,"))
    with pytest.raises(Unusable, match=r"base\.yaml:8 gives NET-2 thresholds"):
        read(folder)
