# SPDX-License-Identifier: Apache-2.0
"""What somebody who misspelt a word may have meant."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, if any is much like it."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest known word, or an empty string."""
    close = closest(word, known)
    return f", did you mean {close!r}?" if close else ""
