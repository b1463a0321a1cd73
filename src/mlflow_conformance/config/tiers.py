# SPDX-License-Identifier: Apache-2.0
"""The tiers of a run: three that hold all of the cheaper ones, and the upgrade by itself."""

from typing import Final, Literal

Tier = Literal["smoke", "gate", "thorough", "upgrade"]

UPGRADE: Final = "upgrade"
"""Its checks change the version that is deployed, so that no other tier may hold them."""

_CHEAPEST_FIRST: tuple[Tier, ...] = ("smoke", "gate", "thorough")


def holds(tier: Tier, row: Tier) -> bool:
    """Whether a run of a tier runs the rows of another one."""
    if UPGRADE in (tier, row):
        return tier == row
    return _CHEAPEST_FIRST.index(row) <= _CHEAPEST_FIRST.index(tier)
