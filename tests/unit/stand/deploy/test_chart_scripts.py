# SPDX-License-Identifier: Apache-2.0
"""The Python that the chart runs in its Jobs: what needs no database and no object store."""

import configparser
import importlib
import io
import itertools
import json
import logging
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlflow_conformance.config.assets import asset

MODULES = ("schema", "envelope", "state", "manifest", "migrate", "backup", "restore",
           "wait_for_schema", "write_auth_config")  # fmt: skip
KEY = bytes(range(32))
NAME = "mlflow_backup_20260125_020000.dump.enc"


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    """The chart's scripts, imported from where the Jobs have them: side by side."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(asset("deployment/k3d/mlflow/files")))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in MODULES})
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture
def small_chunks(scripts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 8 bytes, so that short texts have several."""
    monkeypatch.setattr(scripts.envelope, "CHUNK", 8)


def sealed(scripts: Any, text: bytes, *, key: bytes = KEY, context: bytes = b"c") -> bytes:
    """A text, encrypted."""
    sink = io.BytesIO()
    scripts.envelope.encrypt(io.BytesIO(text), sink, key=key, context=context)
    return sink.getvalue()


def opened(scripts: Any, data: bytes, *, key: bytes = KEY, context: bytes = b"c") -> bytes:
    """What was encrypted."""
    sink = io.BytesIO()
    scripts.envelope.decrypt(io.BytesIO(data), sink, key=key, context=context)
    return sink.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.binary(max_size=64))
def test_what_was_sealed_opens(scripts: Any, small_chunks: None, text: bytes) -> None:
    assert opened(scripts, sealed(scripts, text)) == text


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("size", [0, 1, 8, 9, 16, 24])
def test_every_truncation_is_noticed(scripts: Any, size: int) -> None:
    data = sealed(scripts, bytes(size))
    for length in range(len(data)):
        with pytest.raises(scripts.envelope.NotAuthentic):
            opened(scripts, data[:length])


@pytest.mark.usefixtures("small_chunks")
def test_every_changed_bit_and_appended_byte_is_noticed(scripts: Any) -> None:
    data = sealed(scripts, b"twenty bytes of text")
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(scripts.envelope.NotAuthentic):
            opened(scripts, bytes(changed))
    with pytest.raises(scripts.envelope.NotAuthentic):
        opened(scripts, data + b"\0")


@pytest.mark.usefixtures("small_chunks")
def test_chunks_in_another_order_are_noticed(scripts: Any) -> None:
    data = sealed(scripts, b"0123456789abcdef01234567")
    head, step = len(data) - 3 * 24, 24
    chunks = [data[head + step * n : head + step * (n + 1)] for n in range(3)]
    for order in itertools.permutations(range(3)):
        if order != (0, 1, 2):
            with pytest.raises(scripts.envelope.NotAuthentic):
                opened(scripts, data[:head] + b"".join(chunks[n] for n in order))


def test_another_key_or_manifest_does_not_open(scripts: Any) -> None:
    data = sealed(scripts, b"text")
    with pytest.raises(scripts.envelope.NotAuthentic):
        opened(scripts, data, key=bytes(32))
    with pytest.raises(scripts.envelope.NotAuthentic):
        opened(scripts, data, context=b"d")


def test_the_same_text_is_sealed_differently(scripts: Any) -> None:
    assert sealed(scripts, b"text") != sealed(scripts, b"text")


def _manifest(scripts: Any, **rows: int) -> Any:
    contents = scripts.manifest.Contents(
        created="2026-01-25T02:00:00+00:00",
        mlflow="3.17.2",
        revision="abc",
        rows=rows,
        dump_sha256="0" * 64,
        dump_bytes=1,
    )
    return scripts.manifest.Manifest(name=NAME, sha256="1" * 64, bytes=2, contents=contents)


def test_a_manifest_reads_back(scripts: Any) -> None:
    manifest = _manifest(scripts, runs=3, metrics=4)
    assert scripts.manifest.Manifest.from_json(manifest.to_json()) == manifest


def test_a_manifest_with_other_rows_has_another_context(scripts: Any) -> None:
    one, other = (_manifest(scripts, runs=n).contents.context() for n in (1, 2))
    assert one != other


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 2}', '{"schema": 1, "contents": {}}'])
def test_what_is_no_manifest_is_refused(scripts: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"manifest|schema"):
        scripts.manifest.Manifest.from_json(text)


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://bucket", "bucket", "x"),
        ("s3://bucket/", "bucket", "x"),
        ("s3://bucket/a/b", "bucket", "a/b/x"),
        ("s3://bucket/a/b/", "bucket", "a/b/x"),
    ],
)
def test_the_place_of_backups(scripts: Any, uri: str, bucket: str, key: str) -> None:
    place = scripts.manifest.Place.parse(uri)
    assert (place.bucket, place.key("x")) == (bucket, key)


@given(
    good=st.sets(st.integers(0, 50), max_size=12),
    rest=st.sets(st.integers(0, 50), max_size=12),
    keep=st.integers(-1, 10),
)
def test_forgetting_keeps_the_newest_good_ones(
    scripts: Any, good: set[int], rest: set[int], keep: int
) -> None:
    names = [f"{n:02}" for n in sorted(good, reverse=True)]
    rests = [f"{n:02}" for n in sorted(rest - good, reverse=True)]
    found = scripts.backup.Stored(good=names, rest=rests)
    gone = set(scripts.backup.forgettable(found, keep))
    assert [name for name in names if name not in gone] == names[: max(keep, 1)]
    assert all(name < names[0] for name in gone)
    if not names:
        assert gone == set()


def test_revisions_are_those_that_alembic_sees(scripts: Any) -> None:
    from alembic.script import ScriptDirectory

    mlflow = find_spec("mlflow")
    assert mlflow is not None
    assert mlflow.origin is not None
    root = Path(mlflow.origin).parent
    for line, folder in (
        (scripts.schema.TRACKING, "store/db_migrations"),
        (scripts.schema.USERS, "server/auth/db/migrations"),
    ):
        found = scripts.schema.revisions(line)
        directory = ScriptDirectory(str(root / folder))
        assert [found.head] == directory.get_heads()
        assert found.known == {step.revision for step in directory.walk_revisions()}


def test_a_newer_database_is_refused_and_every_known_one_is_not(scripts: Any) -> None:
    line = scripts.schema.TRACKING
    image = scripts.schema.Revisions(known=frozenset({"a", "b"}), head="b")
    for found in (None, "a", "b"):
        scripts.schema.refuse_newer(line, found, image)
    with pytest.raises(scripts.schema.Refused, match="made by a newer MLflow"):
        scripts.schema.refuse_newer(line, "c", image)


@pytest.mark.parametrize(
    ("uri", "libpq"),
    [
        ("postgresql+psycopg2://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
    ],
)
def test_addresses_lose_their_driver(scripts: Any, uri: str, libpq: str) -> None:
    assert scripts.schema.libpq_uri(uri) == libpq


def test_programs_get_the_address_by_their_environment(scripts: Any) -> None:
    found = scripts.schema.libpq_environment("postgresql+psycopg2://u:p%40w@h:1/d?sslmode=require")
    assert found == {
        "PGUSER": "u", "PGPASSWORD": "p@w", "PGHOST": "h", "PGPORT": "1", "PGDATABASE": "d",
        "PGSSLMODE": "require",
    }  # fmt: skip


def test_the_side_database_is_beside_the_live_one(scripts: Any) -> None:
    assert scripts.restore.side_uri("postgresql+psycopg2://u:p%2F@h:5432/mlflow") == (
        "postgresql+psycopg2://u:p%2F@h:5432/mlflow_restoring"
    )


def test_an_unreachable_database_is_waited_for_with_a_sentence(
    scripts: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "postgresql://u:secret@127.0.0.1:1/d")
    monkeypatch.setenv("SCHEMA_PATIENCE_SECONDS", "0")
    assert scripts.wait_for_schema.main() == 1
    said = capsys.readouterr().err
    assert "waiting for the database" in said
    assert "secret" not in said


def test_the_configuration_of_users_survives_mlflows_own_reading(
    scripts: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "basic_auth.ini"
    uri = "postgresql+psycopg2://mlflow:p%40ss@h/mlflow"
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", uri)
    monkeypatch.setenv("DEFAULT_PERMISSION", "READ")
    monkeypatch.setenv("CACHE_SECONDS", "60")
    monkeypatch.setattr("sys.argv", ["", str(path)])
    assert scripts.write_auth_config.main() == 0
    config = configparser.ConfigParser()
    config.read(path)
    assert config["mlflow"]["database_uri"] == uri
    assert config["mlflow"].getint("auth_cache_ttl_seconds") == 60
    assert path.stat().st_mode & 0o077 == 0


def _json_logging() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(asset("deployment/k3d/mlflow/files/logging")))
        return importlib.import_module("json_logging")


def _logged(record: logging.LogRecord) -> dict[str, Any]:
    line = _json_logging().JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_request_is_logged_without_its_query() -> None:
    args = ("10.0.0.1:1", "GET", "/api?filter=secret", "1.1", 200)
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, '%s "%s %s %s" %d', args, None
    )
    line = _logged(record)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api", 200)
    assert "secret" not in json.dumps(line)


def _request_ids() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(asset("deployment/k3d/mlflow/files/logging")))
        return importlib.import_module("request_ids")


@pytest.mark.parametrize(
    ("path", "header", "user"),
    [
        ("/api/2.0/mlflow/runs/create", b"Basic YW5uOnNlY3JldA==", "ann"),
        ("/api/2.0/mlflow/runs/create", b"basic YW5uOnNlY3JldA==", "ann"),
        ("/api/2.0/mlflow/runs/create", b"Basic YW5u", "ann"),
        ("/api/2.0/mlflow/runs/create", b"Basic OnNlY3JldA==", None),
        ("/api/2.0/mlflow/runs/create", b"Basic %%%", None),
        ("/api/2.0/mlflow/runs/create", b"Basic /w==", None),
        ("/api/2.0/mlflow/runs/create", b"Bearer YW5uOnNlY3JldA==", None),
        ("/health", b"Basic YW5uOnNlY3JldA==", None),
        ("/static-files/main.js", b"Basic YW5uOnNlY3JldA==", None),
        ("/ajax-api/3.0/mlflow/server-info", b"Basic YW5uOnNlY3JldA==", None),
    ],
)
def test_a_user_is_told_where_mlflow_checks_it(
    path: str, header: bytes, user: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = [(b"host", b"m"), (b"authorization", header)]
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", "/etc/mlflow-auth/basic_auth.ini")
    assert _request_ids().user_of(path, headers) == user
    assert _request_ids().user_of(path, headers[:1]) is None
    monkeypatch.delenv("MLFLOW_AUTH_CONFIG_PATH")
    assert _request_ids().user_of(path, headers) is None


@pytest.mark.parametrize(("status", "told"), [(200, True), (302, True), (401, False), (403, False)])
def test_a_refused_request_is_logged_without_its_user(status: int, told: bool) -> None:
    args = ("10.0.0.1:1", "POST", "/api", "1.1", status)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "%s %s %s %s %d", args, None)
    record.user = "ann"
    assert ("user" in _logged(record)) is told


def test_an_exception_is_one_line() -> None:
    error = ValueError("one\ntwo")
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a\nb", (), (type(error), error, None))
    line = _logged(record)
    assert line["message"] == "a\nb"
    assert "ValueError: one" in line["exception"]


@pytest.mark.parametrize(
    ("path", "status", "kept"),
    [
        ("/health", 200, False),
        ("/api/2.0/mlflow/experiments/search?max_results=1", 200, False),
        ("/api/2.0/mlflow/experiments/search?max_results=1", 503, True),
        ("/api/2.0/mlflow/experiments/search?max_results=10", 200, True),
    ],
)
def test_only_probes_that_succeed_are_not_logged(path: str, status: int, kept: bool) -> None:
    args = ("10.0.0.1:1", "GET", path, "1.1", status)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, "", args, None)
    assert _json_logging().WithoutProbes().filter(record) is kept


def test_the_readiness_probe_is_one_that_is_not_logged() -> None:
    template = asset("deployment/k3d/mlflow/templates/server/deployment.yaml").read_text()
    for path in _json_logging()._PROBES:
        assert path in template


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, and its manifest says 6 bytes"),
        (b"sea", "has 3 bytes and its manifest says 6: it is cut off"),
        (b"seaLed", "has another sha256 than its manifest says: it is damaged"),
    ],
)
def test_an_object_that_is_not_its_manifests_is_refused_with_the_reason(
    scripts: Any, tmp_path: Path, content: bytes, sentence: str
) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(b"sealed")
    manifest = SimpleNamespace(bytes=6, sha256=scripts.manifest.sha256_of(whole))
    scripts.restore.refuse_other(NAME, manifest, whole)
    stored = tmp_path / "stored"
    stored.write_bytes(content)
    with pytest.raises(scripts.restore.Invalid, match=sentence):
        scripts.restore.refuse_other(NAME, manifest, stored)


def test_a_restore_waits_for_the_database_that_the_migration_makes(
    scripts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None, (1,)])
    admin = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchone=lambda: next(answers)))
    pauses: list[float] = []
    monkeypatch.setattr(scripts.restore.time, "sleep", pauses.append)
    scripts.restore.wait_for_live(admin, 60)
    assert pauses == [1, 1]


def test_a_restore_says_when_there_is_no_database(scripts: Any) -> None:
    admin = SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchone=lambda: None))
    with pytest.raises(scripts.restore.Invalid, match="run the migration Job first"):
        scripts.restore.wait_for_live(admin, -1)
