# SPDX-License-Identifier: Apache-2.0
"""Which file a context is in, where KUBECONFIG names several."""

import os
from pathlib import Path
from typing import Any

from mlflow_conformance.config.yaml_text import NotYaml, parse
from mlflow_conformance.core.errors import Unusable

_DEFAULT = "~/.kube/config"


def kubeconfig_of(named: Path | None, context: str | None) -> Path:
    """The kubeconfig with a context: the one that is named, or of those in KUBECONFIG.

    Of several the first one counts that has the context, as for kubectl. The file is used as it is,
    so that no copy of its keys is made.

    Raises:
        Unusable: none of several has it, or what the context needs is in different ones.
    """
    if named is not None:
        return named.expanduser()
    paths = [Path(p).expanduser() for p in os.environ.get("KUBECONFIG", "").split(os.pathsep) if p]
    if len(paths) < 2 or context is None:
        return paths[0] if paths else Path(_DEFAULT).expanduser()
    files = {path: _read(path) for path in paths}
    for path, file in files.items():
        found = next((c for c in _entries(file, "contexts") if c.get("name") == context), None)
        if found is None:
            continue
        refers = found.get("context") or {}
        whole = all(
            any(e.get("name") == refers.get(key) for e in _entries(file, f"{key}s"))
            for key in ("cluster", "user")
        )
        if whole:
            return path
        raise Unusable(
            f"The context {context!r} is in {path}, and its cluster or user in another kubeconfig",
            remedy="Merge them with `kubectl config view --flatten --raw`, and name that file with "
            "--kubeconfig",
        )
    raise Unusable(
        f"None of the kubeconfigs {', '.join(map(str, paths))} has the context {context!r}",
        remedy="List the contexts with `kubectl config get-contexts`",
    )


def contexts_in(path: Path) -> list[str]:
    """The contexts of a kubeconfig by name, as far as it can be read."""
    return [str(found["name"]) for found in _entries(_read(path), "contexts") if "name" in found]


def _read(path: Path) -> dict[str, Any]:
    """What a file holds; nothing for one that cannot be read, which kubectl passes over as well."""
    try:
        found = parse(path.read_bytes()).data
    except (OSError, NotYaml):
        return {}
    return found if isinstance(found, dict) else {}


def _entries(file: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = file.get(key)
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else []
