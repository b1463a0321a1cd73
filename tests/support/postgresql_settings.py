# SPDX-License-Identifier: Apache-2.0
"""What a postgresql.conf sets."""


def settings_of(text: str) -> dict[str, str]:
    """Its settings by name, without quotes."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")
    return {name.strip(): value.strip().strip("'") for name, value in pairs}


def assert_finds_lost_clients(text: str, *, within_s: int) -> None:
    """A session whose client is gone without a word ends in time, also while a statement runs."""
    found = settings_of(text)
    idle, every, times = (int(found[f"tcp_keepalives_{n}"]) for n in ("idle", "interval", "count"))
    assert 0 < idle + every * times <= within_s
    assert 0 < int(found["client_connection_check_interval"].removesuffix("s")) <= within_s
