# SPDX-License-Identifier: Apache-2.0
"""The processes of a container that serve MLflow's requests."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from mlflow_conformance.cluster.kube import Kube

_COMMAND_LINES = """
import json, os, pathlib
lines = []
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    if path.parent.name == str(os.getpid()):
        continue
    try:
        lines.append(path.read_bytes().decode(errors="replace").split(chr(0)))
    except OSError:
        continue  # it has just ended
print(json.dumps(lines))
"""
_SPAWNED = "--multiprocessing-fork"
_APPLICATION = ("fastapi_app", "uvicorn")
_GUNICORN = "gunicorn"
_TITLE = "gunicorn: "


def workers(kube: Kube, pod: str, container: str) -> int:
    """How many processes serve in a container, which has Python.

    Raises:
        KubeFailed: it cannot be looked into.
    """
    return serving(kube.exec_json(pod, "python", "-c", _COMMAND_LINES, container=container))


def serving(command_lines: Sequence[Sequence[str]]) -> int:
    """How many of these processes serve.

    With one worker uvicorn serves in its own process. With more it spawns them by
    multiprocessing, and one more process that only tracks their resources. With gunicorn a process
    of the same command line, or of a title that says so, looks after those that serve.
    """
    if titled := [c for c in command_lines if c and c[0].startswith(_TITLE)]:
        return sum(c[0].startswith(f"{_TITLE}worker") for c in titled)
    if gunicorn := [c for c in command_lines if any(PurePath(w).name == _GUNICORN for w in c[:3])]:
        return len(gunicorn) - 1
    spawned = [c for c in command_lines if _SPAWNED in c]
    if spawned:
        return len(spawned)
    return sum(all(any(w in word for word in c) for w in _APPLICATION) for c in command_lines)


_FLAG = re.compile(
    r"(?P<flag>(?<!\S)(?:--workers(?:=|\s+)|-w\s*))"
    r"(?P<number>\d+|\"\d+\"|\"?\$(?:\w+|\(\w+\)|\{\w+\})\"?)(?!\S)"
)
"""As people type it, in one word or two, or somewhere in a line for a shell; a variable as well."""
_FLAGS = ("--workers", "-w")


def with_workers(container: Mapping[str, Any], number: int) -> dict[str, list[str]]:
    """What of a container's `command` and `args` sets its workers, with another number.

    Empty when neither does: then the environment decides.
    """
    words = {field: list(container.get(field) or []) for field in ("command", "args")}
    # A flag may be the last word of the command, and its number the first of the arguments.
    places = [(field, at) for field, found in words.items() for at in range(len(found))]
    changed: set[str] = set()
    for before, (field, at) in zip([None, *places], places, strict=False):
        word = words[field][at]
        said = words[before[0]][before[1]] if before else ""
        made = str(number) if said in _FLAGS else _FLAG.sub(rf"\g<flag>{number}", word)
        if made != word:
            words[field][at] = made
            changed.add(field)
    return {field: words[field] for field in sorted(changed)}
