# SPDX-License-Identifier: Apache-2.0
"""The manifests that a documented line prints."""

from typing import Any

from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.core.brevity import ending
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.stand.deploy.rendered import NotSound, objects

_RENDER_S = 60.0


def printed(prompt: Terminal, line: str, namespace: str, key: str) -> list[dict[str, Any]]:
    """The manifests that a line of the profile prints.

    Args:
        key: where the profile has the line, such as ``names.tracing.objects``.

    Raises:
        Undecided: the line failed, or printed no manifests.
        CommandFailed: it did not end in time.
    """
    done = prompt.run(line.replace("{namespace}", namespace), within_s=_RENDER_S)
    if done.code != 0:
        raise Undecided(f"{key} ended with exit code {done.code}: {ending(done.stderr)}")
    try:
        return objects(done.stdout)
    except NotSound as problem:
        raise Undecided(f"{key} printed no manifests: {problem}") from None
