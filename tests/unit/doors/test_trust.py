# SPDX-License-Identifier: Apache-2.0
"""Which name the certificate of MLflow's pods must have."""

from collections.abc import Iterator

import pytest

from mlflow_conformance.doors import trust
from mlflow_conformance.doors.trust import Trust


@pytest.fixture
def _told() -> Iterator[None]:
    trust.learn(Trust("/pods.crt", "mlflow.ml.svc", ("mlflow-tls.ml.svc",)))
    yield
    trust.learn(None)


@pytest.mark.usefixtures("_told")
@pytest.mark.parametrize(
    ("url", "ca_file", "expected"),
    [
        ("https://10.1.2.3:5000/health", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://[fd00::7]:5000/health", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://mlflow-tls.ml.svc:443", None, ("/pods.crt", "mlflow.ml.svc")),
        ("https://elsewhere.example", None, ("/pods.crt", "elsewhere.example")),
        # What names its own authority is told by that one, by its own name.
        ("https://10.1.2.3:5000/health", "/front.crt", ("/front.crt", "10.1.2.3")),
    ],
)
def test_a_pod_is_known_by_a_name_that_its_address_is_not(
    url: str, ca_file: str | None, expected: tuple[str, str]
) -> None:
    assert trust.known(url, ca_file) == expected


def test_without_a_word_the_system_s_authorities_count() -> None:
    assert trust.known("https://10.1.2.3/") == (None, "10.1.2.3")
