# SPDX-License-Identifier: Apache-2.0
"""What people install: the wheel holds everything that the command needs without a checkout."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from repository import ROOT

ASSETS = ("deployment", "loadtests", "mutants", "profiles", "scenarios", "suites")
_TRIES = """
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.disruption import scenario
from mlflow_conformance.load import workload
from mlflow_conformance.mutants.mutant import read_all
from mlflow_conformance.run.known import promised
from mlflow_conformance.stand.images import load_pins, plan

known = catalogue.read(assets.asset("suites"))
print(assets.root())
read_all(assets.asset("mutants"), known)
for name in ("k3d", "eks"):
    promised(name, known)
for folder in assets.asset("scenarios").iterdir():
    scenario.find(folder.name)
for file in assets.asset("loadtests").glob("*.yaml"):
    workload.load(file.stem)
plan(load_pins(), "build")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    builder = WheelBuilder(str(ROOT))
    return Path(next(builder.build(directory=str(tmp_path_factory.mktemp("wheel")))))


def files(folder: Path) -> dict[str, bool]:
    """Every file below it, and whether it may be executed, but for what Python leaves."""
    return {
        str(path.relative_to(ROOT)): bool(path.stat().st_mode & 0o100)
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def held(wheel: Path) -> dict[str, bool]:
    """The same of the assets in a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {
            entry.filename.removeprefix("mlflow_conformance/_assets/"): bool(
                entry.external_attr >> 16 & 0o100
            )
            for entry in opened.infolist()
            if entry.filename.startswith("mlflow_conformance/_assets/")
        }


def test_a_wheel_holds_every_asset_with_its_mode(wheel: Path) -> None:
    expected = {name: mode for folder in ASSETS for name, mode in files(ROOT / folder).items()}
    assert len(expected) > 500
    assert held(wheel) == expected


def test_an_installed_wheel_needs_no_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", _TRIES],
        env={**os.environ, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(site / "mlflow_conformance" / "_assets")


def test_a_source_distribution_is_the_checkout(tmp_path: Path) -> None:
    built = Path(next(SdistBuilder(str(ROOT)).build(directory=str(tmp_path))))
    with tarfile.open(built) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    for folder in (*ASSETS, "src", "docs", "tests", "tools"):
        assert files(ROOT / folder).keys() <= names, folder
    assert {"pyproject.toml", "constraints.txt", "tox.ini", "toxw", "LICENSE"} <= names
