# SPDX-License-Identifier: Apache-2.0
"""Shell that Jobs, pods and users run, linted by shellcheck."""

import subprocess
from pathlib import Path

import pytest

from mlflow_conformance.config import assets

ROOT = assets.root()
SHELLS = (b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash")
LINT = (
    *("shellcheck", "--severity=warning", "--external-sources", "--source-path=SCRIPTDIR"),
    # Counters of loops, and what the functions of a sourced file read.
    "--exclude=SC2034",
)
INLINE = (
    "/bin/sh, -c",
    "/bin/bash, -c",
    "[sh, -c",
    "[bash, -c",
    '"sh", "-c"',
    "- sh\n",
    "- bash\n",
)


def scripts() -> list[Path]:
    """Every shell script of the deployments and of CI, and the two that start everything."""
    files = [p for part in ("deployment", "docs") for p in (ROOT / part).rglob("*") if p.is_file()]
    files += [ROOT / "toxw", ROOT / ".ci" / "run"]
    return sorted(p for p in files if p.read_bytes().startswith(SHELLS))


@pytest.mark.parametrize("script", scripts(), ids=lambda p: str(p.relative_to(ROOT)))
def test_scripts_are_sound(script: Path) -> None:
    done = subprocess.run([*LINT, script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_an_unsound_script_is_noticed(tmp_path: Path) -> None:
    script = tmp_path / "careless"
    script.write_text("#!/bin/sh\ncd $1 && rm -rf $2/*\nlocal x\n")
    assert subprocess.run([*LINT, script], capture_output=True, check=False).returncode == 1


def test_shell_is_in_files_and_not_in_manifests() -> None:
    """A script within a manifest would escape the linter, and the reviewer."""
    found = [
        str(path.relative_to(ROOT))
        for part in ("eks", "k3d")
        for path in (ROOT / "deployment" / part).rglob("*.yaml")
        if path.name != "commands.yaml" and any(w in path.read_text() for w in INLINE)
    ]
    assert found == []
