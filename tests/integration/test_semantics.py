# SPDX-License-Identifier: Apache-2.0
"""The suites of tracking, registry and artifacts against real processes on this machine.

PostgreSQL, MinIO and two MLflow servers; and one MLflow server on SQLite, to show which promises
that cannot be shown to keep. MinIO is taken from PATH or ``MLFLOW_CONFORMANCE_MINIO``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shipped
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import Judged, judge
from mlflow_conformance.stand.packages import BROWSERS
from processes import PROFILE, Stand, minio_binary, open_folder, plain_server, stand
from repository import ROOT

_TIMEOUT_S = 600
_PROFILE = (
    PROFILE
    + """checks: # as much as is enough to meet a lie in one of so many requests, twice and oftener
  TRK-7: {thresholds: {rounds: 1, metrics: 150}}
  REG-1: {thresholds: {writers: 8, versions: 40}}
  REG-6: {thresholds: {cache_s: 2, quiet_s: 1}}
  ART-7: {thresholds: {artifacts: 120}}
"""
)
_SUITES = ("suites/tracking", "suites/registry", "suites/artifacts")


@pytest.fixture(scope="module")
def processes() -> Iterator[Stand]:
    """PostgreSQL, MinIO and two MLflow servers."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    with open_folder() as folder, stand(binary, folder, Waiter(2)) as made:
        yield made


def _run(
    folder: Path, arguments: list[str], env: dict[str, str] | None = None
) -> dict[str, Judged]:
    output, profile = folder / "results", folder / "profile.yaml"
    profile.write_text(_PROFILE)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:locust", "--profile", str(profile),
         "--output", str(output), *_SUITES, *arguments],
        cwd=ROOT, env={**os.environ, **(env or {})}, check=False, timeout=_TIMEOUT_S,
        capture_output=True,
    )  # fmt: skip
    return {c.id: c for c in judge(read(output / "evidence.jsonl")).checks}


def test_real_processes_keep_the_promises_of_the_smoke_tier(
    processes: Stand, tmp_path: Path
) -> None:
    checks = ("TRK-1", "TRK-3", "TRK-5", "REG-3", "REG-5")
    judged = _run(
        tmp_path,
        [*processes.options(), *(f"--check={c}" for c in checks)],
        processes.environment(),
    )
    assert {i: str(c.raw) for i, c in judged.items()} == dict.fromkeys(checks, "pass")


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        ("param-dropped", "TRK-1"),
        ("param-conflict-forgiven", "TRK-3"),
        ("metric-dropped", "TRK-7"),
        ("version-duplicated", "REG-1"),
        ("alias-stale", "REG-3"),
        ("artifact-misplaced", "ART-7"),
        ("webhook-forged", "REG-6"),
        ("cut-upload-completed", "ART-5"),
        ("path-traversal-mended", "ART-8"),
    ],
)
def test_a_lie_in_front_of_real_processes_is_found(
    processes: Stand, tmp_path: Path, mutant: str, check: str
) -> None:
    judged = _run(
        tmp_path,
        [*processes.options(), f"--check={check}", f"--mutant={mutant}"],
        processes.environment(),
    )
    assert str(judged[check].raw) == "fail", judged[check].reason
    broken = {o.id for o in judged[check].failed_observations}
    assert set(shipped.mutants()[mutant].spec.reasons(check)) <= broken


_BY_THE_API_ALONE = (
    "TRK-1", "TRK-1.lengths", "TRK-2", "TRK-3", "TRK-4", "TRK-5", "TRK-7", "REG-1", "REG-2",
    "REG-2.archive", "REG-3", "REG-4", "REG-5", "ART-8",
)  # fmt: skip
"""What is decided without a door to the database and the bucket."""


def test_without_back_doors_the_api_decides(processes: Stand, tmp_path: Path) -> None:
    judged = _run(
        tmp_path,
        [*processes.front_options(), *(f"--check={c}" for c in _BY_THE_API_ALONE)],
        processes.environment(),
    )
    told = {i: (str(c.raw), c.reason) for i, c in judged.items() if str(c.raw) != "pass"}
    assert told == {}
    for check in judged.values():
        assert check.check
        seen = check.check.observations
        notes = {o.name for o in seen if not o.bound}
        assert {"PostgreSQL was not asked", "the bucket was not asked"} & notes, check.id
        assert {o.door for o in seen if o.bound}.isdisjoint({"sql", "s3"}), check.id


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        ("param-dropped", "TRK-1"),
        ("long-batch-refused", "TRK-1.lengths"),
        ("history-thinned", "TRK-2"),
        ("batch-conflict-left-out", "TRK-3"),
        ("run-made-twice", "TRK-4"),
        ("deletion-dropped", "TRK-5"),
        ("metric-dropped", "TRK-7"),
        ("version-dropped", "REG-1"),
        ("stage-dropped", "REG-2"),
        ("archiving-ignored", "REG-2.archive"),
        ("alias-move-dropped", "REG-3"),
        ("model-truncated", "REG-4"),
        ("version-files-dropped", "REG-5"),
        ("path-traversal-served", "ART-8"),
    ],
)
def test_a_lie_is_found_without_back_doors(
    processes: Stand, tmp_path: Path, mutant: str, check: str
) -> None:
    judged = _run(
        tmp_path,
        [*processes.front_options(), f"--check={check}", f"--mutant={mutant}"],
        processes.environment(),
    )
    assert str(judged[check].raw) == "fail", judged[check].reason


_ONE_REPLICA = "1 replica is ready, and two are needed to compare"
_NO_BUCKET = "no s3 door: there are no credentials for the bucket"
_NO_CLUSTER = "the target is not in a Kubernetes cluster"
_PLAIN = {
    **dict.fromkeys(("ART-3", "ART-4", "ART-5.slow"), _NO_BUCKET),
    **dict.fromkeys(("ART-4.roles", "TRK-10"), _NO_CLUSTER),
    **dict.fromkeys(
        ("TRK-1", "TRK-1.lengths", "TRK-2", "TRK-3", "TRK-4", "TRK-5", "TRK-6", "TRK-7", "TRK-9",
         "REG-1", "REG-2", "REG-2.archive", "REG-3", "REG-5", "REG-6", "ART-1",
         "ART-5", "ART-7", "ART-8"),
        _ONE_REPLICA,
    ),
}  # fmt: skip
"""What cannot be decided of a plain server, and why; docs/semantics.md has this as a table."""


def test_a_plain_server_proves_what_its_front_door_shows_and_no_more(tmp_path: Path) -> None:
    with plain_server(tmp_path, Waiter(2)) as url:
        output = tmp_path / "results"
        done = subprocess.run(
            [sys.executable, "-m", "mlflow_conformance", "semantics", "--tracking-uri", url,
             "--output", str(output)],
            cwd=ROOT, check=False, timeout=_TIMEOUT_S, capture_output=True,
        )  # fmt: skip
    judged = {c.id: c for c in judge(read(output / "evidence.jsonl")).checks}
    assert done.returncode == 2
    undecided = {i: c.reason for i, c in judged.items() if str(c.raw) == "unknown"}
    assert {i: why for i, why in undecided.items() if i != "TRK-8"} == _PLAIN
    browser = any(map(shutil.which, BROWSERS))
    expected = {"REG-4", *(["TRK-8"] if browser else [])}
    assert {i for i, c in judged.items() if str(c.raw) == "pass"} == expected


@pytest.mark.parametrize("verdict", [*_PLAIN.items()], ids=lambda v: v[0])
def test_the_page_has_the_table(verdict: tuple[str, str]) -> None:
    check, reason = verdict
    rows = (ROOT / "docs" / "semantics.md").read_text().splitlines()
    (row,) = (r for r in rows if r.startswith("| unknown |") and reason in r)
    assert check in row.split("|")[2].replace(",", " ").split()
