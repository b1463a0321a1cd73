# SPDX-License-Identifier: Apache-2.0
"""A sender with nothing behind it, for tests of what is made of a reply."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow_conformance.doors.http import Reply


@dataclass(frozen=True)
class Asked:
    """A request as it was sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


@dataclass(frozen=True)
class Always:
    """Gives every request the same reply, and remembers what it was asked.

    Attributes:
        body: bytes and texts as they are, anything else as JSON.
    """

    status: int = 200
    body: object = b"{}"
    asked: list[Asked] = field(default_factory=list)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
    ) -> Reply:
        self.asked.append(Asked(method, url, headers, body))
        return Reply(self.status, {}, self._content(), 0.1)

    def _content(self) -> bytes:
        match self.body:
            case bytes(content):
                return content
            case str(text):
                return text.encode()
            case _:
                return json.dumps(self.body).encode()
