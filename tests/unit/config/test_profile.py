# SPDX-License-Identifier: Apache-2.0
"""A profile is read strictly: no typo may switch a check off."""

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import Field, model_validator

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.profile import LoadedProfile, examine, load
from mlflow_conformance.config.thresholds import Registry, Thresholds
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.run.known import thresholds

TODAY = date(2026, 11, 22)
IDS = ("NET-1", "NET-2", "TRK-1", "TRK-1.traces")


class Load(Strict):
    """A form within a form."""

    rate: float


class Writes(Thresholds):
    """A bound that must be stated, one that may be null, and a form within the form."""

    writes: int = Field(ge=1, description="how many")
    lost_s: float | None = Field(description="null when nothing is promised")
    load: Load | None = Field(description="as above")

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.lost_s is not None and self.lost_s > self.writes:
            raise ValueError("fewer writes than seconds")
        return self


FORMS: Registry = {"NET-1": Thresholds, "NET-2": Writes}
MINIMAL: dict[str, Any] = {
    "schema": 1,
    "name": "mine",
    "names": {
        "namespace": "mlflow",
        "mlflow": {"deployment": "mlflow", "service": "mlflow", "selector": {"app": "mlflow"}},
        "runner": {"image": "runner:1"},
    },
    "checks": {"TRK-1": {"promise": "what is written is read"}},
}


def read(path: Path, document: object) -> LoadedProfile:
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)


def refused(path: Path, document: object) -> str:
    with pytest.raises(Unusable) as told:
        read(path, document)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def waived(**fields: object) -> dict[str, Any]:
    waiver = {"id": "TRK-1", "reason": "the vendor mends it", "expires": TODAY} | fields
    return MINIMAL | {"waivers": [waiver]}


def test_every_shipped_profile_is_a_profile() -> None:
    profiles = sorted((assets.root() / "profiles").glob("*.yaml"))
    assert profiles
    for profile in profiles:
        load(profile, known_ids=shipped.checks(), thresholds=thresholds(), today=TODAY)


ANY = """
schema: 1
name: any
extends: {base}
names:
  namespace: team
  mlflow: {{deployment: tracking, service: tracking, port: 80, selector: {{app: tracking}}}}
  runner: {{image: "runner:1", labels: {{may: enter}}}}
"""


@pytest.mark.parametrize("base", ["baseline", "production", "k3d", "eks"])
def test_a_base_presupposes_no_objects_name(path: Path, base: str) -> None:
    known = shipped.checks()
    path.write_text(ANY.format(base=base))
    loaded = load(path, known_ids=known, thresholds=thresholds(), today=TODAY)
    assert loaded.inherited.base == base
    text = "".join(p.read_text() for p in sorted(assets.bases().glob("*.yaml")))
    ours = shipped.profile("k3d").names
    for name in ("mlflow-postgresql", "mlflow-minio", "mlflow-auditor", ours.runner.image):
        assert name not in text
    assert {p.stem for p in assets.bases().glob("*.yaml")} == {
        "baseline", "production", "k3d", "eks",
    }  # fmt: skip


def test_the_baseline_disturbs_nobody(path: Path) -> None:
    known = shipped.checks()
    path.write_text(ANY.format(base="baseline"))
    loaded = load(path, known_ids=known, thresholds=thresholds(), today=TODAY)
    assert not [i for i in loaded.profile.checks if known[i].disruptive]


def test_rows_keep_their_order_and_tiers_nest(path: Path) -> None:
    checks = {
        "TRK-1": {"promise": "p", "tier": "thorough"},
        "TRK-1.traces": {"promise": "p", "tier": "smoke"},
        "NET-1": {"promise": "p"},
    }
    path.write_text(yaml.safe_dump(MINIMAL | {"checks": checks}, sort_keys=False))
    loaded = load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)
    assert list(loaded.rows("smoke")) == ["TRK-1.traces"]
    assert list(loaded.rows("gate")) == ["TRK-1.traces", "NET-1"]
    assert list(loaded.rows("thorough")) == ["TRK-1", "TRK-1.traces", "NET-1"]


def test_the_thorough_tier_may_ask_for_more(path: Path) -> None:
    row = {"promise": "p", "thresholds": {"writes": 2, "lost": 0}, "thorough": {"writes": 10}}
    path.write_text(yaml.safe_dump(MINIMAL | {"checks": {"TRK-1": row}}))
    loaded = load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)
    assert loaded.rows("gate")["TRK-1"].thresholds == {"writes": 2, "lost": 0}
    assert loaded.rows("thorough")["TRK-1"].thresholds == {"writes": 10, "lost": 0}
    # What several checks share is read from the whole profile.
    assert loaded.at("thorough").profile.checks["TRK-1"].thresholds == {"writes": 10, "lost": 0}
    assert loaded.at("gate").profile.checks["TRK-1"].thresholds == {"writes": 2, "lost": 0}


def test_the_digest_is_that_of_the_file(path: Path) -> None:
    first, second = read(path, MINIMAL), read(path, MINIMAL | {"name": "other"})
    assert first.sha256 != second.sha256
    assert len(first.sha256) == 64


def test_a_waiver_holds_to_the_end_of_its_last_day(path: Path) -> None:
    assert read(path, waived()).profile.waivers[0].expires == TODAY


def test_a_merged_key_may_be_overridden(path: Path) -> None:
    text = yaml.safe_dump(MINIMAL).replace("name: mine", "<<: {name: base}\nname: mine")
    assert read(path, text).profile.name == "mine"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cheks": {}}, "unknown key 'cheks', did you mean 'checks'"),
        ({"zzz": 1}, "unknown key 'zzz'. Correct or remove it"),
        ({"checks": {}}, "checks: Dictionary should have at least 1 item"),
        ({"checks": None}, "checks: Input should be a valid dictionary"),
        ({"schema": 2}, "schema: Input should be 1"),
        ({"schema": "1"}, "schema: Input should be 1"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"time_scale": 0}, "time_scale: Input should be greater than or equal to 0.1"),
        ({"time_scale": float("nan")}, "time_scale:"),
        ({"deployment": {"kind": "helmet"}}, "deployment: "),
        (
            {"deployment": {"kind": "helm", "chrat": "c", "chart": "c", "release": "r"}},
            "unknown key 'deployment.chrat', did you mean 'chart'",
        ),
        (
            {"checks": {"TRK-1": {"promise": "p", "treshold": 1}}},
            "unknown key 'checks.TRK-1.treshold', did you mean 'thresholds'",
        ),
        ({"checks": {"TRK-1": {"promise": ""}}}, "checks.TRK-1.promise: "),
        ({"checks": {"TRK-1": {}}}, "checks.TRK-1.promise: Field required"),
        ({"checks": {"TRK-1": {"promise": "p", "tier": "full"}}}, "checks.TRK-1.tier: "),
        ({"checks": {"TRK-1": {"promise": "p", "thresholds": 5}}}, "checks.TRK-1.thresholds: "),
        (
            {"checks": {"TRK-1": {"promise": "p", "thresholds": {"most": TODAY}}}},
            "checks.TRK-1.thresholds.most: ",
        ),
        (
            {"checks": {"TRK-1": {"promise": "p", "thresholds": {"most": {"a": [float("inf")]}}}}},
            "checks.TRK-1.thresholds.most: a threshold is a finite number",
        ),
        (
            {"checks": {"TRK-1": {"promise": "p", "thorough": {"writse": 1}}}},
            "thorough: writse replaces no threshold of this row",
        ),
        ({"checks": {"NET-11": {"promise": "p"}}}, "'NET-11', which does not exist, did you mean"),
        ({"checks": {"QQQ": {"promise": "p"}}}, "'QQQ', which does not exist. List the checks"),
    ],
)
def test_what_is_wrong_is_named(path: Path, change: dict[str, Any], told: str) -> None:
    assert told in refused(path, MINIMAL | change)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"expires": date(2026, 11, 21)}, "has a waiver of TRK-1 that"),
        ({"expires": date(2026, 11, 21)}, "expired on 2026-11-21. Mend what it excused"),
        ({"expires": "soon"}, "waivers.0.expires: "),
        ({"expires": None}, "waivers.0.expires: "),
        ({"reason": ""}, "waivers.0.reason: "),
        ({"reason": " " * 40}, "waivers.0.reason: "),
        ({"reason": "later"}, "waivers.0.reason: "),
        ({"id": "NET-1"}, "the waiver of NET-1 excuses a check that this profile does not expect"),
        ({"untl": TODAY}, "unknown key 'waivers.0.untl'"),
    ],
)
def test_a_waiver_must_say_what_why_and_until_when(
    path: Path, fields: dict[str, Any], told: str
) -> None:
    assert told in refused(path, waived(**fields))


def test_two_waivers_of_one_check_are_refused(path: Path) -> None:
    waiver = waived()["waivers"][0]
    assert "TRK-1 is waived twice" in refused(path, MINIMAL | {"waivers": [waiver, waiver]})


FITTING = {"writes": 4, "lost_s": None, "load": {"rate": 1}}


def net2(thresholds: object, **row: object) -> dict[str, Any]:
    return MINIMAL | {"checks": {"NET-2": {"promise": "p", "thresholds": thresholds} | row}}


@pytest.mark.parametrize("thorough", [{}, {"writes": 5}, {"lost_s": 2.5}, {"load": None}])
def test_thresholds_that_fit_are_read(path: Path, thorough: dict[str, Any]) -> None:
    read(path, net2(FITTING, thorough=thorough))


@pytest.mark.parametrize(
    ("thresholds", "thorough", "told"),
    [
        (
            {"writse": 4},
            {},
            "gives NET-2 the unknown threshold 'writse', did you mean 'writes'. Correct or remove",
        ),
        ({"zzz": 4}, {}, "gives NET-2 the unknown threshold 'zzz'. Correct"),
        ({"load": {"rat": 1}}, {}, "the unknown threshold 'load.rat', did you mean 'rate'"),
        ({"load": {}}, {}, "gives NET-2 no threshold 'load.rate'. State it; docs/profiles.md"),
        ({"writes": "4"}, {}, "gives NET-2 thresholds that do not fit: writes: Input should be"),
        ({"writes": True}, {}, "that do not fit: writes: Input should be a valid integer"),
        ({"writes": None}, {}, "that do not fit: writes: Input should be a valid integer"),
        ({"writes": 0}, {}, "that do not fit: writes: Input should be greater than or equal to 1"),
        ({"lost_s": [1]}, {}, "that do not fit: lost_s: Input should be a valid number"),
        ({"lost_s": 9}, {}, "thresholds that do not fit: fewer writes than seconds"),
        ({}, {"writes": 0}, "that do not fit: writes: Input should be greater than"),
        ({}, {"lost_s": 9}, "that do not fit: fewer writes than seconds"),
        ({}, {"load": {"rate": "x"}}, "that do not fit: load.rate: Input should be a valid number"),
    ],
)
def test_thresholds_that_do_not_fit_are_named(
    path: Path, thresholds: dict[str, Any], thorough: dict[str, Any], told: str
) -> None:
    row = FITTING | thresholds
    if "writse" in row:
        del row["writes"]  # misspelt, and not missing as well
    assert told in refused(path, net2(row, thorough=thorough))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("writes", "gives NET-2 no threshold 'writes'. State it; docs/profiles.md lists"),
        ("lost_s", "State it, or `lost_s: null` when nothing is promised about it; docs/"),
    ],
)
def test_a_threshold_that_is_merely_missing_is_named(path: Path, name: str, told: str) -> None:
    assert told in refused(path, net2({k: v for k, v in FITTING.items() if k != name}))


def test_a_check_without_thresholds_has_none(path: Path) -> None:
    row = {"promise": "p", "thresholds": {"most": 1}}
    assert "unknown threshold 'most'" in refused(path, MINIMAL | {"checks": {"NET-1": row}})


MANY = """\
schema: 1
nmae: mine
names:
  namespace: mlflow
  mlflow: {deployment: mlflow, service: mlflow, selector: {app: mlflow}, prot: 1}
  runner: {image: 7}
checks:
  NET-1:
    promise: p
    promise: q
  NET-7: {promise: p}
  NET-2:
    promise: p
    teir: gate
    thresholds:
      writes: .inf
      lost: 1
    thorough:
      load: {rate: x}
      rate: 1
waivers:
  - {id: TRK-1, reason: "long enough it is", expires: 2026-01-01}
  - {id: NET-1, reason: short, expires: 2026-01-01}
"""


def test_all_faults_are_told_at_once_each_with_its_line(path: Path) -> None:
    path.write_text(MANY)
    found = examine(path, known_ids=IDS, thresholds=FORMS, today=TODAY).faults
    told = sorted((fault.line, fault.what) for fault in found)
    assert [line for line, _ in told] == [2, 5, 6, 10, 11, 14, 15, 16, 17, 19, 20, 22, 22, 23, 23]
    assert all(fault.remedy for fault in found)
    assert "the key 'promise' twice" in dict(told)[10]
    assert "no threshold 'load'" in dict(told)[15]
    assert "unknown threshold 'lost', did you mean 'lost_s'" in dict(told)[17]


def test_a_refusal_names_file_and_line(path: Path) -> None:
    assert f"{path}:2 has the key 'a' twice. Keep one" in refused(path, "a: 1\na: 2\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no mapping"),
        ("[1, 2]", "holds no mapping"),
        ("just words", "holds no mapping"),
        ("a: 1\na: 2\n", "mine.yaml:2 has the key 'a' twice"),
        ("a: {b: 1, c: 2, b: 3}", "mine.yaml:1 has the key 'b' twice"),
        ("a: [", "is not YAML: "),
        ("a: 2026-13-45", "is not YAML: month must be in 1..12"),
        ("a: !!timestamp never", "is not YAML: "),
        ('a: !!int ""', "is not YAML: "),
        ("a: !!bool perhaps", "is not YAML: "),
        ("a: !!python/object/apply:os.system [true]", "is not YAML: "),
        ("? [1]\n: 2", "is not YAML: "),
        ("a: *nowhere", "is not YAML: "),
        ("- " * 5000, "is nested too deeply"),
        ("a: \x00", "is not YAML: "),
    ],
)
def test_what_is_no_yaml_is_refused(path: Path, text: str, told: str) -> None:
    assert told in refused(path, text)


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\x7fELF\xff\xfe\x00")
    with pytest.raises(Unusable, match="is not YAML"):
        load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("absent.yaml", "No such file or directory"),
        (".", "Is a directory"),
        ("/proc/self/mem", "Input/output error"),
        ("nul\0.yaml", "null"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        load(tmp_path / name, known_ids=IDS, thresholds=FORMS, today=TODAY)


WORDS = st.sampled_from(
    ["schema", "name", "names", "checks", "waivers", "TRK-1", "promise", "expires", "id", "kind"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=8)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(document=DOCUMENTS, key=st.sampled_from(sorted(MINIMAL)))
def test_any_value_anywhere_is_read_or_refused(path: Path, document: object, key: str) -> None:
    path.write_text(yaml.safe_dump(MINIMAL | {key: document}, allow_unicode=True))
    with suppress(Unusable):
        load(path, known_ids=IDS, thresholds=FORMS, today=TODAY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(text=st.text(alphabet=st.sampled_from(list("ab:- \n[]{}!&*'\"|>#%@`,?<=\t1")), max_size=40))
@example(text="<<: 1")
@example(text="a: &a [*a]")
@example(text="a: !!binary x")
@example(text="!!set {a, a}")
def test_any_text_is_read_or_refused(path: Path, text: str) -> None:
    with pytest.raises(Unusable):
        read(path, text)


@pytest.mark.parametrize(
    ("word", "known", "told"),
    [
        ("cheks", ["checks", "names"], ", did you mean 'checks'?"),
        ("zzz", ["checks"], ""),
        ("a", [], ""),
    ],
)
def test_nearest(word: str, known: list[str], told: str) -> None:
    assert nearest(word, known) == told


@pytest.mark.parametrize("name", ["k3dd", "", "K3D"])
def test_a_profile_that_is_not_shipped_is_refused(name: str) -> None:
    with pytest.raises(Unusable, match="There is no profile"):
        assets.profile_path(name)


def test_a_path_is_a_path() -> None:
    assert assets.profile_path("k3d") == assets.root() / "profiles" / "k3d.yaml"
    assert assets.profile_path("../mine") == Path("../mine")
    assert assets.profile_path("mine.yml") == Path("mine.yml")
