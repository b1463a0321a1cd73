# SPDX-License-Identifier: Apache-2.0
"""Images that no cluster begins with: made when a check or an upgrade asks for them.

Those of other versions of MLflow are made as the deployed version's is, from its own Containerfile,
with another lock of wheels. No other step needs what is made here, so that every other step's hash
is left alone.
"""

import shutil
from pathlib import Path

from mlflow_conformance.stand.images.containers import Making, base_image, bundle_step, remove
from mlflow_conformance.stand.images.golang import go_step, toolchain_step
from mlflow_conformance.stand.images.packages import root_step, wheels_step
from mlflow_conformance.stand.images.pins import Pins, WheelsPin
from mlflow_conformance.stand.images.steps import Step, Work

_BUNDLE, _IMAGE, _WHEELS = "mlflow", "mlflow", "wheels.mlflow"
_LOCK = "requirements.txt"


def bundle_steps(pins: Pins, name: str, *, images: Path, cache: Path) -> list[Step]:
    """The steps that make a bundle of `on_demand`, each after those that it needs.

    Args:
        images: ``deployment/kind/images``.
        cache: where Go's module and build caches are kept.
    """
    pin = pins.on_demand[name]
    made: list[Step] = []
    for use in pin.uses:
        form, _, what = use.partition(".")
        if form == "go":
            made.append(go_step(what, pins.go[what], images=images, cache=cache))
        elif form == "root":
            made.append(root_step(what, pins.root[what]))
        else:
            made.append(wheels_step(what, pins.wheels[what], images=images))
    return [toolchain_step(pins.toolchain), *made, bundle_step(name, pin, images=images)]


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
        making = Making(work)
        made: list[str] = []
        try:
            made += base_image(making, work, pins.bundle[_BUNDLE].base)
            context = work.out / "context"
            place = context / "images" / _IMAGE
            shutil.copytree(images / _IMAGE, place)
            shutil.copy2(lock, place / _LOCK)
            shutil.copy2(images / "install-wheels", context / "images" / "install-wheels")
            made.append(inputs["image"])
            making.build(
                context,
                [inputs["image"]],
                file=f"images/{_IMAGE}/Containerfile",
                wheels={_WHEELS: work.needs[wheels.name]},
            )
            making.save([inputs["image"]])
            remove(context)
        finally:
            making.untag(made)

    bundle = Step(f"bundle.{name}", inputs, build, needs=(root.name, wheels.name))
    return [root, wheels, bundle]
