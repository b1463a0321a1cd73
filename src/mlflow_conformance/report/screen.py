# SPDX-License-Identifier: Apache-2.0
"""What is printed on a terminal, as text."""

from collections.abc import Iterable
from io import StringIO

from rich.console import Console, RenderableType


def printed(parts: Iterable[RenderableType], *, width: int, color: bool) -> str:
    """The parts below each other, without the blanks at the ends of lines.

    Args:
        width: columns of the terminal.
        color: with ANSI colours; the words say the same without.
    """
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())
