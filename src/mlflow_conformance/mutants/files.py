# SPDX-License-Identifier: Apache-2.0
"""Files of a deployment changed in a copy: what a check installs from it is broken on purpose."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.mutants.mutant import FileChange, ScriptChange
from mlflow_conformance.target.base import Target

_FOLDER = "deployment"


@contextmanager
def edited(target: Target, changes: Sequence[FileChange]) -> Iterator[Target]:
    """The target, whose `root` is a copy with these changes for as long as the context lasts.

    Raises:
        Unusable: a change does not fit the files.
    """
    with TemporaryDirectory(prefix="mlflow-conformance-") as made:
        root = Path(made)
        shutil.copytree(target.root / _FOLDER, root / _FOLDER)
        for change in changes:
            _edit(root / _FOLDER / change.path, change)
        yield replace(target, root=root)


def _edit(path: Path, change: FileChange) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise Unusable(
            f"{_FOLDER}/{change.path} cannot be changed: {problem.strerror}",
            remedy="Correct the path in the mutant",
        ) from problem
    path.write_text(once(text, change, f"{_FOLDER}/{change.path}"), encoding="utf-8")


def once(text: str, change: FileChange | ScriptChange, where: str) -> str:
    """A text in which a change's one place is changed.

    Args:
        where: the text's name, for people.

    Raises:
        Unusable: what is to be changed is not in it exactly once.
    """
    found = text.count(change.find)
    if found != 1:
        raise Unusable(
            f"{change.find!r} is {found} times in {where}, and not once",
            remedy="Correct the text in the mutant",
        )
    return text.replace(change.find, change.put)
