# SPDX-License-Identifier: Apache-2.0
"""What the installed MLflow makes of a server's command line and of the environment it runs in.

Argument: ``{"words": […]}``, the command of the server's container with its arguments. Prints

- ``options``: of `mlflow server`, by each of their names: default, and whether it is deprecated;
- ``used``: the names of the options that the command line has;
- ``refused``: what MLflow's own parser says against the command line and the environment, or null;
- ``set``: the names of MLflow's variables that are set here;
- ``variables``: those that this version knows, by name, with their defaults;
- ``mentioned``: those that stand anywhere in its source.

Values of the environment stay here, for they may be secrets.
"""

import json
import math
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import click
import mlflow
from mlflow import environment_variables
from mlflow.cli import server

_NAME = re.compile(rb"\bMLFLOW_[A-Z0-9_]*[A-Z0-9]\b")
_DEPRECATED = re.compile(r"\bdeprecated\b", re.IGNORECASE)


def _command(words: list[str]) -> list[str]:
    """The words after `mlflow server`, with the variables in them put in."""
    told = [word.replace("$(", "${").replace(")", "}") if "$(" in word else word for word in words]
    told = [os.path.expandvars(word) for word in told]
    if "-c" in told and told[0].rpartition("/")[2] in ("sh", "bash", "ash", "dash"):
        told = shlex.split(told[told.index("-c") + 1])
    return told[told.index("server") + 1 :] if "server" in told else []


def _parsed(arguments: list[str]) -> tuple[list[str], str | None]:
    """Which options the command line has, and what the parser says against it."""
    names = {name for option in server.params for name in (*option.opts, *option.secondary_opts)}
    used = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    try:
        server.make_context("server", list(arguments))
    except click.ClickException as problem:
        return used, problem.format_message()
    except click.exceptions.Exit as ended:
        return used, f"it ends with exit code {ended.exit_code}"
    unknown = [name for name in used if name.startswith("--") and name not in names]
    return used, f"no such option: {', '.join(unknown)}" if unknown else None


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no number for it
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _options() -> dict[str, Any]:
    found = {}
    for option in server.params:
        text = getattr(option, "help", "") or ""
        deprecated = bool(getattr(option, "deprecated", False)) or bool(_DEPRECATED.search(text))
        for name in (*option.opts, *option.secondary_opts):
            found[name] = {"default": _plain(option.default), "deprecated": deprecated}
    return found


def _variables() -> dict[str, Any]:
    found = {
        str(one.name): _plain(getattr(one, "default", None))
        for one in vars(environment_variables).values()
        if hasattr(one, "name") and hasattr(one, "get")
    }
    for option in server.params:
        names = option.envvar if isinstance(option.envvar, (list, tuple)) else [option.envvar]
        found.update({name: _plain(option.default) for name in names if name})
    return found


def _mentioned() -> list[str]:
    names: set[bytes] = set()
    for path in Path(mlflow.__file__).parent.rglob("*.py"):
        names.update(_NAME.findall(path.read_bytes()))
    return sorted(name.decode() for name in names)


_used, _refused = _parsed(_command(json.loads(sys.argv[1])["words"]))
print(
    json.dumps(
        {
            "version": mlflow.__version__,
            "options": _options(),
            "used": _used,
            "refused": _refused,
            "set": sorted(name for name in os.environ if _NAME.fullmatch(name.encode())),
            "variables": _variables(),
            "mentioned": _mentioned(),
        }
    )
)
