# SPDX-License-Identifier: Apache-2.0
"""The file of pins: the one in the repository is right, and a wrong one is refused clearly."""

from dataclasses import fields
from pathlib import Path

import pytest

from mlflow_conformance.config.assets import asset
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import images
from mlflow_conformance.stand.images import pins, pull
from mlflow_conformance.stand.images.golang import go_mod, go_step, staging_replacements
from mlflow_conformance.stand.images.steps import keys

_REAL = "deployment/kind/images/pins.toml"


def _changed(tmp_path: Path, old: str, new: str) -> Path:
    text = asset(_REAL).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "pins.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_the_pins_of_the_repository_make_a_plan() -> None:
    planned = keys(images.plan(images.load_pins(), "build"))
    assert list(planned)[-1] == "node"
    assert len(set(planned.values())) == len(planned)


@pytest.mark.parametrize("mode", ["build", "pull"])
def test_the_plan_makes_every_program_that_the_host_is_promised(mode: pull.Mode) -> None:
    steps = {step.name for step in images.plan(images.load_pins(), mode)}
    assert {f"go.{tool.name}" for tool in fields(images.Tools)} - {"go.kubectl"} <= steps
    assert "go.kube" in steps


@pytest.mark.parametrize("mode", ["build", "pull"])
def test_a_run_builds_no_program_that_tests_alone_need(mode: pull.Mode) -> None:
    planned = images.plan(images.load_pins(), mode)
    assert {step.name for step in planned} - {step.name for step in images.needed(planned)} >= {
        "go.promtool"
    }


def test_a_program_alone_is_built_with_what_it_needs_and_nothing_more() -> None:
    planned = images.plan(images.load_pins(), "build")
    assert [step.name for step in images.needed(planned, ("go.promtool",))] == [
        "toolchain",
        "go.promtool",
    ]


def test_nothing_is_compiled_for_a_bundle_that_is_pulled() -> None:
    planned = images.plan(images.load_pins(), "pull")
    compiled = {step.name for step in images.needed(planned) if step.name.startswith("go.")}
    assert not compiled & {"go.traefik", "go.etcd", "go.coredns", "go.metrics-server"}


def test_every_image_has_a_containerfile_and_every_containerfile_an_image() -> None:
    folder = asset("deployment/kind/images")
    pins = images.load_pins()
    bundles = (*pins.bundle.values(), *pins.on_demand.values())
    pinned = {image for bundle in bundles for image in bundle.images}
    assert pinned == {path.parent.name for path in folder.glob("*/Containerfile")}


@pytest.mark.parametrize("image", ["mlflow", "runner", "program"])
def test_requirements_are_locked_sorted_and_unique(image: str) -> None:
    lines = asset(f"deployment/kind/images/{image}/requirements.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines]
    assert all(line.count("==") == 1 for line in lines)
    assert names == sorted(set(names))


@pytest.mark.parametrize("image", ["runner", "program"])
def test_what_is_added_to_mlflow_replaces_nothing(image: str) -> None:
    locked = [
        {line.partition("==")[0] for line in asset(path).read_text().splitlines()}
        for path in (
            "deployment/kind/images/mlflow/requirements.txt",
            f"deployment/kind/images/{image}/requirements.txt",
        )
    ]
    assert not locked[0] & locked[1]


def test_instrumentations_of_one_program_have_one_version() -> None:
    lines = [
        line
        for image in ("mlflow", "program")
        for line in asset(f"deployment/kind/images/{image}/requirements.txt").read_text().split()
    ]
    versions = {line.partition("==")[2] for line in lines if "-instrumentation" in line}
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "wrong at schema"),
        ("schema = 1", "schema = ", "not TOML"),
        ('version = "v0.33.0"', 'version = "latest"', "wrong at go.kind.version"),
        ('programs = { kind = "sigs.k8s.io/kind" }', "programs = {}", "wrong at go.kind: "),
        ("[go.kind]", "[go.kind]\ncolour = 1", "wrong at go.kind.colour"),
        ('uses = ["go.traefik"]', 'uses = ["go.trafik"]', "uses go.trafik, which is not pinned"),
        ('base = "python"', 'base = "network"', "has the base network but does not use it"),
        ('root = "node"', 'root = "python"', "node has the root python but does not use it"),
        ("docker.io/library/traefik:v3.6.7", "registry.k8s.io/pause:3.10.1", "pause:3.10.1 is in"),
    ],
)
def test_wrong_pins_are_refused_in_one_sentence(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(Unusable, match=message) as caught:
        pins.load(_changed(tmp_path, old, new))
    assert "docs/images.md" in caught.value.remedy


def test_pins_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be read: No such file"):
        pins.load(tmp_path / "pins.toml")


def test_a_changed_version_rebuilds_its_image_and_the_node_alone(tmp_path: Path) -> None:
    before = keys(images.plan(images.load_pins(), "build"))
    changed = pins.load(_changed(tmp_path, 'version = "v3.6.6"', 'version = "v3.6.7"'))
    after = keys(images.plan(changed, "build"))
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"go.etcd", "bundle.static", "node-base", "node"}


def test_a_module_file_has_one_requirement_and_its_replacements() -> None:
    pin = pins.GoPin(
        module="example.com/a",
        version="v1.2.3",
        programs={"a": "."},
        replace={"example.com/b": "example.com/c v1.0.0"},
        godebug="go1.25",
    )
    assert go_mod(pin, {}) == (
        "module build\n\ngo 1.26\n\ngodebug default=go1.25\n\nrequire example.com/a v1.2.3\n\n"
        "replace example.com/b => example.com/c v1.0.0\n"
    )


LINKED = pins.GoPin(
    module="example.com/a",
    version="v1.2.3",
    programs={"a": "."},
    links={"signal_linux.go": "signal_darwin.go"},
)


def test_a_module_with_links_is_built_from_a_copy_that_has_them() -> None:
    assert go_mod(LINKED, {}).endswith("replace example.com/a => ./module\n")


def test_only_a_pin_with_links_says_so_to_the_cache(tmp_path: Path) -> None:
    """Programs that were built before there were any are not built again."""
    without = LINKED.model_copy(update={"links": {}})
    said = [
        go_step("a", pin, images=tmp_path, cache=tmp_path).inputs["pin"]
        for pin in (LINKED, without)
    ]
    assert ["links" in text for text in said] == [True, False]


def test_staging_modules_get_the_release_of_their_kubernetes() -> None:
    text = "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tk8s.io/x => ../x\n)\n"
    assert staging_replacements(text, "v1.35.4") == {"k8s.io/api": "k8s.io/api v0.35.4"}
