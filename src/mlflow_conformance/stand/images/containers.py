# SPDX-License-Identifier: Apache-2.0
"""Steps that make images with the container engine: component images in bundles, and nodes."""

import shutil
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

from mlflow_conformance.cluster import engines
from mlflow_conformance.cluster.engine import ImageBuild
from mlflow_conformance.stand.images.pins import BundlePin, Pins
from mlflow_conformance.stand.images.steps import Step, Work

OWNER_LABEL = "mlflow-conformance.owner=images"
ARCHIVE = "images.tar"
"""What the archive of a bundle is called in its step's folder."""
_PREFIX = "localhost/mlflow-conformance"
_BUILD_S = 1200.0


def folder_text(folder: Path) -> str:
    """The text of all files of a folder, each with its path and mode: what a hash is made of."""
    parts = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        mode = "x" if path.stat().st_mode & 0o100 else "-"
        parts.append(f"{path.relative_to(folder)} {mode}\n{path.read_text(encoding='utf-8')}")
    return "\n".join(parts)


def bundle_step(name: str, pin: BundlePin, *, images: Path) -> Step:
    """The images of one bundle, in one archive ``images.tar``."""
    inputs = {"pin": pin.model_dump_json()}
    for image in pin.images:
        inputs[image] = folder_text(images / image)
    if any(use.startswith("wheels.") for use in pin.uses):
        inputs["install-wheels"] = (images / "install-wheels").read_text(encoding="utf-8")

    def build(work: Work) -> None:
        making = Making(work)
        made: list[str] = []
        try:
            made += base_image(making, work, pin.base)
            context = work.out / "context"
            for use in pin.uses:
                if not use.startswith("wheels."):
                    _link_tree(work.needs[use], context / use)
            for image, tags in pin.images.items():
                _copy_tree(images / image, context / "images" / image)
                if (images / "install-wheels").is_file():
                    shutil.copy2(images / "install-wheels", context / "images" / "install-wheels")
                made += tags
                wheels = {use: work.needs[use] for use in pin.uses if use.startswith("wheels.")}
                making.build(
                    context, list(tags), file=f"images/{image}/Containerfile", wheels=wheels
                )
            making.save([tag for all_tags in pin.images.values() for tag in all_tags])
            remove(context)
        finally:
            making.untag(made)

    return Step(f"bundle.{name}", inputs, build, needs=pin.uses)


def base_image(making: "Making", work: Work, root: str | None) -> list[str]:
    """Make the image of a root file system that others begin with; returns its name, if any."""
    if not root:
        return []
    base = f"{_PREFIX}/base:{root}"
    context = work.out / "base"
    context.mkdir()
    (context / "Containerfile").write_text("FROM scratch\nADD root.tar /\n")
    _link(work.needs[f"root.{root}"] / "root.tar", context / "root.tar")
    making.build(context, [base])
    remove(context)
    return [base]


def node_image(pins: Pins, key: str) -> str:
    """The name under which the engine keeps the node image of a content hash."""
    return f"{pins.node.name}:v{pins.kubernetes.version}-{key}"


def node_base_step(pins: Pins, *, kind: Path) -> Step:
    """What takes long of the node image: every bundle unpacked into its container runtime.

    Args:
        kind: ``deployment/kind``.
    """
    bundles = tuple(f"bundle.{name}" for name in pins.bundle)
    root = f"root.{pins.node.root}"
    folder = kind / "node-base"
    inputs = {"files": folder_text(folder), "version": pins.kubernetes.version}

    def build(work: Work) -> None:
        context = work.out / "context"
        _copy_tree(folder, context)
        _link(work.needs[root] / "root.tar", context / "root.tar")
        _link(work.needs["go.kube"] / "bin" / "kube", context / "kube")
        (context / "version").write_text(f"v{pins.kubernetes.version}\n", encoding="utf-8")
        archives = {bundle: work.needs[bundle] for bundle in bundles}
        Making(work).build(context, [_node_base(work.key)], archives=archives)
        remove(context)

    return Step(
        "node-base",
        inputs,
        build,
        needs=(root, "go.kube", *bundles),
        intact=lambda _, key: engines.chosen().image_exists(_node_base(key)),
    )


def node_step(
    pins: Pins, *, kind: Path, manifests: Callable[[Work], Mapping[str, str]], text: str
) -> Step:
    """The node image.

    Args:
        kind: ``deployment/kind``.
        manifests: renders what a new cluster applies, by file name.
        text: everything that decides the manifests, besides what the step needs.
    """
    folder = kind / "node"
    inputs = {"name": pins.node.name, "files": folder_text(folder), "manifests": text}

    def build(work: Work) -> None:
        context = work.out / "context"
        _copy_tree(folder, context)
        for name, manifest in manifests(work).items():
            target = work.out / "manifests" / name
            target.parent.mkdir(exist_ok=True)
            target.write_text(manifest, encoding="utf-8")
        _copy_tree(work.out / "manifests", context / "manifests")
        base = _node_base(work.needs["node-base"].name.removeprefix("node-base-"))
        Making(work).build(context, [node_image(pins, work.key)], base=base)
        remove(context)

    return Step(
        "node",
        inputs,
        build,
        needs=("node-base", *pins.node.uses),
        intact=lambda _, key: engines.chosen().image_exists(node_image(pins, key)),
    )


def _node_base(key: str) -> str:
    return f"{_PREFIX}/node-base:{key}"


def remove_superseded(keys: Set[str]) -> None:
    """Remove node images of other content hashes, except those that a cluster runs on."""
    engine = engines.chosen()
    listing = ("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter")
    found = engine.run(*listing, f"label={OWNER_LABEL}").stdout.split()
    old = [name for name in found if name.rpartition("-")[2].rpartition(":")[2] not in keys]
    for image in old:
        engine.run("rmi", image, timeout_s=300, check=False)


class Making:
    """The container engine for one step: images are built with no network, and end with it."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._engine = engines.chosen()

    def save(self, tags: Sequence[str]) -> None:
        """Write images into the step's one archive ``images.tar``."""
        archive = self._work.out / ARCHIVE
        self._engine.save(archive, tags, timeout_s=_BUILD_S, stop=self._work.stop)

    def untag(self, tags: Sequence[str]) -> None:
        """Let go of images, the last one first, as far as they were made."""
        self._engine.untag(tags[::-1], timeout_s=_BUILD_S)

    def build(
        self,
        context: Path,
        tags: list[str],
        *,
        file: str = "Containerfile",
        wheels: Mapping[str, Path] | None = None,
        archives: Mapping[str, Path] | None = None,
        base: str = "",
    ) -> None:
        """Build one image; nothing in it can reach a network."""
        sources = {"wheels": wheels or {}, "archives": archives or {}}
        mounts = {
            f"/{folder}/{name}": path
            for folder, paths in sources.items()
            for name, path in paths.items()
        }
        # containerd mounts the layers that it unpacks into the node image
        image = ImageBuild(
            context, file, tags, OWNER_LABEL, base=base, mounts=mounts, privileged=bool(archives)
        )
        self._engine.build(image, timeout_s=_BUILD_S, stop=self._work.stop)


def remove(folder: Path) -> None:
    """Delete a build context: it is links and copies."""
    shutil.rmtree(folder)


def _link(source: Path, target: Path) -> None:
    """A hard link: a context must hold files, and these are large."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(source)


def _link_tree(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and not path.is_relative_to(source / "source"):
            _link(path, target / path.relative_to(source))


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)
