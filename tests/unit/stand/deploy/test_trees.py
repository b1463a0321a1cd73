# SPDX-License-Identifier: Apache-2.0
"""Copies of a deployment's files: another tag, and another git ref."""

import subprocess
from pathlib import Path

import pytest

from mlflow_conformance.config.yaml_text import parse
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.deploy.trees import at_ref, copied, set_tag


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    write(tree / "base" / "kustomization.yaml", "resources: [server.yaml]\n")
    write(tree / "base" / "server.yaml", "kind: Deployment\n")
    write(tree / "secrets.bash", "true\n")
    write(tree / "parts" / "auth" / "kustomization.yml", "kind: Component\n")
    path = tree / "overlays" / "here" / "kustomization.yaml"
    return write(path, "resources: [../../base]\ncomponents: [../../parts/auth]\n").parent


def images(folder: Path) -> object:
    document = parse((folder / "kustomization.yaml").read_bytes()).data
    assert isinstance(document, dict)
    return document["images"]


def test_all_that_a_kustomization_is_made_of_is_copied(overlay: Path, tmp_path: Path) -> None:
    copy = copied(overlay, tmp_path / "copy")
    assert copy == tmp_path / "copy" / "overlays" / "here"
    assert (copy / "../../base/server.yaml").read_text() == "kind: Deployment\n"
    assert (copy / "../../secrets.bash").is_file()


def test_a_copy_replaces_the_one_before(overlay: Path, tmp_path: Path) -> None:
    stale = write(tmp_path / "copy" / "stale", "")
    copied(overlay, tmp_path / "copy")
    assert not stale.exists()


def test_kustomizations_that_name_each_other_are_copied_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "kustomization.yaml", "resources: [../b]\n")
    write(tmp_path / "b" / "kustomization.yaml", "resources: [../a]\n")
    assert copied(tmp_path / "a", tmp_path / "copy").name == "a"


def test_a_folder_without_a_kustomization_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="There is no kustomization in"):
        copied(tmp_path, tmp_path / "copy")


def test_an_image_gets_its_tag_where_it_is_named_already(tmp_path: Path) -> None:
    text = "images: [{name: mlflow, newName: here/mlflow, newTag: '1', digest: sha256:0}]\n"
    write(tmp_path / "kustomization.yaml", text)
    set_tag(tmp_path, "here/mlflow", "3.16.1")
    assert images(tmp_path) == [{"name": "mlflow", "newName": "here/mlflow", "newTag": "3.16.1"}]


def test_an_image_that_is_not_named_yet_is_added(tmp_path: Path) -> None:
    write(tmp_path / "kustomization.yaml", "images: [{name: other, newTag: '1'}]\n")
    set_tag(tmp_path, "here/mlflow", "3.16.1")
    assert images(tmp_path) == [
        {"name": "other", "newTag": "1"},
        {"name": "here/mlflow", "newTag": "3.16.1"},
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "checkout"
    write(top / "chart" / "Chart.yaml", "version: 1\n")
    git(top, "init", "--quiet")
    git(top, "add", ".")
    git(top, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "one")
    git(top, "tag", "one")
    write(top / "chart" / "Chart.yaml", "version: 2\n")
    return top


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True)


def test_a_checkout_at_a_ref_is_as_it_was(checkout: Path, tmp_path: Path) -> None:
    chart = checkout / "chart"
    found = at_ref(chart, "one", tmp_path / "copy")
    assert (found.of(chart) / "Chart.yaml").read_text() == "version: 1\n"
    assert (chart / "Chart.yaml").read_text() == "version: 2\n"
    assert found.of(tmp_path / "elsewhere") == tmp_path / "elsewhere"


@pytest.mark.parametrize("ref", ["two", "--help", ""])
def test_a_ref_that_does_not_exist_is_refused(checkout: Path, tmp_path: Path, ref: str) -> None:
    with pytest.raises(Unusable, match=f"The git checkout .* has no {ref}"):
        at_ref(checkout / "chart", ref, tmp_path / "copy")


def test_what_is_in_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="is in no git checkout"):
        at_ref(tmp_path, "main", tmp_path / "copy")
