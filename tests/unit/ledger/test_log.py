# SPDX-License-Identifier: Apache-2.0
"""The ledger's file: order, concurrency, and the death of its writer at any byte."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_conformance.ledger.log import Ledger, LedgerDamaged, read


def written(path: Path) -> bytes:
    with Ledger(path, sync=False) as ledger:
        first = ledger.intend("a", "k", "write", {"x": 1})
        second = ledger.intend("b", "k", "write", "ü")
        ledger.acknowledge(second, 7)
        ledger.refuse(first, "RESOURCE_ALREADY_EXISTS")
        ledger.intend("a", "k", "write", 3)
    return path.read_bytes()


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written(tmp_path / "l.jsonl")
    first, second, third = read(tmp_path / "l.jsonl")
    assert (first.client, first.value, first.outcome) == ("a", {"x": 1}, "refused")
    assert (second.outcome, second.result, second.value) == ("acknowledged", 7, "ü")
    assert (third.outcome, third.returned_ns) == ("open", None)
    assert second.returned_ns is not None
    assert second.invoked_ns <= second.returned_ns


def test_a_writer_that_dies_at_any_byte_leaves_a_readable_ledger(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.jsonl")
    path = tmp_path / "cut.jsonl"
    acknowledged = whole.index(b'"acknowledged"')
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        operations = read(path)
        assert len(operations) <= 3
        if size < acknowledged:
            assert not any(o.acknowledged for o in operations)


def test_a_ledger_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.jsonl")
    path = tmp_path / "cut.jsonl"
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        before = len(read(path))
        with Ledger(path, sync=False) as ledger:
            ledger.acknowledge(ledger.intend("z", "k", "write", size))
        after = read(path)
        assert len(after) == before + 1
        assert after[-1].acknowledged
        assert after[-1].value == size


@pytest.mark.parametrize(
    "content",
    [
        b'garbage\n{"n":1,"at":1,"client":"a","key":"k","kind":"write","value":1}\n',
        b'{"n":1,"at":1,"outcome":"acknowledged","result":null}\n',
        b'[1]\n{"n":1}\n',
        b'{"n":1,"at":1,"client":"a","key":"k","kind":"w","value":1}\n' * 2,
    ],
)
def test_an_edited_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "l.jsonl"
    path.write_bytes(content)
    with pytest.raises(LedgerDamaged):
        read(path)


def test_threads_never_share_a_number_or_a_line(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    with Ledger(path, sync=False) as ledger:

        def work(client: str) -> None:
            for n in range(100):
                ledger.acknowledge(ledger.intend(client, "k", "add", f"{client}-{n}"))

        threads = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    operations = read(path)
    assert len({o.value for o in operations}) == 800
    assert all(o.acknowledged for o in operations)


_WRITER = """
import sys
from pathlib import Path
from mlflow_conformance.ledger.log import Ledger
ledger = Ledger(Path(sys.argv[1]))
n = 0
while True:
    number = ledger.intend("a", "k", "write", n)
    ledger.acknowledge(number)
    print(n, flush=True)
    n += 1
"""


def test_what_a_killed_writer_had_acknowledged_is_there(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    said = [line.strip() for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    last = int(said[-1]) if said else 19
    there = {o.value for o in read(path) if o.acknowledged}
    assert set(range(last + 1)) <= there


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("ledger") / "l.jsonl"
    with Ledger(path, sync=False) as ledger:
        ledger.acknowledge(ledger.intend(text, text, "write", text), text)
    (operation,) = read(path)
    assert (operation.client, operation.value, operation.result) == (text, text, text)
