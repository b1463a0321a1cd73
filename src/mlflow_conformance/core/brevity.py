# SPDX-License-Identifier: Apache-2.0
"""What others said, as short as a person reads it: servers, databases, object stores, programs."""

import re

READABLE = 300
"""Characters of one sentence that is printed."""
KEPT = 4000
"""Characters of what is written into the evidence."""
_ENDS = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*|\s+(?=\[SQL: )")


def brief(said: str, most: int = READABLE) -> str:
    """A text in one line of at most `most` characters, with how much of it is left out.

    What is too long ends with the last sentence or line that fits, and in the middle of one only
    where that leaves less than a fifth: an error of MLflow may quote a whole SQL statement with
    hundreds of parameters.
    """
    whole = said.strip()
    if len(told := _one_line(whole)) <= most:
        return told
    room = most - len(_left_out(len(whole)))
    ends = [found.start() for found in _ENDS.finditer(whole, 0, room)]
    end = ends[-1] if ends and ends[-1] >= most // 5 else room
    return _one_line(whole[:end]) + _left_out(len(whole) - end)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _left_out(characters: int) -> str:
    return f" … ({characters:,} more characters)"
