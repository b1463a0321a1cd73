# SPDX-License-Identifier: Apache-2.0
"""Each forged backup is refused by the chart's own restore with the sentence of the profile."""

import base64
import importlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args

import boto3
import pytest
from pydantic import TypeAdapter

import shipped
from mlflow_conformance.backup_restore.forge import Bench
from mlflow_conformance.backup_restore.sealing import Opening
from mlflow_conformance.backup_restore.thresholds import Damage
from mlflow_conformance.config import assets
from mlflow_conformance.mutants.mutant import find
from mlflow_conformance.mutants.scripts import applied

GOOD = "mlflow_backup_20260125_020000.dump.enc"
BAD = "mlflow_backup_19990101_000000.dump.enc"
KEY = bytes(range(32))
MODULES = ("schema", "envelope", "manifest", "migrate", "restore")
DUMP = b"".join(b"line %d of a dump\n" % n for n in range(500))
SEEN_LATER = {"cut at a line", "newer schema"}
"""What pg_restore and the revision show, after the object was proven whole."""


def refusals() -> dict[str, str]:
    """The sentences that the profile promises."""
    rows = shipped.profile("k3d").checks["BKP-2"].thresholds["refusals"]
    return TypeAdapter(dict[str, str]).validate_python(rows)


class Memory:
    """An S3 client that keeps objects in this process."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 - boto3's
        """Keep an object."""
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:  # noqa: N803 - boto3's
        """An object; a range is all of it."""
        return {"Body": io.BytesIO(self.objects[Key]), "Metadata": self.metadata.get(Key, {})}

    def get_paginator(self, _: str) -> Any:
        """A paginator that has one page of everything."""
        page = {"Contents": [{"Key": k, "Size": len(v)} for k, v in self.objects.items()]}
        return SimpleNamespace(paginate=lambda **_: [page])

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803 - boto3's
        """Forget an object."""
        self.objects.pop(Key, None)

    def download_file(self, _: str, key: str, path: str) -> None:
        """Write an object into a file."""
        Path(path).write_bytes(self.objects[key])


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A bench beside the chart's scripts, with one good backup."""
    scripts = str(assets.asset("deployment/k3d/mlflow/files"))
    monkeypatch.setattr(boto3, "client", lambda _: Memory())
    monkeypatch.setenv("BACKUP_DESTINATION", "s3://backups/nightly")
    monkeypatch.setenv("BACKUP_KEY", base64.b64encode(KEY).decode())
    monkeypatch.setattr(sys, "path", [scripts, *sys.path])
    made = Bench(scripts)
    m = made.manifest
    contents = m.Contents("2026", "3.17.2", "abc", {"runs": 1}, "", 0)
    made._seal(m.Manifest(GOOD, "", 0, contents), DUMP, KEY, {})
    yield made
    for name in MODULES:
        sys.modules.pop(name, None)


def fetched(bench: Bench, name: str, scratch: Path) -> tuple[Any, bytes]:
    """What the chart's restore makes of a backup before it touches a database."""
    restore = importlib.import_module("restore")
    done = SimpleNamespace(returncode=0, stderr="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore.subprocess, "run", lambda *_, **__: done)
        manifest, plain = restore.fetch(bench.s3, bench.place, name, KEY, scratch)
    return manifest, plain.read_bytes()


def test_the_good_one_is_fetched(bench: Bench, tmp_path: Path) -> None:
    assert fetched(bench, GOOD, tmp_path)[1] == DUMP


@pytest.mark.parametrize("kind", sorted(set(get_args(Damage)) - SEEN_LATER))
def test_a_forged_backup_is_refused_with_its_sentence(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    bench.forge(GOOD, {kind: BAD})
    invalid: type[Exception] = importlib.import_module("restore").Invalid
    with pytest.raises(invalid) as caught:
        fetched(bench, BAD, tmp_path)
    said = f"Not restored, nothing was changed: {caught.value}."
    fitting = [k for k, sentence in refusals().items() if re.fullmatch(sentence, said)]
    assert fitting == [kind], said


def test_what_only_a_deeper_look_shows_is_whole_otherwise(bench: Bench, tmp_path: Path) -> None:
    bench.forge(GOOD, {"cut at a line": BAD})
    manifest, plain = fetched(bench, BAD, tmp_path)
    assert DUMP.startswith(plain)
    assert plain.endswith(b"\n")
    assert 0 < len(plain) < len(DUMP)
    bench.forge(GOOD, {"newer schema": BAD})
    manifest, plain = fetched(bench, BAD, tmp_path)
    assert (manifest.contents.revision, plain) == ("ffffffffffff", DUMP)


def test_planted_backups_are_what_they_are_called(bench: Bench) -> None:
    names = {k: f"mlflow_backup_2001010{n}_020000.dump.enc" for n, k in enumerate(
        ("good", "lying", "unfinished"))}  # fmt: skip
    bench.plant({name: kind for kind, name in names.items()})
    client: Any = bench.s3
    stored = client.objects
    suffix = bench.manifest.SUFFIX
    key = bench.place.key
    good = bench.manifest.Manifest.from_json(stored[key(names["good"] + suffix)].decode())
    assert good.bytes == len(stored[key(names["good"])])
    lying = bench.manifest.Manifest.from_json(stored[key(names["lying"] + suffix)].decode())
    assert lying.bytes != len(stored[key(names["lying"])])
    assert key(names["unfinished"] + suffix) not in stored
    bench.forget(list(names.values()))
    assert sorted(stored) == [key(GOOD), key(GOOD + suffix)]


def test_only_its_own_key_opens_a_backup(bench: Bench) -> None:
    opening = Opening.read(bench.examine(GOOD))
    assert (opening.own, opening.keys, opening.changed) == ("the dump", {}, {})
    assert not opening.repeated
    assert opening.beside == []
    assert DUMP.startswith(opening.head)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bkp-xored", "own"),
        ("bkp-key-for-everybody", "keys"),
        ("bkp-damage-decrypts", "changed"),
        ("bkp-salt-forgotten", "repeated"),
    ],
)
def test_a_backup_that_anybody_opens_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    source = assets.asset("deployment/k3d/mlflow/files/envelope.py").read_text()
    changes = find(name, shipped.checks()).by.scripts
    broken = ModuleType("envelope")
    exec(applied({"envelope.py": source}, changes)["envelope.py"], broken.__dict__)
    monkeypatch.setattr(bench, "envelope", broken)
    m = bench.manifest
    bench._seal(m.Manifest(BAD, "", 0, m.Contents("", "", "abc", {}, "", 0)), DUMP, KEY, {})
    opening = Opening.read(bench.examine(BAD))
    assert getattr(opening, told) not in ("the dump", {}, False)


@pytest.mark.parametrize("spelled", [KEY, base64.b64encode(KEY), KEY.hex().encode()])
def test_a_key_that_lies_beside_the_backups_is_found(bench: Bench, spelled: bytes) -> None:
    bench.put("key", b"the key: " + spelled)
    bench.put("empty", b"")
    assert bench.examine(GOOD)["beside"] == [bench.place.key("key")]


def test_a_key_in_the_metadata_of_a_backup_is_found(bench: Bench) -> None:
    client: Any = bench.s3
    client.metadata[bench.place.key(GOOD)] = {"key": base64.b64encode(KEY).decode()}
    assert bench.examine(GOOD)["beside"] == [bench.place.key(GOOD)]


def test_an_unknown_kind_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="no backup is forged"):
        bench.forge(GOOD, {"eaten": BAD})
