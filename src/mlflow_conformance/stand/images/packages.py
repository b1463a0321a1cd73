# SPDX-License-Identifier: Apache-2.0
"""Steps that fetch packages: Debian root file systems, and wheels for the Python inside them."""

import shlex
import sys
from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.stand.images.pins import RootPin, WheelsPin
from mlflow_conformance.stand.images.steps import Step, Work

_FETCH_S = 1200.0
_LEFT_OUT = (
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/lintian/*",
)


def root_step(name: str, pin: RootPin) -> Step:
    """A minimal Debian with the pinned packages, as ``root.tar``; their versions beside it."""

    def build(work: Work) -> None:
        options = [f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT]
        # Without root mmdebstrap is another user inside, who may not write here: it downloads.
        listing = 'dpkg-query --root="$1" -W -f \'${Package} ${Version}\\n\' >"$1/packages.txt"'
        beside = shlex.quote(f"{work.out}/packages.txt")
        shell.run(
            [
                *("mmdebstrap", "--variant=minbase", f"--include={','.join(pin.packages)}"),
                *options,
                '--aptopt=Acquire::Languages "none"',
                f"--customize-hook={listing}",
                f"--customize-hook=download /packages.txt {beside}",
                '--customize-hook=rm "$1/packages.txt"',
                *(pin.suite, work.out / "root.tar"),
            ],
            timeout_s=_FETCH_S,
            stop=work.stop,
        )

    inputs = {"pin": pin.model_dump_json(), "left out": " ".join(_LEFT_OUT)}
    return Step(f"root.{name}", inputs, build)


def wheels_step(name: str, pin: WheelsPin, *, images: Path) -> Step:
    """The locked wheels in one folder, fetched for the image's interpreter, not for this one."""
    inputs = {"python": pin.python}
    for file in pin.requirements:
        inputs[file] = (images / file).read_text(encoding="utf-8")

    def build(work: Work) -> None:
        shell.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--python-version", pin.python),
                *("--implementation", "cp", "--platform", "manylinux_2_34_x86_64"),
                *("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64"),
                *("--platform", "manylinux2014_x86_64", "--platform", "linux_x86_64"),
                *("--dest", work.out),
                *(word for file in pin.requirements for word in ("-r", images / file)),
            ],
            timeout_s=_FETCH_S,
            stop=work.stop,
        )

    return Step(f"wheels.{name}", inputs, build)


def package_step(version: str) -> Step:
    """The wheel of one version of MLflow, without what it depends on."""

    def build(work: Work) -> None:
        shell.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"),
                *("--only-binary=:all:", "--dest", work.out, f"mlflow=={version}"),
            ],
            timeout_s=_FETCH_S,
            stop=work.stop,
        )

    return Step(f"package.mlflow-{version}", {"version": version}, build)
