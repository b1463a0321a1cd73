# SPDX-License-Identifier: Apache-2.0
"""What is closed at the end of a `with` statement, however that ends."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """A resource with `close`, as its own context manager."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the resource."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
