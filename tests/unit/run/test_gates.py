# SPDX-License-Identifier: Apache-2.0
"""Gates in processes of their own: what they print is kept, and their progress is told on."""

import re
import sys

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.run import gates


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_progress_is_told_on_while_everything_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    source = """
import sys
print("PASS", flush=True)
sys.stderr.write("[   1.5 s] [ 1/2] TRK-1: pass after 0.9 s; next is REG-1\\n")
raise SystemExit(2)
"""
    code, output = gates._finished(program(source), within_s=60)
    told = "[ 1/2] TRK-1: pass after 0.9 s; next is REG-1"
    assert (code, output) == (2, f"PASS\n[   1.5 s] {told}\n")
    assert re.fullmatch(rf"\[ *\d+\.\d s\] {re.escape(told)}\n", capsys.readouterr().err)


def test_a_gate_that_does_not_end_is_given_the_time_to_put_things_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = "trap 'echo \"[   2.0 s] put back\"; exit 3' TERM; while :; do sleep 0.05; done"
    with pytest.raises(Unusable, match="were not finished within 1 s"):
        gates._finished(["sh", "-c", source], within_s=1)
    assert "put back" in capsys.readouterr().err
