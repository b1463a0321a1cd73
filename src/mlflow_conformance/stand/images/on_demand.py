# SPDX-License-Identifier: Apache-2.0
"""Images of other versions of MLflow than the one deployed: made when they are asked for.

They are made as the deployed version's is, from its own Containerfile, with another lock of wheels.
No cluster and no other step needs them, so that they leave every other step's hash alone.
"""

import shutil
from pathlib import Path

from mlflow_conformance.stand.images.containers import Podman, base_image, remove
from mlflow_conformance.stand.images.packages import wheels_step
from mlflow_conformance.stand.images.pins import Pins, WheelsPin
from mlflow_conformance.stand.images.steps import Step, Work

_BUNDLE, _IMAGE, _WHEELS = "mlflow", "mlflow", "wheels.mlflow"
_LOCK = "requirements.txt"


def steps(pins: Pins, root: Step, *, version: str, lock: Path, images: Path) -> list[Step]:
    """The steps that make the image of a version, each after those that it needs.

    Args:
        root: makes the root file system that MLflow's image begins with.
        version: the image's tag.
        lock: the wheels of that version.
        images: ``deployment/kind/images``.
    """
    name = f"{_BUNDLE}-{version}"
    python = pins.wheels[_BUNDLE].python
    wheels = wheels_step(
        name, WheelsPin(python=python, requirements=(lock.name,)), images=lock.parent
    )
    repository = pins.bundle[_BUNDLE].images[_IMAGE][0].rpartition(":")[0]
    inputs = {
        "image": f"{repository}:{version}",
        "containerfile": (images / _IMAGE / "Containerfile").read_text(encoding="utf-8"),
        "install-wheels": (images / "install-wheels").read_text(encoding="utf-8"),
    }

    def build(work: Work) -> None:
        podman = Podman(work)
        made: list[str] = []
        try:
            made += base_image(podman, work, pins.bundle[_BUNDLE].base)
            context = work.out / "context"
            place = context / "images" / _IMAGE
            shutil.copytree(images / _IMAGE, place)
            shutil.copy2(lock, place / _LOCK)
            shutil.copy2(images / "install-wheels", context / "images" / "install-wheels")
            made.append(inputs["image"])
            podman.build(
                context,
                [inputs["image"]],
                file=f"images/{_IMAGE}/Containerfile",
                wheels={_WHEELS: work.needs[wheels.name]},
            )
            podman.save([inputs["image"]])
            remove(context)
        finally:
            podman.run("rmi", "--force", "--ignore", *reversed(made), check=False)

    bundle = Step(f"bundle.{name}", inputs, build, needs=(root.name, wheels.name))
    return [root, wheels, bundle]
