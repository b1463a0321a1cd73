# SPDX-License-Identifier: Apache-2.0
"""The form of a row's thresholds: a model for each check, which the profile is read against.

Each family has its models in ``thresholds.py`` of its folder, in a mapping ``THRESHOLDS`` by the
check's ID. A field says in its description what it bounds and in which unit. A bound that a
profile may do without has the type ``… | None`` and no default: the row then says ``null``, since a
bound that is merely missing could be a typo.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from mlflow_conformance.config.documents import Strict

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, 0 to 1."""
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A time, seconds."""
Count = Annotated[int, Field(ge=0)]
"""How many."""


class Thresholds(Strict):
    """The thresholds of one check's row. A check without any has this one."""

    def idle(self) -> Sequence[str]:
        """Bounds that can never be the one that breaks, for another always breaks first; and why.

        Each is a sentence. It tells what follows from the numbers alone.
        """
        return ()


Model = TypeVar("Model", bound=Thresholds)
Registry = Mapping[str, type[Thresholds]]
"""The model of each check, by its ID."""
