# SPDX-License-Identifier: Apache-2.0
"""Copies of what a deployment is made from: another tag in a kustomization, another git ref."""

import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlflow_conformance.config.yaml_text import NotYaml, parse
from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Unusable

_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REFERS = ("resources", "bases", "components", "transformers", "generators", "validators")
_GIT_S = 60.0


def copied(kustomization: Path, folder: Path) -> Path:
    """Copy a kustomization with every folder that it is made of; returns the copy's place.

    Args:
        kustomization: its folder.
        folder: where the copy goes; what is there is replaced.

    Raises:
        Unusable: there is no kustomization.
    """
    start = kustomization.resolve()
    top = Path(os.path.commonpath([str(each) for each in _folders(start, set())]))
    _emptied(folder)
    shutil.copytree(top, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
    return folder / start.relative_to(top)


def set_tag(kustomization: Path, image: str, tag: str) -> None:
    """Give an image another tag, as ``kustomize edit set image`` does.

    Args:
        image: its name as rendered, without the tag.

    Raises:
        Unusable: there is no kustomization.
    """
    path = _file(kustomization)
    document = _read(path)
    entries: list[dict[str, str]] = document.setdefault("images", [])
    mine = [e for e in entries if e.get("newName", e["name"]) == image]
    if not mine:
        mine = [{"name": image}]
        entries += mine
    for entry in mine:
        entry.pop("digest", None)
        entry["newTag"] = tag
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


@dataclass(frozen=True)
class Checkout:
    """A copy of a git checkout at one commit.

    Attributes:
        top: of the checkout that it is a copy of.
        copy: where the copy is.
    """

    top: Path
    copy: Path

    def of(self, path: Path) -> Path:
        """The copy of a path; the path itself when it is outside of the checkout."""
        whole = path.resolve()
        return self.copy / whole.relative_to(self.top) if whole.is_relative_to(self.top) else path


def at_ref(path: Path, ref: str, folder: Path) -> Checkout:
    """The git checkout that a path is in, as it is at a commit, branch or tag.

    Args:
        path: a file or folder of the checkout.
        folder: where the copy goes; what is there is replaced.

    Raises:
        Unusable: there is no git checkout, or no such ref.
    """
    place = path if path.is_dir() else path.parent
    top = Path(
        _git(place, "rev-parse", "--show-toplevel", otherwise=f"{place} is in no git checkout")
    )
    missing = f"The git checkout {top} has no {ref}"
    commit = _git(
        top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}",
        otherwise=missing,
    )  # fmt: skip
    _emptied(folder)
    with tempfile.TemporaryDirectory(prefix="mlflow-conformance-") as made:
        archive = Path(made) / "tree.tar"
        _git(top, "archive", f"--output={archive}", commit, otherwise=missing)
        with tarfile.open(archive) as tree:
            if hasattr(tarfile, "data_filter"):  # Debian 12's Python 3.11.2 has none
                tree.extraction_filter = tarfile.data_filter
            tree.extractall(folder)  # noqa: S202 - git's own archive of a tree that the user named
    return Checkout(top.resolve(), folder)


def _git(folder: Path, *words: str, otherwise: str) -> str:
    try:
        return shell.run(("git", "-C", folder, *words), timeout_s=_GIT_S).stdout.strip()
    except FileNotFoundError:
        raise Unusable("There is no git on this machine", remedy="Install git") from None
    except shell.CommandFailed as problem:
        raise Unusable(
            otherwise, remedy="Give a commit, branch or tag of the checkout of the deployment"
        ) from problem


def _folders(place: Path, seen: set[Path]) -> set[Path]:
    """A kustomization's folder and those of all local ones that it is made of."""
    if place in seen:
        return seen
    seen.add(place)
    document = _read(_file(place))
    for entry in (entry for key in _REFERS for entry in document.get(key) or []):
        below = (place / str(entry)).resolve()
        if below.is_dir():
            _folders(below, seen)
    return seen


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parse(path.read_bytes()).data
    except NotYaml as problem:
        raise Unusable(f"{path} is no YAML: {problem}", remedy="Correct it") from problem
    return document if isinstance(document, dict) else {}


def _file(kustomization: Path) -> Path:
    for name in _FILES:
        if (kustomization / name).is_file():
            return kustomization / name
    raise Unusable(
        f"There is no kustomization in {kustomization}",
        remedy="Correct deployment.path of the profile",
    )


def _emptied(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
