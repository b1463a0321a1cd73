# SPDX-License-Identifier: Apache-2.0
"""Documented lines, names of backups, statements, a program stopped half-way, rewritten scripts."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlflow_conformance.backup_restore import freeze
from mlflow_conformance.backup_restore.crash import observed
from mlflow_conformance.backup_restore.database import Fingerprint, statement
from mlflow_conformance.backup_restore.rehearsal import Sizes, latencies
from mlflow_conformance.cluster.terminal import Terminal
from mlflow_conformance.config import assets
from mlflow_conformance.config.backup_names import BackupNames
from mlflow_conformance.config.inheritance import Inherited
from mlflow_conformance.config.profile import LoadedProfile, Profile
from mlflow_conformance.core.errors import Undecided, Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.mlflow import MlflowApi
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import Run, RunFolder
from mlflow_conformance.ledger.log import Ledger
from mlflow_conformance.mutants.mutant import ScriptChange
from mlflow_conformance.mutants.scripts import applied
from mlflow_conformance.target.backups.lines import Lines, filled
from mlflow_conformance.target.backups.pulse import Pulse
from mlflow_conformance.target.backups.store import name_at, time_of

NAMES = BackupNames(cronjob="c", command="x", bucket="b")


def test_words_in_braces_are_filled_and_others_stay() -> None:
    line = "kubectl get {job} -o jsonpath='{.status}' -n {namespace}"
    words = {"job": "j-1", "namespace": "n"}
    assert filled(line, words) == "kubectl get j-1 -o jsonpath='{.status}' -n n"


def test_a_line_is_run_where_the_deployment_is_and_fails_at_its_first_failure(
    tmp_path: Path,
) -> None:
    (tmp_path / "deployment").mkdir()
    lines = Lines(Terminal(tmp_path, {"KUBECONFIG": "only"}), {"namespace": "n"})
    done = lines.run("ls; echo $KUBECONFIG {namespace} {token}", timeout_s=10, token="t")
    assert (done.code, done.stdout.split()) == (0, ["deployment", "only", "n", "t"])
    assert lines.run("false | cat; echo late", timeout_s=10).code == 1


def test_names_of_backups_tell_their_time() -> None:
    moment = datetime(2026, 1, 25, 2, tzinfo=UTC)
    name = name_at(NAMES, moment)
    assert name == "mlflow_backup_20260125_020000.dump.enc"
    assert time_of(NAMES, name) == moment
    assert time_of(NAMES, name + ".manifest.json") is None


def test_one_statement_looks_at_every_table() -> None:
    text = statement(["runs", 'odd"name'])
    assert text.count("left(md5(t::text), 16)") == 2
    assert " UNION ALL " in text
    assert '"odd""name"' in text
    assert "%" not in text


def test_fingerprints_differ_where_tables_do() -> None:
    here = Fingerprint({"runs": (2, "a"), "tags": (1, "b")})
    there = Fingerprint({"runs": (3, "c"), "tags": (1, "b"), "new": (0, "")})
    assert here.differences(there) == ["new: no table, 0", "runs: 2, 3"]
    assert here.differences(here) == []
    assert here.rows == {"runs": 2, "tags": 1}


def test_latencies_are_those_of_a_time_and_of_some_clients(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l", sync=False) as ledger:
        for client in ("writer 0", "seed/run/1"):
            ledger.acknowledge(ledger.intend(client, "k", "add", client))
        ledger.refuse(ledger.intend("writer 0", "k", "add", "no"))
    assert len(latencies(ledger.path, 0, 2**63, "writer")) == 1
    assert latencies(ledger.path, 0, 1, "writer") == []


ROWS = {
    "BKP-3": {
        "promise": "p",
        "thresholds": {"rule": {"keep": 7}, "failing_environment": {"DATABASE_URI": "nowhere"}},
    },
    "BKP-4": {
        "promise": "p",
        "thresholds": {
            "text_bytes": 1000, "share": 0.5, "words": ["PGDMP"], "entropy": 7.9,
            "encryption": "aws:kms", "key_id": "key",
        },
    },
    "BKP-6": {
        "promise": "p",
        "thresholds": {"runs": 10, "writers": 2, "age_s": 1, "rpo_s": 1, "rto_s": 1},
    },
}  # fmt: skip


def profile(rows: Mapping[str, object]) -> Profile:
    """A profile with these rows."""
    return Profile.model_validate(
        {
            "schema": 1,
            "name": "p",
            "names": {
                "namespace": "n",
                "mlflow": {"deployment": "d", "service": "s", "selector": {"a": "b"}},
                "runner": {"image": "i"},
            },
            "checks": rows,
        }
    )


RunOf = Callable[[Mapping[str, object]], Run]


@pytest.fixture
def run_of(tmp_path: Path) -> Iterator[RunOf]:
    """Makes a run of a profile with these rows."""
    with EvidenceLog(tmp_path / "evidence.jsonl") as log:
        yield lambda rows: Run(
            loaded=LoadedProfile(profile(rows), tmp_path / "p.yaml", Inherited.nothing("")),
            rows={},
            left_out={},
            folder=RunFolder(tmp_path, ()),
            run_id="r",
            seed=1,
            command=[],
            log=log,
            waiter=Waiter(),
        )


def test_sizes_are_the_profiles(run_of: RunOf) -> None:
    sizes = Sizes.of(run_of(ROWS))
    assert (sizes.runs, sizes.writers, sizes.text_bytes) == (10, 2, 1000)
    assert sizes.rule is not None
    assert sizes.rule.keep == 7


@pytest.mark.parametrize("missing", ["BKP-4", "BKP-6"])
def test_a_profile_without_sizes_decides_nothing(run_of: RunOf, missing: str) -> None:
    with pytest.raises(Undecided, match=missing):
        Sizes.of(run_of({k: v for k, v in ROWS.items() if k != missing}))


def test_a_profile_may_promise_no_retention(run_of: RunOf) -> None:
    assert Sizes.of(run_of({k: v for k, v in ROWS.items() if k != "BKP-3"})).rule is None


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the programs of this machine take for the folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["slow", "at once"])
def reader(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A program that reads a file, like a restore its dump; also in a few milliseconds."""
    dump = tmp_path / "dump"
    dump.write_bytes(bytes(200_000))
    pause = 0.003 if request.param == "slow" else 0
    reading = (
        "import sys,time\ntime.sleep(0.2)\nf=open(sys.argv[-1],'rb',0)\n"
        f"while f.read(200): time.sleep({pause})\n"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-c", reading, "--unlikely-mark", dump]
    ) as process:
        yield process
        os.kill(process.pid, signal.SIGKILL)


def test_a_program_is_stopped_half_way(
    reader: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str], temporary: Path
) -> None:
    assert freeze.main("--unlikely-mark", 0.5, 20, "seen") == 0
    assert (temporary / "seen").exists()
    found = json.loads(capsys.readouterr().out)
    assert found["of"] == 200_000
    assert 100_000 <= found["read"] < 200_000
    assert found["state"] == "T"
    assert freeze.state_of(Path(f"/proc/{reader.pid}")) == "T"


@pytest.mark.usefixtures("temporary")
def test_a_program_that_never_comes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert freeze.main("no such program at all", 0.5, 0.05, "seen") == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("observer", "least_s"), [(True, 0), (False, 0.5)])
def test_a_held_program_starts_when_it_is_observed_or_at_last(
    temporary: Path, observer: bool, least_s: float
) -> None:
    job = {"spec": {"template": {"spec": {"containers": [{"command": ["echo", "restored"]}]}}}}
    (command,) = [c["command"] for c in observed(job)["spec"]["template"]["spec"]["containers"]]
    assert job["spec"]["template"]["spec"]["containers"] == [{"command": ["echo", "restored"]}]
    command[command.index("echo") - 1] = "0.5"
    if observer:
        (temporary / command[command.index("echo") - 2]).touch()
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *command[1:]],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "restored\n"
    assert time.monotonic() - started >= least_s


def test_a_job_without_a_command_cannot_be_held() -> None:
    with pytest.raises(Undecided, match="names no command"):
        observed({"spec": {"template": {"spec": {"containers": [{"image": "i"}]}}}})


def test_a_pulse_tells_what_was_not_answered() -> None:
    answers: Iterator[int] = iter([200, 503, 0])
    over = threading.Event()

    def send(*_: object, **__: object) -> Reply:
        status = next(answers, 200)
        if status == 0:
            over.set()
            raise NoReply("refused", "nobody", 0.0)
        return Reply(status, {}, b"", 0.0)

    with Pulse(MlflowApi("http://x", send, {})) as pulse:
        over.wait(10)
    assert pulse.asked >= 3
    assert [what for _, what in pulse.failures][:2] == [
        "HTTP 503", "refused after 0.00 s: nobody"
    ]  # fmt: skip
    assert "HTTP 503" in pulse.described[0]


@pytest.mark.parametrize("find", ["no such text", "import"])
def test_a_text_that_is_not_there_once_is_refused(find: str) -> None:
    source = assets.asset("deployment/k3d/mlflow/files/backup.py").read_text()
    with pytest.raises(Unusable, match="and not once"):
        applied({"backup.py": source}, [ScriptChange(file="backup.py", find=find, put="x")])
