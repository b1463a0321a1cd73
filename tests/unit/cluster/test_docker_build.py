# SPDX-License-Identifier: Apache-2.0
"""Containerfiles that use mounts are taken apart for Docker, whose builder has none."""

import subprocess
from pathlib import Path

import pytest

from mlflow_conformance.cluster.docker_build import Recipe, kept, recipe
from mlflow_conformance.config.assets import asset
from mlflow_conformance.stand.images import load_pins

_TEXT = """\
# A comment.
FROM b:1
ARG X
COPY a b /tmp/
copy --chmod=755 c /usr/bin/d
RUN one \\
 # between
 && two && \\
    three
ENV A=1 \\
    B=2
USER 5:5
CMD ["x"]
"""


def _parts(text: str) -> Recipe:
    parts = recipe(text)
    assert parts is not None
    return parts


def test_a_containerfile_in_which_nothing_runs_stays_whole() -> None:
    assert recipe('FROM b\nCMD ["sleep"]\n') is None


def test_what_runs_goes_into_a_container_and_the_rest_stays() -> None:
    parts = _parts(_TEXT)
    assert parts.first == "FROM b:1\nARG X\n"
    assert parts.script == (
        "mkdir -p /tmp && cp /context/a /context/b /tmp/ && "
        "mkdir -p /usr/bin && cp /context/c /usr/bin/d && chmod 755 /usr/bin/d && "
        "( one   && two &&      three )\n"
    )
    assert parts.last == 'ENV A=1      B=2\nUSER 5:5\nCMD ["x"]\n'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("FROM b\nRUN a\nRUN b\n", "one RUN"),
        ("FROM b AS x\nRUN a\nFROM c\n", "one RUN"),
        ("FROM b\nCOPY --from=x c /\nRUN a\n", "COPY --from=x"),
        ('FROM b\nRUN ["a"]\n', "for sh alone"),
        ("FROM b\nRUN --mount=type=tmpfs a\n", "for sh alone"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        recipe(text)


def test_every_containerfile_that_uses_mounts_can_be_taken_apart() -> None:
    kind = asset("deployment/kind")
    pins = load_pins()
    files = [kind / "node-base" / "Containerfile"] + [
        kind / "images" / image / "Containerfile"
        for pin in (*pins.bundle.values(), *pins.on_demand.values())
        if any(use.startswith("wheels.") for use in pin.uses)
        for image in pin.images
    ]
    files = [file for file in files if "/wheels" in file.read_text(encoding="utf-8")]
    assert len(files) > 2
    for file in files:
        parts = _parts(file.read_text(encoding="utf-8"))
        subprocess.run(["sh", "-n"], input=parts.script.encode(), check=True)


def test_the_script_does_what_the_instructions_say(tmp_path: Path) -> None:
    """The paths of a container are below a folder here."""
    (tmp_path / "context").mkdir()
    for name in ("a", "b"):
        (tmp_path / "context" / name).write_text(name)
    text = "FROM b\nCOPY a b /in/\nCOPY --chmod=700 a /x/y\nRUN cd /in && cat a b >c\n"
    script = _parts(text).script.replace(" /", f" {tmp_path}/")
    subprocess.run(["sh", "-c", script], check=True)
    assert (tmp_path / "in" / "c").read_text() == "ab"
    assert (tmp_path / "x" / "y").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("said", "instructions"),
    [
        ("null\nnull\n", "ENTRYPOINT []\nCMD []\n"),
        ('["a", "b"]\n["c"]\n', 'ENTRYPOINT ["a", "b"]\nCMD ["c"]\n'),
    ],
)
def test_the_entry_point_is_that_of_the_base(said: str, instructions: str) -> None:
    assert kept(said) == instructions
