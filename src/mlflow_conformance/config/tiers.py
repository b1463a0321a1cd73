# SPDX-License-Identifier: Apache-2.0
"""The tiers of a run, each with all that the cheaper ones have."""

from typing import Literal

Tier = Literal["smoke", "gate", "thorough"]

ORDER: dict[Tier, int] = {"smoke": 0, "gate": 1, "thorough": 2}
"""The cheapest first."""
