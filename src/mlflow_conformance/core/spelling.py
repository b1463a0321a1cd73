# SPDX-License-Identifier: Apache-2.0
"""What somebody who misspelt a word may have meant."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like this one, whatever its case, if any is much like it."""
    spelled = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), list(spelled), n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest known word, or an empty string."""
    close = closest(word, known)
    return f", did you mean {close!r}?" if close else ""
