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
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        return path
    shipped = root() / "profiles" / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = sorted(p.stem for p in (root() / "profiles").glob("*.yaml"))
    raise Unusable(
        f"There is no profile {name!r}{nearest(name, names).rstrip('?')}",
        remedy=f"Name one of: {', '.join(names)}; or the path of a YAML file",
    )
