# SPDX-License-Identifier: Apache-2.0
"""Versions of MLflow: their order, their locks, and the steps that make their images."""

from pathlib import Path

import pytest

from mlflow_conformance.config.assets import asset
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images, versions
from mlflow_conformance.stand.images import on_demand
from mlflow_conformance.stand.images.packages import root_step
from mlflow_conformance.stand.images.steps import Step, keys
from mlflow_conformance.stand.versions import MlflowVersion, image_of, known, lock_of

IMAGES = Path("deployment/kind/images")


def test_versions_follow_each_other_as_releases_do() -> None:
    ordered = ["2.22.1", "3.9.0", "3.10.0", "3.10.1"]
    assert [str(v) for v in sorted(map(MlflowVersion.parse, reversed(ordered)))] == ordered


@pytest.mark.parametrize("text", ["", "3.17", "v3.17.2", "3.17.2rc1", "3.17.2 ", "latest"])
def test_anything_else_is_no_version(text: str) -> None:
    with pytest.raises(Unusable, match=r"is no version of MLflow\. Give one such as"):
        MlflowVersion.parse(text)


def test_the_deployed_version_and_every_lock_is_known() -> None:
    assert versions.deployed_version() in known()
    assert {"2.22.1", "3.15.2", "3.16.1"} <= {str(v) for v in known()}


def test_a_version_without_a_lock_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Unusable, match=r"No image of MLflow 3\.16\.9 can be made.*3\.16\.1"):
        lock_of(MlflowVersion.parse("3.16.9"))


@pytest.mark.parametrize(
    "version", [v for v in known() if v != versions.deployed_version()], ids=str
)
def test_a_lock_pins_its_own_version_and_everything_once(version: MlflowVersion) -> None:
    lines = [line for line in lock_of(version).read_text().splitlines() if line[0] != "#"]
    names = [line.split("==")[0] for line in lines]
    assert f"mlflow=={version}" in lines
    assert len(names) == len(set(names))
    assert all(line.count("==") == 1 for line in lines)


def test_an_image_has_the_name_of_the_deployed_one_and_its_own_tag() -> None:
    assert image_of("3.16.1") == "localhost/mlflow-conformance/mlflow:3.16.1"
    assert image_of(versions.deployed_version()) in str(images.load_pins().bundle["mlflow"].images)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        (image_of("3.16.1"), "3.16.1"),
        (image_of(versions.deployed_version()), "None"),
        ("ghcr.io/mlflow/mlflow:v3.16.1", "None"),
    ],
)
def test_only_images_of_our_own_are_made_on_demand(image: str, version: str) -> None:
    assert str(versions.version_of(image)) == version


def _steps(tmp_path: Path, lock: str = "mlflow==9.9.9\n") -> list[Step]:
    pins = images.load_pins()
    path = tmp_path / "9.9.9.txt"
    path.write_text(lock)
    root = root_step("python", pins.root["python"])
    return on_demand.steps(pins, root, version="9.9.9", lock=path, images=asset(str(IMAGES)))


def test_another_version_changes_no_step_that_a_cluster_needs(tmp_path: Path) -> None:
    pins = images.load_pins()
    planned = images.plan(pins, "build")
    more = [s for s in _steps(tmp_path) if s.name not in {p.name for p in planned}]
    assert {s.name for s in more} == {"wheels.mlflow-9.9.9", "bundle.mlflow-9.9.9"}
    together = keys([*planned, *more])
    assert {name: together[name] for name in keys(planned)} == keys(planned)


def test_another_lock_makes_the_image_anew(tmp_path: Path) -> None:
    before = keys(_steps(tmp_path))
    after = keys(_steps(tmp_path, "mlflow==9.9.9\nnumpy==1.0\n"))
    assert before["root.python"] == after["root.python"]
    assert before["bundle.mlflow-9.9.9"] != after["bundle.mlflow-9.9.9"]
