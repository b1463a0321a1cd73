# SPDX-License-Identifier: Apache-2.0
"""Operations as their clients saw them."""

from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Outcome = Literal["acknowledged", "refused", "open"]
"""What is known of an operation: it took effect, it did not, or nobody can tell."""


@dataclass(frozen=True)
class Operation:
    """One operation of one client.

    Attributes:
        client: who did it; one client does one operation at a time.
        key: what it is about; invariants hold per key.
        kind: ``write``, ``add``, ``increment``, ``read`` … as the invariant needs.
        value: what was written.
        invoked_ns: when it began, on the monotonic clock of the machine.
        returned_ns: when its outcome was known, or None while it is open.
        result: what the server said.
    """

    client: str
    key: str
    kind: str
    value: JsonValue
    invoked_ns: int
    returned_ns: int | None = None
    outcome: Outcome = "open"
    result: JsonValue = None

    @property
    def acknowledged(self) -> bool:
        """The server said that it took effect."""
        return self.outcome == "acknowledged"
