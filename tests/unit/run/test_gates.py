# SPDX-License-Identifier: Apache-2.0
"""Gates in processes of their own: what they print is kept, and their progress is told on."""

import re
import sys
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.run import gates
from mlflow_conformance.run.rounds import Round


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


def rounds_of(tmp_path: Path) -> list[Round]:
    return [Round(folder=tmp_path / name, mutant=name, checks={"AAA-1": []}) for name in "ab"]


def playing(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(gates, "_gate", lambda *_, **__: ["sh", "-c", source])


def test_each_round_is_known_as_soon_as_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = rounds_of(tmp_path)
    go_on = tmp_path / "go-on"
    playing(
        monkeypatch,
        f"mkdir {a.folder}; echo '[   1.0 s] round ended: {a.folder}'; "
        f"until [ -e {go_on} ]; do sleep 0.05; done; echo '[   2.0 s] round ended: {b.folder}'",
    )
    played = gates.rounds(tmp_path / "out", "k3d", "gate", [a, b])
    assert next(played) == a
    go_on.touch()  # only now does the second one end
    assert list(played) == [b]
    assert len((tmp_path / "out/output.txt").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("ends", "end", "told"),
    [("a", "exit 0", " on b: "), ("ab", "echo 'mlflow-conformance: No.'; exit 3", "run: No")],
)
def test_a_process_that_does_not_play_all_rounds_well_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, end: str, told: str
) -> None:
    wanted = rounds_of(tmp_path)
    said = "".join(f"echo 'round ended: {tmp_path / name}'; " for name in ends)
    playing(monkeypatch, f"mkdir {tmp_path}/a; {said}{end}")
    played = gates.rounds(tmp_path / "out", "k3d", "gate", wanted)
    assert [next(played).mutant for _ in ends] == list(ends)
    with pytest.raises(Unusable, match=told):
        next(played)


def test_a_process_that_plays_nothing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing(monkeypatch, "exit 3")
    with pytest.raises(Unusable, match="it said nothing"):
        list(gates.rounds(tmp_path / "out", "k3d", "gate", rounds_of(tmp_path)))
    assert not (tmp_path / "out").exists()


def test_every_round_has_its_own_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = rounds_of(tmp_path)
    playing(monkeypatch, f"mkdir {a.folder}; echo 'round ended: {a.folder}'; sleep 30")
    monkeypatch.setattr(gates, "_longest", lambda ids: 1.5 if ids else 0)
    played = gates.rounds(tmp_path / "out", "k3d", "gate", [a, b])
    assert next(played) == a
    with pytest.raises(Unusable, match=r"were not finished within 1\.5 s"):
        next(played)
