# SPDX-License-Identifier: Apache-2.0
"""The worked example of docs/checks.md is what the files say."""

import re

import pytest

from mlflow_conformance.config import assets

_LISTING = re.compile(r"```(?:python|yaml)\n# (?P<path>\S+)\n(?P<text>.*?)```", re.DOTALL)
_LISTINGS = list(_LISTING.finditer((assets.root() / "docs" / "checks.md").read_text()))


def test_there_are_three_listings() -> None:
    assert len(_LISTINGS) == 3


@pytest.mark.parametrize("listing", _LISTINGS, ids=lambda m: m["path"])
def test_listing_is_in_its_file(listing: re.Match[str]) -> None:
    assert listing["text"] in (assets.root() / listing["path"]).read_text()
