# SPDX-License-Identifier: Apache-2.0
"""Names that Kubernetes takes, and addresses that can be asked, as a profile writes them."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def is_label(name: str) -> bool:
    """Whether a namespace, a Service or a container may be called so (RFC 1123, label)."""
    return len(name) <= 63 and re.fullmatch(_LABEL, name) is not None


def is_subdomain(name: str) -> bool:
    """Whether any other object may be called so (RFC 1123, subdomain)."""
    return len(name) <= 253 and _SUBDOMAIN.fullmatch(name) is not None


def _label(name: str) -> str:
    if not is_label(name):
        raise ValueError("is up to 63 lower-case letters, digits and dashes, none at either end")
    return name


def _subdomain(name: str) -> str:
    if not is_subdomain(name):
        raise ValueError("is up to 253 lower-case letters, digits, dashes and dots")
    return name


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("begins with http:// or https:// and a host")
    return text


LabelName = Annotated[str, AfterValidator(_label)]
"""The name of a namespace, a Service or a container."""
ObjectName = Annotated[str, AfterValidator(_subdomain)]
"""The name of any other object."""
Url = Annotated[str, AfterValidator(_url)]
"""An address of HTTP."""
