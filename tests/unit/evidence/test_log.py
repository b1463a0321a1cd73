# SPDX-License-Identifier: Apache-2.0
"""The evidence log survives crashes, full disks and two writers, and holds no secret."""

import base64
import hashlib
import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog, read
from mlflow_conformance.evidence.model import CheckFinished, Observation, Phase, RunEnded
from mlflow_conformance.evidence.run import RunFolder

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SECRET = "s3cr3t+pass/word"
PHASE = Phase(name="cluster", started=START, duration_s=1.5, outcome="done")
END = RunEnded(ended=START)


def record(observed: JsonValue, **fields: str) -> CheckFinished:
    return CheckFinished(
        id="TRK-1",
        title="t",
        nodeid="n",
        started=START,
        duration_s=0,
        promise="p",
        impact="i",
        remedy=fields.get("remedy", "r"),
        error=fields.get("error"),
        observations=[Observation(name="n", observed=observed)],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.jsonl"


def write(path: Path, *events: CheckFinished | Phase | RunEnded) -> None:
    with EvidenceLog(path) as log:
        for event in events:
            log.append(event)


def test_what_was_appended_is_read(path: Path) -> None:
    write(path, PHASE, record({"a": [1, None, "ü\u2028"]}), END)
    assert read(path) == [PHASE, record({"a": [1, None, "ü\u2028"]}), END]


@given(value=st.sampled_from([math.nan, math.inf, -math.inf, {"a": [math.nan]}, "\ud800x", 10**40]))
def test_what_json_cannot_say_is_written_all_the_same(
    tmp_path_factory: pytest.TempPathFactory, value: JsonValue
) -> None:
    path = tmp_path_factory.mktemp("log") / "evidence.jsonl"
    write(path, record(value))
    (event,) = read(path)
    assert isinstance(event, CheckFinished)
    json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)


def test_nan_and_infinity_are_words() -> None:
    seen = record([math.nan, math.inf, -math.inf]).observations[0].observed
    assert seen == ["NaN", "Infinity", "-Infinity"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_torn_by_a_crash_is_left_out(path: Path, cut: int) -> None:
    write(path, PHASE, END)
    path.write_bytes(path.read_bytes()[:-cut])
    assert read(path) == ([PHASE, END] if cut == 1 else [PHASE])


def test_a_character_torn_by_a_crash_is_left_out(path: Path) -> None:
    write(path, PHASE, record("ü"))
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex("ü".encode()) + 1])
    assert read(path) == [PHASE]


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_writing_goes_on_after_a_torn_line(path: Path, cut: int) -> None:
    write(path, PHASE, record(1))
    path.write_bytes(path.read_bytes()[:-cut])
    write(path, END)
    assert read(path) == ([PHASE, record(1), END] if cut == 1 else [PHASE, END])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "Line 2 of"),
        (b"\xc3\x28", "Line 2 of"),
        (b"[]", "Line 2 of"),
        (b'{"type": "verdict"}', "verdict"),
        (b'{"type": "end", "ended": "2026-11-22T02:00:00"}', "ended"),
        (b'{"type": "end", "ended": "2026-11-22T02:00:00Z", "surprise": 1}', "surprise"),
        (
            PHASE.model_dump_json().replace("1.5", '"NaN"').encode(),
            "duration_s",
        ),
        (b'{"type": "run", "schema_version": "2"}', "has evidence schema 2"),
    ],
)
def test_a_line_that_is_no_evidence_is_refused(path: Path, line: bytes, told: str) -> None:
    write(path, PHASE)
    path.write_bytes(path.read_bytes() + line + b"\n" + path.read_bytes())
    with pytest.raises(Unusable, match=told):
        read(path)


def test_a_log_that_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(Unusable, match="No such file"):
        read(path)
    with pytest.raises(Unusable, match="--output"):
        EvidenceLog(path / "missing" / "evidence.jsonl")


def test_a_full_disk_is_told_in_one_sentence() -> None:
    with EvidenceLog(Path("/dev/full")) as log, pytest.raises(Unusable, match="No space left"):
        log.append(PHASE)


def test_a_disk_that_fills_in_the_middle_of_a_line_leaves_whole_lines(path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog, read
path = Path(sys.argv[1])
event = read(path)[0]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with EvidenceLog(path) as log:
    try:
        while True:
            log.append(event)
    except Unusable as problem:
        print(problem)
"""
    write(path, PHASE)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert path.read_bytes().endswith(b"}\n")
    whole = len(read(path))
    assert whole > 5
    write(path, END)
    assert read(path) == [PHASE] * whole + [END]


def test_two_processes_write_one_log(path: Path) -> None:
    script = """
import sys
from pathlib import Path
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog, read
event = read(Path(sys.argv[1]))[0].model_copy(update={"name": sys.argv[2] * 9000})
with EvidenceLog(Path(sys.argv[1])) as log:
    for _ in range(50):
        log.append(event)
"""
    write(path, PHASE)
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("a", "b")
    ]
    assert [w.wait(30) for w in writers] == [0, 0]
    names = [e.name[0] for e in read(path) if isinstance(e, Phase)]
    assert (names.count("a"), names.count("b")) == (50, 50)


nested: st.SearchStrategy[JsonValue] = st.recursive(
    st.sampled_from([SECRET, f"x{SECRET}y", SECRET * 2, 5, None, "plain"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([SECRET, f"k-{SECRET}", "key"]), inner, max_size=3)
    ),
)


@given(value=nested)
def test_a_secret_never_reaches_the_file(
    tmp_path_factory: pytest.TempPathFactory, value: JsonValue
) -> None:
    path = tmp_path_factory.mktemp("log") / "evidence.jsonl"
    with EvidenceLog(path) as log:
        log.conceal(SECRET)
        log.append(record(value, remedy=f"use {SECRET}", error=f"Error: {SECRET}"))
    assert SECRET not in path.read_text("utf-8")
    read(path)


@pytest.mark.parametrize(
    "form",
    [SECRET, "s3cr3t%2Bpass%2Fword", base64.b64encode(SECRET.encode()).decode()],
    ids=["plain", "percent", "base64"],
)
def test_the_encodings_of_a_secret_are_concealed(path: Path, form: str) -> None:
    with EvidenceLog(path) as log:
        log.conceal(SECRET)
        log.append(record(f"postgresql://mlflow:{form}@host"))
    assert form not in path.read_text("utf-8")


def test_a_secret_that_contains_another_leaves_no_part(path: Path) -> None:
    with EvidenceLog(path) as log:
        log.conceal("password")
        log.conceal("password-and-more")
        assert log.concealed("password-and-more") == "•••"


@pytest.mark.parametrize("weak", ["observed", "kubernetes", "schema_version", "observations"])
def test_a_secret_that_is_a_word_of_the_schema_spoils_nothing(path: Path, weak: str) -> None:
    with EvidenceLog(path) as log:
        log.conceal(weak)
        log.append(record(f"x{weak}"))
    (event,) = read(path)
    assert isinstance(event, CheckFinished)
    assert event.observations[0].observed == "x•••"


def test_a_short_secret_is_refused(path: Path) -> None:
    with EvidenceLog(path) as log, pytest.raises(ValueError, match="6 characters"):
        log.conceal("12345")


def test_the_password_of_an_address_that_nobody_told_of_is_concealed(path: Path) -> None:
    with EvidenceLog(path) as log:
        log.append(record("connected to postgresql://mlflow:hunter2@db/mlflow"))
    (event,) = read(path)
    assert isinstance(event, CheckFinished)
    assert event.observations[0].observed == "connected to postgresql://mlflow:•••@db/mlflow"


def test_what_a_check_keeps_is_concealed_and_its_digest_fits(path: Path) -> None:
    with EvidenceLog(path) as log:
        log.conceal(SECRET)
        kept = Evidence("TRK-1", "p", path.parent / "attachments", concealed=log.concealed)
        file = kept.attach("answers", f"said {SECRET}", "text/plain", ".txt")
    assert file.read_text("utf-8") == "said •••"
    assert kept.attachments[0].sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_other_programs_wrote_is_cleaned(path: Path) -> None:
    inner = path.parent / "disruption" / "01-crash"
    inner.mkdir(parents=True)
    written = {"locust.log": f"sent {SECRET}\n", "journal.json": f'["{SECRET}"]', "plain.log": "x"}
    for name, text in written.items():
        (inner / name).write_text(text)
    with EvidenceLog(path) as log:
        log.conceal(SECRET)
        RunFolder(path.parent, []).clean(log)
    assert {p.name: p.read_text("utf-8") for p in inner.iterdir()} == {
        "locust.log": "sent •••\n", "journal.json": '["•••"]', "plain.log": "x",
    }  # fmt: skip
