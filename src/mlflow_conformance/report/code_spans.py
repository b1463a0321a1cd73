# SPDX-License-Identifier: Apache-2.0
"""Commands and names within a sentence: what stands between backticks."""

import re

from markupsafe import Markup

from mlflow_conformance.report import words

_SPAN = re.compile(r"`([^`\n]+)`")


def code_spans(text: str) -> Markup:
    """A sentence as HTML, made safe by `words.plain`, with `...` as code.

    A backtick without another one in its line stays as it is.
    """
    parts = _SPAN.split(words.plain(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )
