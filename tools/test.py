# SPDX-License-Identifier: Apache-2.0
"""All tests: lint, types, the library's tests, then the gate's smoke tier on a real cluster.

The images are built meanwhile: on a machine with nothing prepared they take longer than all the
rest, and the smoke tier then finds them ready.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STEPS = (
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("library", [sys.executable, "-m", "pytest", "-q", "tests/unit", "tests/static"]),
    ("integration", [sys.executable, "-m", "pytest", "-q", "tests/integration"]),
)


def main() -> int:
    """Run everything; returns the first exit code that is not 0."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - started:6.0f} s] {text}", flush=True)

    # The host check comes first: it installs what both the images and the tests need.
    say("host")
    if code := subprocess.call(["mlflow-conformance", "host"], cwd=ROOT):
        return code
    with tempfile.TemporaryFile() as output:
        say("images: building in the background")
        images = subprocess.Popen(
            ["mlflow-conformance", "images"], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            for name, argv in STEPS:
                say(name)
                if code := subprocess.call(argv, cwd=ROOT):
                    say(f"{name} failed (exit code {code})")
                    return code
            say("images: waiting")
            while images.poll() is None:
                try:
                    images.wait(60)
                except subprocess.TimeoutExpired:
                    output.seek(0)
                    lines = output.read().decode("utf-8", "replace").splitlines()
                    say(f"images: {lines[-1] if lines else 'starting'}")
        finally:
            if images.poll() is None:
                images.terminate()
                images.wait()
        if images.returncode:
            output.seek(0)
            sys.stdout.write(output.read().decode("utf-8", "replace")[-8000:])
            say(f"images failed (exit code {images.returncode})")
            return images.returncode
    say("smoke")
    code = subprocess.call(["mlflow-conformance", "gate", "--tier", "smoke"], cwd=ROOT)
    say("all passed" if code == 0 else f"smoke failed (exit code {code})")
    return code


if __name__ == "__main__":
    sys.exit(main())
