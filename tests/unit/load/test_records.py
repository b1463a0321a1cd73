# SPDX-License-Identifier: Apache-2.0
"""A record survives its writer, is never read as more than it is, and stays small."""

import gzip
from pathlib import Path

import pytest

from load_records import header, healthy, records, write
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.load.records import FAILURES, Record, RecordWriter, encode, read
from mlflow_conformance.load.run_record import read_run


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    kept = [Record(i, i + 1, i + 9, 0, 200 if not f else 0, f) for i, f in enumerate(FAILURES)]
    seen = read(write(tmp_path / "r.gz", header(), kept))
    assert seen.records == kept
    assert seen.header == header()
    assert seen.end is not None


def test_a_request_takes_few_bytes(tmp_path: Path) -> None:
    kept = records(healthy, rate=500, seconds=20, process="poisson")
    path = write(tmp_path / "r.gz", header(), kept)
    assert path.stat().st_size / len(kept) < 16


def test_what_was_flushed_before_a_kill_is_read_and_is_incomplete(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "r.gz")
    writer.header(header())
    writer.lines("".join(map(encode, records(healthy)[:300])))
    # Read while the writer is still open: the file has no end, as after SIGKILL.
    seen = read(tmp_path / "r.gz")
    assert len(seen.records) == 300
    assert seen.end is None
    writer.close()
    whole = read_run([tmp_path / "r.gz"])
    assert whole.missing == ["the sender was cut short after 300 of 1000 requests"]
    # In a sentence: the records themselves are thousands.
    assert str(whole).startswith("300 of 1000 planned requests: the sender was cut short")


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_file_cut_anywhere_is_incomplete(tmp_path: Path, kept: float) -> None:
    path = write(tmp_path / "r.gz", header(), records(healthy))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert read(path).end is None


def test_a_file_that_lacks_only_the_checksum_of_gzip_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", header(), records(healthy))
    path.write_bytes(path.read_bytes()[:-8])
    seen = read(path)
    assert (len(seen.records), seen.end is not None) == (1000, True)


@pytest.mark.parametrize(
    "line",
    [
        b"[1,2]\n",
        b'[1,2,3,0,200,"no such failure"]\n',
        b'[1,5,3,0,200,""]\n',
        b'[1,2,3,7,200,""]\n',
        b'["1",2,3,0,200,""]\n',
        b'[true,2,3,0,200,""]\n',
        b"nonsense\n",
        b'{"end":"complete","requests":0,"unsent":0}\n[1,2,3,0,200,""]\n',
    ],
)
def test_a_line_that_is_not_as_it_must_be_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "r.gz"
    with gzip.open(path, "wb") as file:
        file.write(header().model_dump_json().encode() + b"\n" + line)
    with pytest.raises(Unusable, match=r"Line [23] of .* is not a record of load"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"not gzip", gzip.compress(b"{}\n", mtime=0)])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.gz").write_bytes(content)
    with pytest.raises(Unusable):
        read(tmp_path / "r.gz")


def test_workers_are_one_run(tmp_path: Path) -> None:
    kept = records(healthy)
    paths = [
        write(tmp_path / f"{n}.gz", header(worker=n, workers=2, offered=500), kept[n::2])
        for n in (0, 1)
    ]
    whole = read_run(paths)
    assert list(whole.records) == kept
    assert whole.missing == []
    assert len(whole.planned_us) == 1000
    assert read_run(paths[:1]).missing == ["sender 2 of 2 left no record"]


def test_workers_of_two_runs_are_refused(tmp_path: Path) -> None:
    a = write(tmp_path / "a.gz", header(workers=2), [])
    b = write(tmp_path / "b.gz", header(workers=2, worker=1, seed=2), [])
    with pytest.raises(Unusable, match="of another run"):
        read_run([a, b])


def test_a_record_that_lost_lines_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "r.gz", header(), records(healthy))
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:10] + lines[20:])))
    assert read_run([path]).missing == ["the sender made 1000 requests and recorded 990"]
