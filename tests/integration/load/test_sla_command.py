# SPDX-License-Identifier: Apache-2.0
"""`mlflow-conformance sla` against a server by its URL, with the profile that comes with it."""

import shutil
import subprocess
import sys
from pathlib import Path

from http_server import Server, healthy, stalling
from mlflow_conformance.config import assets
from mlflow_conformance.load.document import LoadDocument
from mlflow_conformance.report.latency import LIMIT
from sla_runs import HEALTH


def sla(folder: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    workload = folder / "health.yaml"
    workload.write_text(HEALTH)
    profile = folder / "mine.yaml"
    shutil.copy(assets.profile_path("k3d"), profile)
    return subprocess.run(
        [
            sys.executable, "-m", "mlflow_conformance", "sla", "--profile", str(profile),
            "--tracking-uri", url, "--workload", str(workload), "--rate", "700", "--for", "3s",
            *more,
        ],
        capture_output=True, text=True, check=False, timeout=90, cwd=folder,
    )  # fmt: skip


def test_a_healthy_server_passes_and_one_that_stalls_fails_beside_it(tmp_path: Path) -> None:
    with Server(healthy) as server:
        good = sla(tmp_path, server.url, "--output", str(tmp_path / "good"))
    assert good.returncode in (0, 2), good.stdout + good.stderr  # 2: this machine was too busy
    # What a busy machine left undecided is no good run to compare with.
    compared = ["--compare", str(tmp_path / "good")] if good.returncode == 0 else []
    with Server(stalling(1.5, every=2)) as server:
        bad = sla(tmp_path, server.url, "--output", str(tmp_path / "bad"), *compared)
    assert bad.returncode in (1, 2), bad.stdout + bad.stderr
    for name in ("latency.html", "latency.json", "latency.csv", "timeline.csv", "report.html"):
        assert (tmp_path / "good" / name).stat().st_size > 0
    assert (tmp_path / "bad" / "latency.html").stat().st_size <= LIMIT
    page = (tmp_path / "bad" / "latency.html").read_text()
    assert ("last good run" in page) is bool(compared)
    shown = LoadDocument.model_validate_json((tmp_path / "good" / "latency.json").read_bytes())
    assert shown.result.sending.offered == 2100
