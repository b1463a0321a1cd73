# SPDX-License-Identifier: Apache-2.0
"""The one file of versions, ``deployment/kind/images/pins.toml``, read and checked."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlflow_conformance.core.errors import Unusable

_Text = Annotated[str, Field(min_length=1)]


class _Pin(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Toolchain(_Pin):
    """The wheel that holds the Go toolchain."""

    package: _Text
    version: _Text


class Kubernetes(_Pin):
    """The version of the cluster, without its ``v``."""

    version: Annotated[str, Field(pattern=r"^1\.\d+\.\d+$")]


class GoPin(_Pin):
    """Programs built from one Go module, files taken from it, or both.

    Attributes:
        links: symbolic links in the module's repository, and where each leads to, both as paths in
            it: archives of modules leave them out.
    """

    module: _Text
    version: Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+")]
    programs: dict[_Text, _Text] = {}
    replace: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    godebug: str | None = None
    main: str | None = None
    names: dict[str, str] = {}
    staging: bool = False
    files: tuple[str, ...] = ()
    links: dict[str, str] = {}

    @model_validator(mode="after")
    def _of_use(self) -> "GoPin":
        if not self.programs and not self.files:
            raise ValueError("neither programs nor files are taken from the module")
        return self


class RootPin(_Pin):
    """A Debian root file system."""

    suite: _Text
    packages: Annotated[tuple[_Text, ...], Field(min_length=1)]


class WheelsPin(_Pin):
    """Wheels of locked requirements, for an interpreter in an image."""

    python: Annotated[str, Field(pattern=r"^3\.\d+$")]
    requirements: Annotated[tuple[_Text, ...], Field(min_length=1)]


class BundlePin(_Pin):
    """Images built and saved together because they share layers."""

    uses: Annotated[tuple[_Text, ...], Field(min_length=1)]
    images: Annotated[dict[_Text, tuple[_Text, ...]], Field(min_length=1)]
    base: str | None = None


class NodePin(_Pin):
    """The image that a cluster node runs, with every other image unpacked in it."""

    name: _Text
    root: _Text
    uses: tuple[_Text, ...]


class Pins(_Pin):
    """All of the file."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    probe: _Text
    toolchain: Toolchain
    kubernetes: Kubernetes
    go: dict[str, GoPin]
    root: dict[str, RootPin]
    wheels: dict[str, WheelsPin]
    bundle: dict[str, BundlePin]
    on_demand: dict[str, BundlePin]
    node: NodePin

    @model_validator(mode="after")
    def _names_exist(self) -> "Pins":
        known = {f"go.{name}" for name in self.go}
        known |= {f"root.{name}" for name in self.root}
        known |= {f"wheels.{name}" for name in self.wheels}
        users = {f"bundle.{name}": bundle.uses for name, bundle in self.bundle.items()}
        users |= {f"on_demand.{name}": bundle.uses for name, bundle in self.on_demand.items()}
        users["node"] = self.node.uses
        for user, uses in users.items():
            for use in uses:
                if use not in known:
                    raise ValueError(f"{user} uses {use}, which is not pinned")
        bundles = {f"bundle.{name}": bundle for name, bundle in self.bundle.items()}
        bundles |= {f"on_demand.{name}": bundle for name, bundle in self.on_demand.items()}
        for name, bundle in bundles.items():
            if bundle.base is not None and f"root.{bundle.base}" not in bundle.uses:
                raise ValueError(f"{name} has the base {bundle.base} but does not use it")
        if f"root.{self.node.root}" not in self.node.uses:
            raise ValueError(f"node has the root {self.node.root} but does not use it")
        owner: dict[str, str] = {}
        for name, bundle in bundles.items():
            for tag in (tag for tags in bundle.images.values() for tag in tags):
                if tag in owner:
                    raise ValueError(f"{tag} is in {owner[tag]} and in {name}")
                owner[tag] = name
        return self


def load(path: Path) -> Pins:
    """Read the file of pins.

    Raises:
        Unusable: it cannot be read, is not TOML, or holds something unknown or contradictory.
    """
    fix = f"Correct {path}; docs/images.md says what is in it"
    try:
        return Pins.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Unusable(f"The pins {path} cannot be read: {error.strerror}", remedy=fix) from error
    except tomllib.TOMLDecodeError as error:
        raise Unusable(f"The pins {path} are not TOML: {error}", remedy=fix) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise Unusable(
            f"The pins {path} are wrong at {where}: {first['msg']}", remedy=fix
        ) from error
