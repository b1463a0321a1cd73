# SPDX-License-Identifier: Apache-2.0
"""Credentials: what they are called, where texts hold them, and the same texts without them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

HIDDEN = "•••"
"""What stands in the place of a credential."""

_NAMED_SO = re.compile(
    r"pass|pwd|secret|token|credential|private|api[-_.]?key|(^|[-_.])keys?$", re.IGNORECASE
)
_NAMES_OF_ACCOUNTS = re.compile(r"^(?!.*secret).*access[-_.]?key$", re.IGNORECASE)
_ABOUT_ONE = re.compile(r"(name|user|id|file|path|host|port|url|uri|endpoint)$", re.IGNORECASE)
"""What a name ends with that says something about a credential, such as where it is."""
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_SWITCHES = frozenset({"", "true", "false"})
_NO_VALUES = frozenset({*_SWITCHES, "none", "null", HIDDEN})
_REFERENCES = ("$", "{", "[", "<")
"""What a text begins with that stands for another one, such as ``$(PASSWORD)``."""

_WORD = r"[^\s'\"<>]"
_ADDRESS = re.compile(
    # A path after a port may hold an @; only other schemes have passwords with a slash.
    r"(https?://[^\s/:@'\"<>]*:(?=[^\s/'\"<>]*@)"
    r"|\b(?!https?:)[A-Za-z][\w+.-]*://[^\s/:@'\"<>]*:)"
    rf"((?:(?!/){_WORD})+|(?:(?!@){_WORD})+)(?=@)"
)
_ENDINGS = (
    r"[\w.-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|auth"
    r"|(?:api|secret|access|private|account|encryption|signing)[-_.]?key)"
)
_TEXT = r"\\\"[^\"\\\n]*|\"(?:[^\"\\\n]|\\.)*|'[^'\n]*|[^\s\"',;&)}\]\\]+"
_QUOTES = ('\\"', '"', "'", "")
_ASSIGNED = re.compile(
    rf"((?<![\w.-]){_ENDINGS}\\?[\"']?[ \t]*[=:][ \t]*|--{_ENDINGS}[ \t]+(?!-))({_TEXT})",
    re.IGNORECASE,
)
_OF_USER = re.compile(
    r"((?:^|(?<=\s))(?:-u|--user|user\s*=)\s*[\"']?[^\s:\"']+:)([^\s\"']+)", re.MULTILINE
)
"""Of curl: ``-u NAME:PASSWORD``, and the same in its configuration."""
_HEADER = re.compile(
    r"(authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:basic|bearer)\s+)([^\s\"',;\\]+)", re.IGNORECASE
)
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)(?!•)(.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
    re.DOTALL,
)


def is_credential(name: str) -> bool:
    """Whether what is called so is a credential, and not only about one."""
    about_one = _ABOUT_ONE.search(name) or _NAMES_OF_ACCOUNTS.search(name)
    return _NAMED_SO.search(name) is not None and not about_one


def credentials_in(value: str, names: Iterable[str]) -> Iterator[str]:
    """The credential that an entry is or, for an address, holds; nothing when it is none.

    Args:
        names: its key, and the variables that it becomes.
    """
    text = value.strip()
    if "\n" in text or text in _SWITCHES:
        return
    if "://" in text:
        if password := _password(text):
            yield password
        return
    if any(is_credential(name) for name in names):
        yield text


def _password(address: str) -> str | None:
    password = _written(address)
    return unquote(password) if password else None


def _written(address: str) -> str | None:
    """The password of an address as it stands there."""
    try:
        return urlsplit(address).password or None
    except ValueError:
        return None


@dataclass
class Hiding:
    """Puts dots in the place of credentials, and remembers what they were.

    What it hides too much, such as the word behind ``token:`` in a log, costs a reader less than
    what it would hide too little.

    Attributes:
        found: what was hidden.
    """

    found: set[str] = field(default_factory=set, repr=False)

    def line(self, text: str) -> str:
        """Any text without the passwords of addresses, headers that name an account, and keys."""
        text = self._without(_PRIVATE_KEY, text)
        return self._without(_ADDRESS, self._without(_HEADER, text))

    def said(self, text: str) -> str:
        """What a program says, or is told, without what it assigns to names of credentials."""
        return self._without(_ASSIGNED, self._without(_OF_USER, self.line(text)))

    def named(self, name: str, value: str) -> str:
        """The value of a variable, an option or an entry, by its name."""
        text = value.strip()
        if text.lower() in _NO_VALUES or text.startswith("$"):
            return value
        if (password := _written(text)) is not None:
            self.found.update({password, unquote(password)})
            return value.replace(f":{password}@", f":{HIDDEN}@")
        if name.lower() in _HEADERS or ("://" not in text and is_credential(name)):
            self.found.update(text.split() if name.lower() in _HEADERS else [text])
            return HIDDEN
        return self.said(value)

    def words(self, words: Sequence[str]) -> list[str]:
        """The words of a command line."""
        hidden: list[str] = []
        option = ""
        for word in words:
            hidden.append(self.named(option, word) if option else self.said(word))
            is_option = word.startswith("-") and "=" not in word and is_credential(word)
            option = word.lstrip("-") if is_option else ""
        return hidden

    def _without(self, pattern: re.Pattern[str], text: str) -> str:
        return pattern.sub(self._hide, text)

    def _hide(self, match: re.Match[str]) -> str:
        head, held = match.groups()
        quote = next(q for q in _QUOTES if held.startswith(q))
        plain = held.removeprefix(quote)
        if plain.lower() in _NO_VALUES or plain.startswith(_REFERENCES) or "://" in plain:
            return match.group()
        self.found.update({plain, unquote(plain)})
        return f"{head}{quote}{HIDDEN}"
