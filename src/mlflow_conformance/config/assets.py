# SPDX-License-Identifier: Apache-2.0
"""Where the deployments, profiles, suites and mutants are: in a checkout, or in the package."""

from pathlib import Path

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]


def root() -> Path:
    """The folder that holds ``deployment/``, ``profiles/``, ``suites/`` and ``mutants/``."""
    if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "suites").is_dir():
        return _CHECKOUT
    return _PACKAGE / "_assets"


def asset(relative: str) -> Path:
    """One asset.

    Raises:
        Unusable: there is no such asset, as after an incomplete installation.
    """
    path = root() / relative
    if not path.exists():
        raise Unusable(
            f"There is no {relative} in {root()}",
            remedy="Correct the path, or install mlflow-conformance again",
        )
    return path


def profile_path(name: str) -> Path:
    """The file of a profile: one that comes with the suite by its name, or a path.

    Raises:
        Unusable: neither exists.
    """
    return _shipped_or_path(name, Path(), "profile", root() / "profiles")


def base_path(name: str, beside: Path) -> Path:
    """The file of a base: one that comes with the suite by its name, or a path.

    Args:
        beside: the folder that a path counts from.

    Raises:
        Unusable: there is no base of that name.
    """
    return _shipped_or_path(name, beside, "base", bases())


def bases() -> Path:
    """The folder of the bases that come with the suite."""
    return root() / "profiles" / "bases"


def is_shipped_base(path: Path) -> bool:
    """Whether a base comes with the suite."""
    return path.parent == bases()


def _shipped_or_path(name: str, beside: Path, what: str, folder: Path) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        return beside / path
    shipped = folder / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = sorted(p.stem for p in folder.glob("*.yaml"))
    raise Unusable(
        f"There is no {what} {name!r}{nearest(name, names).rstrip('?')}",
        remedy=f"Name one of: {', '.join(names)}; or the path of a YAML file",
    )
