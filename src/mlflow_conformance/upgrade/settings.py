# SPDX-License-Identifier: Apache-2.0
"""What B makes of the command line and of the environment that A is configured with."""

from collections.abc import Collection, Mapping, Sequence

from pydantic import JsonValue

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.upgrade.models import Python
from mlflow_conformance.upgrade.scripts import SERVER_SETTINGS


class Option(Strict):
    """An option of `mlflow server`."""

    default: JsonValue
    deprecated: bool


class VersionSettings(Strict):
    """What one version knows, and what it makes of a configuration; see `server_settings`."""

    version: str
    options: dict[str, Option]
    used: list[str]
    refused: str | None
    set: list[str]
    variables: dict[str, JsonValue]
    mentioned: list[str]

    def reads(self, variable: str) -> bool:
        """Whether a variable has any meaning to this version."""
        return variable in self.variables or variable in self.mentioned

    @property
    def deprecated(self) -> list[str]:
        """The options of the configuration that this version calls deprecated."""
        return sorted(n for n in {*self.used} if n in self.options and self.options[n].deprecated)


def settings_of(python: Python, words: Sequence[str]) -> VersionSettings:
    """What a version makes of a command line, in the environment that its Python runs in.

    Raises:
        Undecided: it does not tell.
    """
    try:
        return VersionSettings.model_validate(python.run(SERVER_SETTINGS, {"words": list(words)}))
    except ValueError as problem:
        raise Undecided(f"the settings of a version cannot be read: {problem}") from problem


def unread(a: VersionSettings, b: VersionSettings, known: Collection[str]) -> list[str]:
    """Variables of A's environment that B does not read, but for those that are known.

    One that A does not read either has never done anything, and is told apart.
    """
    return [
        name if a.reads(name) else f"{name} (nor does the old one)"
        for name in a.set
        if not b.reads(name) and name not in known
    ]


def other_defaults(a: VersionSettings, b: VersionSettings) -> dict[str, JsonValue]:
    """Defaults that are others in B, of what A's configuration leaves to its default."""
    options: Mapping[str, JsonValue] = {n: o.default for n, o in a.options.items()}
    found: dict[str, JsonValue] = {}
    for name, before in {**options, **a.variables}.items():
        if name in a.used or name in a.set:
            continue
        after = b.options[name].default if name in b.options else b.variables.get(name, before)
        if after != before:
            found[name] = [before, after]
    return found
