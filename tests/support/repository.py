# SPDX-License-Identifier: Apache-2.0
"""Where the tests find what they read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "tests" / "unit" / "data"
"""Evidence logs of runs."""
