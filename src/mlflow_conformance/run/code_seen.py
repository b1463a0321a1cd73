# SPDX-License-Identifier: Apache-2.0
"""Which code a mutant was tried with: the whole suite's, and what it and its check are made of."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mlflow_conformance import __version__
from mlflow_conformance.config import assets
from mlflow_conformance.config.families import FOLDERS, prefix_of
from mlflow_conformance.core import shell

_PACKAGE = Path(__file__).resolve().parents[1]
_SHORT = 16
_GIT_S = 20


def suite_code() -> str:
    """The commit of this suite, with `-dirty` when something is changed; its version elsewhere."""
    root = assets.root()
    if not (root / ".git").exists():
        return __version__
    try:
        words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
        return shell.run(words, timeout_s=_GIT_S).stdout.strip()
    except (shell.CommandFailed, OSError):
        return __version__


def digest(mutant: str, check_id: str) -> str:
    """Of a mutant's own folder, and of the checks and the modules of its check's family."""
    found = hashlib.sha256(_family(check_id).encode())
    for folder in sorted((assets.root() / "mutants").glob(f"*/{mutant}")):
        for path in _files(folder):
            found.update(path.read_bytes())
    return found.hexdigest()[:_SHORT]


def _of_folder(folder: Path) -> str:
    found = hashlib.sha256()
    for path in _files(folder):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def _family(check_id: str) -> str:
    name = FOLDERS.get(prefix_of(check_id), "")
    folders = (assets.root() / "suites" / name, _PACKAGE / name) if name else ()
    return " ".join(_of_folder(folder) for folder in folders)


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
