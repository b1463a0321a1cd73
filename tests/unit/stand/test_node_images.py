# SPDX-License-Identifier: Apache-2.0
"""Images that nodes lack: told from those that they have by the names of a container runtime."""

from collections import namedtuple
from pathlib import Path

import pytest

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand import node_images

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("name", "held"),
    [
        (
            "localhost/mlflow-conformance/mlflow:3.16.1",
            "localhost/mlflow-conformance/mlflow:3.16.1",
        ),
        ("ghcr.io/mlflow/mlflow:v3.16.1", "ghcr.io/mlflow/mlflow:v3.16.1"),
        ("registry:5000/mlflow", "registry:5000/mlflow:latest"),
        ("bitnami/mlflow:3", "docker.io/bitnami/mlflow:3"),
        ("postgres", "docker.io/library/postgres:latest"),
    ],
)
def test_names_are_as_the_runtime_has_them(name: str, held: str) -> None:
    assert node_images._normal([name]) == {held}


def test_an_image_without_room_is_refused_before_it_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive = tmp_path / "images.tar"
    archive.write_bytes(b"x" * 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(9000, 4000, 5000))
    node_images._require_room(archive, "mlflow:1", 1)
    with pytest.raises(Unusable, match="There is no room for the image mlflow:1 on 2 nodes"):
        node_images._require_room(archive, "mlflow:1", 2)
