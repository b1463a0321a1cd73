# SPDX-License-Identifier: Apache-2.0
"""Everything a cluster is made of, built from package registries alone and kept by its content."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow_conformance.cluster import engines
from mlflow_conformance.config.assets import asset
from mlflow_conformance.core import paths
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.images import golang, manifests, on_demand, pins, pull
from mlflow_conformance.stand.images.containers import (
    ARCHIVE,
    OWNER_LABEL,
    bundle_step,
    folder_text,
    node_base_step,
    node_image,
    node_step,
    remove_superseded,
)
from mlflow_conformance.stand.images.golang import go_step, toolchain_step
from mlflow_conformance.stand.images.packages import package_step, root_step, wheels_step
from mlflow_conformance.stand.images.steps import Builder, Result, Step, keys, remove_tree

_PURGE_S = 600.0
_WANTED = ("node", "go.kind", "go.kube", "go.helm", "go.minio")
"""What a run needs: the node image, and programs for the host."""


@dataclass(frozen=True)
class Tools:
    """Programs for the host, each by its path.

    promtool is for tests alone: `build_tools` makes it, a run does not.
    """

    kind: Path
    kubectl: Path
    helm: Path
    minio: Path
    promtool: Path


@dataclass(frozen=True)
class Built:
    """What a build made.

    Args:
        mode: whether upstream images were built or pulled.
        node_image: the name of the node image in the container engine.
        tools: programs for the host.
        steps: every step in the order it was planned, with its time.
    """

    mode: pull.Mode
    node_image: str
    tools: Tools
    steps: tuple[Result, ...]


def load_pins() -> pins.Pins:
    """The pins of this checkout or package.

    Raises:
        Unusable: as `pins.load` raises it.
    """
    return pins.load(asset("deployment/kind/images/pins.toml"))


def plan(pinned: pins.Pins, mode: pull.Mode) -> list[Step]:
    """All steps of a way to have images, each after those that it needs; see `needed`."""
    kind = asset("deployment/kind")
    images = kind / "images"
    cache = paths.cache_root()
    steps = [toolchain_step(pinned.toolchain)]
    steps += [go_step(name, pin, images=images, cache=cache) for name, pin in pinned.go.items()]
    steps += [root_step(name, pin) for name, pin in pinned.root.items()]
    steps += [wheels_step(name, pin, images=images) for name, pin in pinned.wheels.items()]
    steps += [
        pull.pulled_step(name, pin)
        if mode == "pull" and pull.can_pull(pin)
        else bundle_step(name, pin, images=images)
        for name, pin in pinned.bundle.items()
    ]
    steps.append(node_base_step(pinned, kind=kind))
    steps.append(
        node_step(
            pinned,
            kind=kind,
            manifests=lambda work: manifests.render(
                kind / "manifests", work, pinned.kubernetes.version
            ),
            text=folder_text(kind / "manifests"),
        )
    )
    return steps


def needed(steps: list[Step], names: Iterable[str] = _WANTED) -> list[Step]:
    """The steps of these names and all that they need: what a run needs, if none are given."""
    wanted = set(names)
    for step in reversed(steps):
        if step.name in wanted:
            wanted.update(step.needs)
    return [step for step in steps if step.name in wanted]


def _build(steps: list[Step], tell: Callable[[str], None]) -> dict[str, Result]:
    """Build steps; what a failed build leaves in Go's caches the next one goes on with."""
    cache = paths.cache_root()
    with golang.caches_used(cache):
        results = Builder(cache, tell).build(steps)
    if not all(result.cached for result in results.values()):
        golang.remove_caches(cache)
    return results


def build_all(tell: Callable[[str], None]) -> Built:
    """Build what is not in the cache yet, one line of progress for each step.

    Raises:
        Unusable: a step failed, the pins are wrong, or the engine that is chosen is none.
    """
    engines.chosen()
    pinned = load_pins()
    mode = pull.mode(pinned.probe)
    planned = plan(pinned, mode)
    steps = needed(planned)
    results = _build(steps, tell)
    if not all(result.cached for result in results.values()):
        Builder(paths.cache_root(), tell).sweep(keys(planned))
        remove_superseded({result.key for result in results.values()})
    return Built(
        mode=mode,
        node_image=node_image(pinned, results["node"].key),
        tools=_tools(planned),
        steps=tuple(results[step.name] for step in steps),
    )


def build_tools(tell: Callable[[str], None], *names: str) -> Tools:
    """Build only these programs, by their steps' names, such as ``go.helm``; see `tools`."""
    pinned = load_pins()
    _build(needed(plan(pinned, pull.mode(pinned.probe)), names), tell)
    return tools()


def build_mlflow(version: str, lock: Path, tell: Callable[[str], None]) -> Path:
    """The image of another version of MLflow than the one deployed, in an archive.

    Args:
        version: the image's tag.
        lock: the wheels of that version.

    Raises:
        Unusable: a step failed.
    """
    pinned = load_pins()
    base = pinned.bundle["mlflow"].base or "python"
    steps = on_demand.steps(
        pinned,
        root_step(base, pinned.root[base]),
        version=version,
        lock=lock,
        images=asset("deployment/kind/images"),
    )
    results = _build(steps, tell)
    return results[steps[-1].name].folder / ARCHIVE


def build_on_demand(name: str, tell: Callable[[str], None]) -> Mapping[str, Path]:
    """A bundle of `on_demand` in the pins; the folders of its steps, by the steps' names.

    Its archive is `ARCHIVE` in the folder of ``bundle.NAME``.

    Raises:
        Unusable: a step failed.
    """
    steps = on_demand.bundle_steps(
        load_pins(), name, images=asset("deployment/kind/images"), cache=paths.cache_root()
    )
    results = _build(steps, tell)
    return {step: result.folder for step, result in results.items()}


def wheels(name: str, tell: Callable[[str], None]) -> list[Path]:
    """The locked wheels of a name of `wheels` in the pins.

    Raises:
        Unusable: they cannot be had.
    """
    pin = load_pins().wheels[name]
    step = wheels_step(name, pin, images=asset("deployment/kind/images"))
    return sorted(_build([step], tell)[step.name].folder.glob("*.whl"))


def on_demand_of(image: str) -> str | None:
    """The bundle of `on_demand` that an image is in; None of any other image."""
    for name, bundle in load_pins().on_demand.items():
        if any(image in names for names in bundle.images.values()):
            return name
    return None


def mlflow_package(version: str, tell: Callable[[str], None]) -> Path:
    """The wheel of a version of MLflow, to be read.

    Raises:
        Unusable: there is no such version, or no package registry.
    """
    step = package_step(version)
    results = _build([step], tell)
    return next(results[step.name].folder.glob("*.whl"))


def pull_image(name: str, tell: Callable[[str], None]) -> Path:
    """An image of somebody else's, in an archive.

    Raises:
        Unusable: images are not pulled on this machine, or this one cannot be.
    """
    if pull.mode(load_pins().probe) != "pull":
        raise Unusable(
            f"The cluster has no image {name}, and this machine pulls none",
            remedy=f"Make it one of the bundles that are built (docs/images.md), or set "
            f"{pull.VARIABLE}=pull where its registry can be reached",
        )
    step = pull.image_step(name)
    results = _build([step], tell)
    return results[step.name].folder / ARCHIVE


def tools() -> Tools:
    """The host's programs where a finished build put them; they may not be there yet."""
    pinned = load_pins()
    return _tools(plan(pinned, pull.mode(pinned.probe)))


def purge() -> None:
    """Remove everything that was built: the images in the container engine, and the cache."""
    engines.chosen().purge(OWNER_LABEL, timeout_s=_PURGE_S)
    remove_tree(paths.cache_root())


def _tools(steps: Sequence[Step]) -> Tools:
    builder = Builder(paths.cache_root(), lambda _: None)
    folders = {name: builder.folder(name, key) for name, key in keys(steps).items()}
    return Tools(
        kind=folders["go.kind"] / "bin" / "kind",
        kubectl=folders["go.kube"] / "bin" / "kubectl",
        helm=folders["go.helm"] / "bin" / "helm",
        minio=folders["go.minio"] / "bin" / "minio",
        promtool=folders["go.promtool"] / "bin" / "promtool",
    )
