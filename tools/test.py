# SPDX-License-Identifier: Apache-2.0
"""All tests: lint, types, the library's tests, then the gate's smoke tier on a real cluster.

The images are built meanwhile: on a machine with nothing prepared they take longer than all the
rest, and the smoke tier then finds them ready.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

STARTED = time.monotonic()
ROOT = Path(__file__).resolve().parents[1]
PYTEST = (sys.executable, "-m", "pytest", "-q")
# A process for each core, and none of them waits for the slowest test of another.
ON_EVERY_CORE = ("--numprocesses=auto", "--dist=worksteal")
# The tests of a file share servers, which take longer to start than most tests.
FILE_BY_FILE = ("--numprocesses=auto", "--dist=loadfile")
LOAD = "tests/integration/load"
"""Senders that must be in time: beside others they are late, and decide nothing."""
WHILE_IMAGES_ARE_BUILT = (
    ("format", ("ruff", "format", "--check", ".")),
    ("lint", ("ruff", "check", ".")),
    ("layers", ("lint-imports", "--no-cache")),
    ("types", ("mypy",)),
    ("library", (*PYTEST, "tests/unit", *ON_EVERY_CORE)),
)
WITH_IMAGES = (
    # The static tier needs the helm, the integration tests the MinIO that were built.
    ("static", (*PYTEST, "tests/static", *ON_EVERY_CORE)),
    ("integration", (*PYTEST, "tests/integration", f"--ignore={LOAD}", *FILE_BY_FILE)),
    ("load", (*PYTEST, LOAD)),
    ("smoke", ("mlflow-conformance", "gate", "--tier", "smoke")),
)
NEEDED = {
    # The integration tests run it as a process of their own.
    "/usr/lib/postgresql/15/bin/postgres": "postgresql-15",
    # The static tier lints shell with it.
    "/usr/bin/shellcheck": "shellcheck",
}
"""Debian packages by a file of each."""


TOOK: dict[str, float] = {}
"""Seconds by what was run."""


def say(text: str) -> None:
    """Progress with the time since the start."""
    print(f"[{time.monotonic() - STARTED:6.0f} s] {text}", flush=True)


def main() -> int:
    """Run everything, and say what each part took; returns the first exit code that is not 0."""
    code = everything()
    for name, seconds in TOOK.items():
        say(f"{name:<20} {seconds:6.0f} s")
    if code == 0:
        say("all passed")
    return code


def everything() -> int:
    """Run everything; returns the first exit code that is not 0."""
    # The host check comes first: it installs what both the images and the tests need.
    say("host")
    with timed("host"):
        code = call(("mlflow-conformance", "host")) or packages()
    if code:
        return code
    with tempfile.TemporaryFile() as output:
        say("images: building in the background")
        images = subprocess.Popen(
            ["mlflow-conformance", "images"], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            if code := steps(WHILE_IMAGES_ARE_BUILT):
                return code
            with timed("waiting for images"):
                while images.poll() is None:
                    say(f"images: waiting: {last_line(output)}")
                    try:
                        images.wait(60)
                    except subprocess.TimeoutExpired:
                        continue
        finally:
            if images.poll() is None:
                images.terminate()
                images.wait()
        if images.returncode:
            output.seek(0)
            sys.stdout.write(output.read().decode("utf-8", "replace")[-8000:])
            say(f"images failed (exit code {images.returncode})")
            return images.returncode
        say(f"images: {last_line(output)}")
    return steps(WITH_IMAGES)


def steps(named: Sequence[tuple[str, Sequence[str]]]) -> int:
    """Run one after the other; returns the first exit code that is not 0."""
    for name, argv in named:
        say(name)
        with timed(name):
            code = call(argv)
        if code:
            say(f"{name} failed (exit code {code})")
            return code
    return 0


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Keep how long something took."""
    began = time.monotonic()
    try:
        yield
    finally:
        TOOK[name] = time.monotonic() - began


def call(argv: Sequence[str]) -> int:
    """Run a program in the checkout; returns its exit code."""
    return subprocess.call(argv, cwd=ROOT)


def packages() -> int:
    """Install what the tests need besides."""
    missing = [package for file, package in NEEDED.items() if not Path(file).exists()]
    if not missing:
        return 0
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing {' and '.join(missing)}")
        return call(("apt-get", "update", "-qq")) or call(install)
    say(f"Missing: {', '.join(missing)}. Run as root: {' '.join(install)}")
    return 3


def last_line(output: IO[bytes]) -> str:
    """The last line that was written to a file."""
    output.seek(0)
    lines = output.read().decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else "starting"


if __name__ == "__main__":
    sys.exit(main())
