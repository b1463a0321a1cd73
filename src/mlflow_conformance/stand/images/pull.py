# SPDX-License-Identifier: Apache-2.0
"""Upstream images from their public registries, where those can be reached, instead of a build.

Only a bundle all of whose images have upstream names is pulled; it ends as the same archive that a
build makes, so nothing after this step knows the difference.
"""

import os
from typing import Literal

from mlflow_conformance.cluster import engines
from mlflow_conformance.core import paths, shell
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.images.pins import BundlePin
from mlflow_conformance.stand.images.steps import Step, Work

Mode = Literal["build", "pull"]

VARIABLE = "MLFLOW_CONFORMANCE_IMAGES"
_OURS = "localhost/"
_PROBE_S = 10.0
_PULL_S = 900.0


def mode(probe_image: str) -> Mode:
    """How upstream images are had: as the environment says, or as one quick attempt showed.

    The attempt is made once and kept in the cache, so that later builds do not wait for it and
    the content hashes of a machine do not change with its network.

    Raises:
        Unusable: the variable is set to something else than build, pull or auto.
    """
    match os.environ.get(VARIABLE, "auto"):
        case "build":
            return "build"
        case "pull":
            return "pull"
        case "auto":
            pass
        case other:
            raise Unusable(f"{VARIABLE} is {other!r}", remedy="Set it to build, pull or auto")
    record = paths.cache_root() / "images-mode"
    if record.is_file():
        return "pull" if record.read_text(encoding="utf-8").strip() == "pull" else "build"
    found: Mode = "pull" if _reachable(probe_image) else "build"
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(f"{found}\n", encoding="utf-8")
    return found


def _reachable(image: str) -> bool:
    try:
        engines.chosen().pull(image, timeout_s=_PROBE_S)
    except shell.CommandFailed:
        return False
    return True


def can_pull(pin: BundlePin) -> bool:
    """Whether every image of a bundle has an upstream."""
    return not any(tag.startswith(_OURS) for tags in pin.images.values() for tag in tags)


def pulled_step(name: str, pin: BundlePin) -> Step:
    """The upstream images of one bundle, in one archive ``images.tar``."""
    return _step(f"bundle.{name}", tuple(tag for tags in pin.images.values() for tag in tags))


def image_step(image: str) -> Step:
    """One image from its registry, in an archive ``images.tar``."""
    return _step(f"pulled.{image.replace('/', '.').replace(':', '.')}", (image,))


def _step(name: str, tags: tuple[str, ...]) -> Step:
    def build(work: Work) -> None:
        engine = engines.chosen()
        for tag in tags:
            engine.pull(tag, timeout_s=_PULL_S, stop=work.stop)
        engine.save(work.out / "images.tar", tags, timeout_s=_PULL_S, stop=work.stop)

    return Step(name, {"pulled": " ".join(tags)}, build)
