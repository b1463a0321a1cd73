# SPDX-License-Identifier: Apache-2.0
"""What Docker's builder lacks: commands that see folders of this machine, or that may mount.

They run in a container, and so do the copies before them: what a command removes of them is then in
no layer at all, and nobody who unpacks the image meets a whiteout. What comes before and after goes
through the builder.
"""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

CONTEXT = "/context"
"""Where the container sees the context."""


@dataclass(frozen=True)
class Recipe:
    """A Containerfile in three parts.

    Args:
        first: a Containerfile for the builder.
        script: what runs in a container of that image, for sh.
        last: instructions for what the container then is.
    """

    first: str
    script: str
    last: str


def recipe(text: str) -> Recipe | None:
    """Take a Containerfile apart at its one RUN; None where nothing runs in it.

    Raises:
        ValueError: it has several, several stages, or copies what cannot be copied by sh.
    """
    lines = _instructions(text)
    runs = [number for number, (word, _) in enumerate(lines) if word == "RUN"]
    if not runs:
        return None
    if len(runs) != 1 or sum(word == "FROM" for word, _ in lines) != 1:
        raise ValueError("one RUN and one FROM are wanted in a Containerfile that uses mounts")
    before, (_, command), after = lines[: runs[0]], lines[runs[0]], lines[runs[0] + 1 :]
    if command.startswith(("[", "--")):
        raise ValueError(f"RUN is wanted with a line for sh alone: {command}")
    copies = [_copy(rest) for word, rest in before if word == "COPY"]
    return Recipe(
        first=_lines((word, rest) for word, rest in before if word != "COPY"),
        script=" && ".join([*copies, f"( {command} )"]) + "\n",
        last=_lines(after),
    )


def kept(said: str) -> str:
    """Instructions that give an image the entry point and command of another one.

    Args:
        said: JSON of the one and the other, each on a line.
    """
    entry, command = (json.loads(line) or [] for line in said.splitlines())
    return _lines([("ENTRYPOINT", json.dumps(entry)), ("CMD", json.dumps(command))])


def _lines(instructions: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{word} {rest}\n" for word, rest in instructions)


def _instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction's word and the rest of it, on one line."""
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word.upper(), rest.strip()) for word, _, rest in map(_parted, joined.splitlines())]


def _parted(line: str) -> tuple[str, str, str]:
    return line.strip().partition(" ")


def _copy(words: str) -> str:
    """A COPY of files as a line of sh.

    Raises:
        ValueError: it has an option besides ``--chmod``.
    """
    options = [word for word in words.split() if word.startswith("--")]
    *sources, target = (word for word in words.split() if not word.startswith("--"))
    mode = ""
    for option in options:
        name, _, mode = option.partition("=")
        if name != "--chmod":
            raise ValueError(f"COPY {option} is not for a Containerfile that uses mounts")
    folder = target.rstrip("/") if target.endswith("/") else target.rpartition("/")[0]
    made = [target + source.rpartition("/")[2] if target.endswith("/") else target
            for source in sources]  # fmt: skip
    copied = " ".join(shlex.quote(f"{CONTEXT}/{source}") for source in sources)
    steps = [f"mkdir -p {shlex.quote(folder or '/')}", f"cp {copied} {shlex.quote(target)}"]
    if mode:
        steps.append(f"chmod {mode} {shlex.join(made)}")
    return " && ".join(steps)
