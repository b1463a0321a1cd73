# SPDX-License-Identifier: Apache-2.0
"""Signals end a run once, and then let it clean up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that end a run."""


@contextmanager
def ending_once() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt, the first of them alone.

    CI systems send SIGINT and, seconds later, SIGTERM: the second must not break the clean-up that
    the first one started. A signal that the parent chose to ignore (nohup) stays ignored.

    Raises:
        KeyboardInterrupt: a signal came.
    """
    ending = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal ending
        if not ending:
            ending = True
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in ENDING}
    handled = [number for number in ENDING if before[number] is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C, SIGTERM and SIGHUP until the end of the body, children included."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        held.append(number)

    before = {n: signal.signal(n, hold) for n in ENDING}
    try:
        yield
    finally:
        for watched, handler in before.items():
            signal.signal(watched, handler)
        for number in dict.fromkeys(held):
            signal.raise_signal(number)
