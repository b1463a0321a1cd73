# SPDX-License-Identifier: Apache-2.0
"""The suites of tracking, registry and artifacts against real processes on this machine.

PostgreSQL, MinIO and two MLflow servers; and one MLflow server on SQLite, to show which promises
that cannot be shown to keep. MinIO is taken from PATH or ``MLFLOW_CONFORMANCE_MINIO``.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlflow_conformance.evidence.log import read
from mlflow_conformance.evidence.verdict import Judged, judge
from mlflow_conformance.target.processes import Stand, minio_binary, mlflow_server, stand
from mlflow_conformance.waits import Waiter

_ROOT = Path(__file__).parents[2]
_TIMEOUT_S = 600
_SUITES = ("suites/tracking", "suites/registry", "suites/artifacts")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """PostgreSQL, MinIO and two MLflow servers."""
    binary = minio_binary()
    if binary is None:
        pytest.skip("there is no MinIO on this machine")
    folder = tmp_path_factory.mktemp("stand")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # PostgreSQL runs as another account
    with stand(binary, folder, Waiter(2)) as made:
        yield made


def _run(
    folder: Path, arguments: list[str], env: dict[str, str] | None = None
) -> dict[str, Judged]:
    output = folder / "results"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:locust", "--profile", "k3d",
         "--output", str(output), *_SUITES, *arguments],
        cwd=_ROOT, env={**os.environ, **(env or {})}, check=False, timeout=_TIMEOUT_S,
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


def test_a_missing_door_is_unknown_with_its_reason(tmp_path: Path) -> None:
    with mlflow_server(
        tmp_path,
        Waiter(2),
        backend_store_uri=f"sqlite:///{tmp_path}/mlflow.db",
        artifacts_destination=str(tmp_path / "artifacts"),
        env={},
    ) as url:
        judged = _run(tmp_path, [f"--tracking-uri={url}", "--check=TRK-3", "--check=ART-8"])
    assert {i: str(c.raw) for i, c in judged.items()} == {"TRK-3": "unknown", "ART-8": "unknown"}
    assert "no sql door" in judged["TRK-3"].reason
    assert "1 replica is ready" in judged["ART-8"].reason or "no s3 door" in judged["ART-8"].reason
