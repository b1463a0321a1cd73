# SPDX-License-Identifier: Apache-2.0
"""A change of one object of the cluster, as a mutant or a check writes it down."""

from typing import Literal

from pydantic import Field, JsonValue

from mlflow_conformance.config.documents import Strict


class ObjectChange(Strict):
    """One object of the cluster: patched (strategic merge), deleted, or added; undone after."""

    kind: str = ""
    name: str = ""
    namespace: str | None = None
    action: Literal["patch", "delete", "add"] = "patch"
    patch: dict[str, JsonValue] = Field(default={})
    patch_type: Literal["strategic", "merge", "json"] = "strategic"
    json_patch: list[dict[str, JsonValue]] = Field(default=[])
    manifest: dict[str, JsonValue] = Field(default={})
