# SPDX-License-Identifier: Apache-2.0
"""Versions of MLflow: which ones an image can be made of, and how that image is called."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlflow_conformance.config.assets import asset
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest
from mlflow_conformance.stand import images

LOCKS = "deployment/kind/versions"
"""One lock of wheels for each version that is made on demand, as ``3.16.1.txt``."""

_FORM = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, order=True)
class MlflowVersion:
    """A released version; versions compare as releases follow each other."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """A version as people write it, such as ``3.16.1``.

        Raises:
            Unusable: it has another form.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise Unusable(f"{text!r} is no version of MLflow", remedy="Give one such as 3.16.1")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        """As it is released and as images are tagged."""
        return f"{self.major}.{self.minor}.{self.patch}"


def repository() -> str:
    """The name of MLflow's images that are made here, without a tag."""
    return _deployed().rpartition(":")[0]


def image_of(version: MlflowVersion | str) -> str:
    """The image of a version, such as ``localhost/mlflow-conformance/mlflow:3.16.1``."""
    return f"{repository()}:{version}"


def deployed_version() -> MlflowVersion:
    """The version that the deployments of this checkout name, and every cluster made here holds."""
    return MlflowVersion.parse(_deployed().rpartition(":")[2])


def known() -> tuple[MlflowVersion, ...]:
    """Every version that an image can be made of, the oldest first."""
    locked = (MlflowVersion.parse(path.stem) for path in asset(LOCKS).glob("*.txt"))
    return tuple(sorted({deployed_version(), *locked}))


def lock_of(version: MlflowVersion) -> Path:
    """The lock of wheels of a version that is made on demand.

    Raises:
        Unusable: there is none.
    """
    path = asset(LOCKS) / f"{version}.txt"
    if not path.is_file():
        versions = [str(each) for each in known()]
        raise Unusable(
            f"No image of MLflow {version} can be made"
            f"{nearest(str(version), versions).rstrip('?')}",
            remedy=f"Name one of {', '.join(versions)}, or add its lock {LOCKS}/{version}.txt; "
            "docs/upgrade.md says how",
        )
    return path


def version_of(image: str) -> MlflowVersion | None:
    """The version that an image is made for on demand; None of any other image.

    Raises:
        Unusable: its name is that of MLflow's images here, and its tag no version.
    """
    name, _, tag = image.rpartition(":")
    if name != repository():
        return None
    version = MlflowVersion.parse(tag)
    return None if version == deployed_version() else version


def _deployed() -> str:
    return images.load_pins().bundle["mlflow"].images["mlflow"][0]
