# SPDX-License-Identifier: Apache-2.0
"""What others said, as short as a person reads it: servers, databases, object stores, programs.

An error of MLflow may quote a whole SQL statement with hundreds of parameters. Whatever prints or
keeps such words asks here how much of them.
"""

import re

READABLE = 300
"""Characters of one sentence of others."""
REASON = 600
"""Characters of a verdict's reason, which has some of ours around those of others."""
ENDING = REASON - 150
"""Characters of a program's last words, which have what was asked of it before them."""
KEPT = 4000
"""Characters of what is kept of it in the evidence."""
_LINES = 400
_ENDS = re.compile(r"(?<=[.!?;])\s+|\s*\n\s*|\s+(?=\[SQL: )")
_BLANK = re.compile(r"\s+")
_CUT = re.compile(r" … \(([\d,]+) more characters\)$")


def brief(said: str, most: int = READABLE) -> str:
    """A text in one line of at most `most` characters, with how much of it is left out.

    What is too long ends with the last sentence or line that fits; in the middle of one, between
    two words, where that leaves less than a fifth. Of a text that was cut before, all is counted.
    """
    whole = said.strip()
    if len(told := one_line(whole)) <= most:
        return told
    left = 0
    if before := _CUT.search(whole):
        left, whole = int(before[1].replace(",", "")), whole[: before.start()]
    room = most - len(_left_out(left + len(whole)))
    for ends in (_ENDS, _BLANK):
        found = [end.start() for end in ends.finditer(whole, 0, room)]
        if found and found[-1] >= most // 5:
            room = found[-1]
            break
    return one_line(whole[:room]) + _left_out(left + len(whole) - room)


def ending(said: str, most: int = ENDING) -> str:
    """The end of a text in one line of at most `most` characters, with how much is before it.

    For programs and tracebacks, which say at their end what is wrong. What is too long begins with
    the first sentence or line that fits; in the middle of one, between two words, where that
    leaves less than a fifth.
    """
    whole = said.strip()
    if len(told := one_line(whole)) <= most:
        return told
    start = len(whole) - most + len(_before(len(whole)))
    for ends in (_ENDS, _BLANK):
        found = ends.search(whole, start)
        if found and len(whole) - found.end() >= most // 5:
            start = found.end()
            break
    return _before(start) + one_line(whole[start:])


def cut(text: str, most: int) -> str:
    """A text of at most `most` characters, cut anywhere, with a mark where it was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(text: str, most: int) -> str:
    """A text of at most `most` characters, cut anywhere, with how much of it is left out.

    Where that would take half of the room, it is `cut`.
    """
    if len(text) <= most:
        return text
    room = most - len(_left_out(len(text)))
    if room < most // 2:
        return cut(text, most)
    return text[:room] + _left_out(len(text) - room)


def brief_lines(said: str) -> str:
    """The last lines of a text, such as a traceback, each of them brief."""
    lines = said.splitlines()
    told = [line if len(line) <= REASON else brief(line, REASON) for line in lines[-_LINES:]]
    if len(lines) > _LINES:
        told.insert(0, f"… ({len(lines) - _LINES:,} lines before)")
    return "\n".join(told)


def one_line(text: str) -> str:
    """Text without line breaks and runs of blanks."""
    return " ".join(text.split())


def _before(characters: int) -> str:
    return f"({characters:,} characters before) … "


def _left_out(characters: int) -> str:
    return f" … ({characters:,} more characters)"
