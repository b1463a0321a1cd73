# SPDX-License-Identifier: Apache-2.0
"""Which backups stay, and which to plant in order to see it without endangering any real one."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, model_validator

from mlflow_conformance.config.documents import Strict

Planted = Literal["good", "unfinished", "lying"]
"""A backup with its manifest, a dump without one, a dump whose manifest gives another size."""

_DAY = timedelta(days=1)


class Rule(Strict):
    """How long backups stay: the newest so many, or so many days; exactly one of the two."""

    keep: int | None = Field(default=None, ge=1, description="the newest so many stay")
    days: float | None = Field(default=None, gt=0, description="days for which they stay")

    @model_validator(mode="after")
    def _one(self) -> "Rule":
        if (self.keep is None) == (self.days is None):
            raise ValueError("a rule has either keep or days")
        return self

    def staying(self, good: Iterable[datetime], now: datetime) -> set[datetime]:
        """Which good backups stay; the newest one does however old it is."""
        newest_first = sorted(good, reverse=True)
        if self.keep is not None:
            return set(newest_first[: self.keep])
        assert self.days is not None
        limit = now - self.days * _DAY
        return {t for t in newest_first if t >= limit} | set(newest_first[:1])

    def going(
        self, planted: Mapping[datetime, Planted], good: Iterable[datetime], now: datetime
    ) -> set[datetime]:
        """Which backups go: good ones that do not stay, and planted ones that failed before these.

        Args:
            good: all good ones, with those that were planted.
        """
        good = set(good)
        staying = self.staying(good, now)
        failed = {t for t, kind in planted.items() if kind != "good" and t < min(staying)}
        return (good - staying) | failed

    def plants(self, existing: Iterable[datetime], now: datetime) -> Mapping[datetime, Planted]:
        """Backups to plant, so that the rule has something to delete and something to spare.

        Those of a rule that counts are all older than the oldest real one: they are the first to
        go, and no real backup goes on their account.
        """
        now = now.replace(microsecond=0)
        if self.keep is not None:
            oldest = min([*existing, now])
            # What failed is younger than what is good: counted, it would push a good one out.
            failed: dict[datetime, Planted] = {
                oldest - 1 * _DAY: "lying",
                oldest - 2 * _DAY: "unfinished",
            }
            good: dict[datetime, Planted] = {
                oldest - (3 + n) * _DAY: "good" for n in range(self.keep + 1)
            }
            return {**failed, **good, oldest - (4 + self.keep) * _DAY: "unfinished"}
        assert self.days is not None
        return {
            now - (self.days - 1) * _DAY: "good",
            now - (self.days - 0.5) * _DAY: "lying",
            now - (self.days + 1) * _DAY: "good",
            now - (self.days * 13) * _DAY: "good",
            now - (self.days * 13 + 1) * _DAY: "unfinished",
        }
