# SPDX-License-Identifier: Apache-2.0
"""How long it takes until something that was changed at one replica holds at all of them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.security.accounts import Account, Ask, signed

_TIMEOUT = "login settled"


def statuses(api: MlflowApi, asks: Mapping[str, Ask]) -> dict[str, int]:
    """What a door answers, by the request.

    Raises:
        NoReply: it does not.
    """
    return {what: ask(api).status for what, ask in asks.items()}


@dataclass(frozen=True)
class Settling:
    """Looks at every replica until all say the same.

    Attributes:
        replicas: by their URLs.
        limit_s: the longest time that the row allows, seconds.
    """

    evidence: Evidence
    waiter: Waiter
    replicas: Mapping[str, MlflowApi]
    limit_s: float

    def __post_init__(self) -> None:
        """Refuse a row that allows more than is watched.

        Raises:
            Undecided: what took too long could not be told from what took long.
        """
        watched = self.waiter.seconds(_TIMEOUT)
        if self.limit_s >= watched:
            raise Undecided(
                f"a change is watched for {watched:.0f} s, and the row allows {self.limit_s:.0f} s"
            )

    def asked(self, asks: Mapping[str, Ask]) -> list[str]:
        """What `everywhere` calls requests at every replica."""
        return [f"{what} at {url}" for url in self.replicas for what in asks]

    def everywhere(self, user: Account, asks: Mapping[str, Ask]) -> dict[str, int]:
        """What every replica says to a user, by the request and the replica.

        Raises:
            NoReply: one does not answer.
        """
        return {
            f"{what} at {url}": status
            for url, api in self.replicas.items()
            for what, status in statuses(signed(api, user.authorization), asks).items()
        }

    def seconds(self, what: str, user: Account, asks: Mapping[str, Ask], status: int) -> float:
        """How long it takes until every replica answers all requests of a user by one status.

        Counted to when the look began that saw it so. What was seen last is noted when they never
        do; the seconds are then more than any row allows.

        Raises:
            NoReply: one does not answer.
        """
        start = looked = time.monotonic()

        def look() -> dict[str, int]:
            nonlocal looked
            looked = time.monotonic()
            return self.everywhere(user, asks)

        try:
            self.waiter.until(
                f"so at every replica: {what}",
                look,
                done=lambda seen: set(seen.values()) == {status},
                timeout=_TIMEOUT,
            )
        except TimedOut as late:
            self.evidence.note(str(late.args[0]), late.last, door="inside")
            return max(self.waiter.seconds(_TIMEOUT), round(looked - start, 1))
        return round(looked - start, 1)
