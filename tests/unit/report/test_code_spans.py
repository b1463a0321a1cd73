# SPDX-License-Identifier: Apache-2.0
"""Commands within a sentence are code on a page, and nothing else is made of text."""

import pytest

from mlflow_conformance.report.code_spans import code_spans


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Upgrade with `--way hold-traces`.", "Upgrade with <code>--way hold-traces</code>."),
        ("`a` or `b`", "<code>a</code> or <code>b</code>"),
        ("a ` alone", "a ` alone"),
        ("two\n`lines\nare` none", "two\n`lines\nare` none"),
        ("<b>`<i>`</b>", "&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt;"),
        ("a terminal's `\x1b[1m`", "a terminal&#39;s <code>\N{REPLACEMENT CHARACTER}[1m</code>"),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, html: str) -> None:
    assert str(code_spans(text)) == html
