# SPDX-License-Identifier: Apache-2.0
"""A browser without a screen: whether it works on this machine, and what a page comes to in it."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlflow_conformance.core import shell
from mlflow_conformance.core.errors import Undecided

_PAGE_BUDGET_MS = 20_000  # of the page's own clock, which runs ahead while nothing happens
_OWN_WORD = "written-by-a-script"
_OWN_PAGE = f"data:text/html,<script>document.write({_OWN_WORD.split('-')}.join('-'))</script>"
_SHARE = 3
"""What a page of no server took, so many times, must fit into the time that a page has."""


@dataclass(frozen=True)
class Browser:
    """A browser that has shown a page of its own, without any server.

    Attributes:
        within_s: time that a page has, seconds.
        own_s: what that page took, seconds.
    """

    program: str
    folder: Path
    within_s: float
    own_s: float = 0.0

    def document(self, url: str, picture: Path) -> str:
        """The document after the page's scripts ran, empty when it was not there in time.

        Args:
            picture: gets a picture of the page, where there is one.

        Raises:
            Undecided: the browser failed, or is so slow here that the time says nothing.
        """
        try:
            done = shell.run(
                self._words(url, picture), timeout_s=self.within_s, check=False, cwd=self.folder
            )
        except shell.CommandFailed as late:
            if self.own_s * _SHARE > self.within_s:
                raise Undecided(
                    f"a page was not there within {self.within_s:g} s, and on this machine the "
                    f"browser takes {self.own_s:.0f} s for a page of no server: run the check "
                    "where the browser has a CPU to itself"
                ) from late
            return ""
        if done.code and not done.stdout:
            raise Undecided(f"the browser failed on this machine: {' '.join(done.problem.split())}")
        return done.stdout

    def _words(self, url: str, picture: Path) -> list[str]:
        return [
            self.program, "--headless=new", "--disable-gpu", "--disable-dev-shm-usage",
            # The certificate is judged by the checks of the ingress; the page by its own.
            "--ignore-certificate-errors", *(["--no-sandbox"] if os.geteuid() == 0 else []),
            f"--user-data-dir={self.folder / 'browser'}", "--window-size=1280,900",
            f"--virtual-time-budget={_PAGE_BUDGET_MS}", f"--screenshot={picture}", "--dump-dom",
            url,
        ]  # fmt: skip


def started(programs: Sequence[str], folder: Path, within_s: float) -> Browser:
    """The first of these browsers that there is, once it has shown a page of its own.

    Args:
        folder: keeps what the browser keeps.

    Raises:
        Undecided: there is none on this machine, or it does not start.
    """
    program = next(filter(None, map(shutil.which, programs)), None)
    if program is None:
        raise Undecided(
            f"there is no browser on this machine, none of {', '.join(programs)}: install Chromium"
        )
    browser = Browser(program, folder, within_s)
    words = browser._words(_OWN_PAGE, folder / "own.png")
    mend = f"see what `{' '.join(words[:3])} --dump-dom about:blank` says, and mend or install it"
    try:
        done = shell.run(words, timeout_s=within_s, check=False, cwd=folder)
    except shell.CommandFailed as late:
        raise Undecided(
            f"the browser of this machine shows no page of its own within {within_s:g} s: {mend}"
        ) from late
    if _OWN_WORD not in done.stdout:
        raise Undecided(
            "the browser of this machine does not start "
            f"({' '.join(done.problem.split()) or 'it shows nothing of a page of its own'}): {mend}"
        )
    return replace(browser, own_s=done.seconds)
