# SPDX-License-Identifier: Apache-2.0
"""What a reader gets of a page with pictures."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What every SVG says in words, what it draws, and what the page would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.labels: list[str] = []
        self.silent = 0
        self.shapes: list[tuple[str, dict[str, str]]] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take it down."""
        given = {k: v or "" for k, v in attrs}
        if tag == "svg":
            self.labels.append(given.get("aria-label", ""))
            self.silent += "aria-label" not in given and given.get("aria-hidden") != "true"
        if tag in ("rect", "path"):
            self.shapes.append((given.get("class", ""), given))
        if tag in ("script", "img", "link", "iframe", "object", "use", "image"):
            self.loaded.append(tag)
