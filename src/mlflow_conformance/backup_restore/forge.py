# SPDX-License-Identifier: Apache-2.0
"""Runs in the workbench beside the backup's own scripts: plants, forges and opens backups.

Fed to ``python -`` with one JSON argument; answers with one JSON line. It uses the account and the
key of the backup, which never leave that pod, and the formats of its scripts: only so can an
object be forged that fails by one thing alone.
"""

import base64
import dataclasses
import hashlib
import importlib
import io
import json
import os
import sys
from typing import Any

_COMPARED = 256
_LOOKED_AT = 1 << 20
_TEXT = bytes(4096)


class Bench:
    """The backup's own modules and place."""

    def __init__(self, scripts: str) -> None:
        """Import what lies in the folder `scripts`."""
        import boto3

        sys.path.insert(0, scripts)
        self.envelope: Any = importlib.import_module("envelope")
        self.manifest: Any = importlib.import_module("manifest")
        self.place = self.manifest.Place.parse(os.environ["BACKUP_DESTINATION"])
        self.s3 = boto3.client("s3")

    def get(self, name: str) -> bytes:
        """An object's bytes."""
        found = self.s3.get_object(Bucket=self.place.bucket, Key=self.place.key(name))
        content: bytes = found["Body"].read()
        return content

    def put(self, name: str, content: bytes) -> None:
        """Write an object."""
        self.s3.put_object(Bucket=self.place.bucket, Key=self.place.key(name), Body=content)

    def store(self, name: str, sealed: bytes, manifest: Any) -> None:
        """Write a backup and its manifest."""
        self.put(name, sealed)
        self.put(name + self.manifest.SUFFIX, manifest.to_json().encode())

    def forget(self, names: list[str]) -> None:
        """Delete backups and their manifests, as far as they are there."""
        for name in names:
            for key in (name + self.manifest.SUFFIX, name):
                self.s3.delete_object(Bucket=self.place.bucket, Key=self.place.key(key))

    def plant(self, names: dict[str, str]) -> None:
        """Write backups of a few bytes: good, unfinished or lying ones."""
        body = b"planted by mlflow-conformance"
        for name, kind in names.items():
            if kind == "unfinished":
                self.put(name, body)
                continue
            contents = self.manifest.Contents(
                created="", mlflow="", revision="", rows={}, dump_sha256="", dump_bytes=0
            )
            size = len(body) + (kind == "lying")
            made = self.manifest.Manifest(
                name=name, sha256=hashlib.sha256(body).hexdigest(), bytes=size, contents=contents
            )
            self.store(name, body, made)

    def forge(self, source: str, forged: dict[str, str]) -> None:
        """Write a backup for each kind that is asked for, made from a good one."""
        sealed = self.get(source)
        original = self.manifest.Manifest.from_json(
            self.get(source + self.manifest.SUFFIX).decode()
        )
        key = base64.b64decode(os.environ["BACKUP_KEY"], validate=True)
        plain = self._opened(sealed, key, original.contents)
        for kind, name in forged.items():
            manifest = dataclasses.replace(original, name=name)
            match kind:
                case "truncated":
                    self.store(name, sealed[: len(sealed) // 2], manifest)
                case "empty":
                    self.store(name, b"", manifest)
                case "flipped":
                    self.store(name, _flipped(sealed, len(sealed) // 2), manifest)
                case "manifest of another":
                    self.store(name, _flipped(sealed, len(sealed) // 2), original)
                case "cut at a line":
                    half = plain[: plain.rindex(b"\n", 0, len(plain) // 2) + 1]
                    self._seal(manifest, half, key, {})
                case "foreign key":
                    self._seal(manifest, plain, os.urandom(32), {})
                case "newer schema":
                    self._seal(manifest, plain, key, {"revision": "ffffffffffff"})
                case _:
                    raise ValueError(f"no backup is forged as {kind!r}")

    def examine(self, name: str) -> dict[str, Any]:
        """What opens a backup and what does not; see `sealing.Opening`."""
        sealed = self.get(name)
        contents = self.manifest.Manifest.from_json(
            self.get(name + self.manifest.SUFFIX).decode()
        ).contents
        key = base64.b64decode(os.environ["BACKUP_KEY"], validate=True)
        own, plain = self._tried(sealed, key, contents)
        others = {
            "random": os.urandom(len(key)),
            "zeros": bytes(len(key)),
            "first byte changed": _flipped(key, 0),
            "last byte changed": _flipped(key, len(key) - 1),
        }
        places = {"middle": len(sealed) // 2, "last": len(sealed) - 1}
        twice = [self._encrypted(plain or _TEXT, key, contents) for _ in range(2)]
        return {
            "own": own,
            "keys": {how: self._tried(sealed, k, contents)[0] for how, k in others.items()},
            "changed": {
                f"{how} byte": self._tried(_flipped(sealed, at), key, contents)[0]
                for how, at in places.items()
            },
            "repeated": twice[0][-_COMPARED:] == twice[1][-_COMPARED:],
            "head": base64.b64encode(plain[:_COMPARED]).decode(),
            "beside": self._holding(key),
        }

    def _holding(self, key: bytes) -> list[str]:
        """Objects that hold a key at their beginning or in their metadata, however it is spelled.

        Who may read the bucket opens every backup with such an object.
        """
        encoded = (base64.b64encode(key), base64.urlsafe_b64encode(key))
        spelled = (key, key.hex().encode(), *(text.rstrip(b"=") for text in encoded))
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.place.bucket, Prefix=self.place.prefix
        )
        found = []
        for there in (o for page in pages for o in page.get("Contents", []) if o["Size"]):
            got = self.s3.get_object(
                Bucket=self.place.bucket, Key=there["Key"], Range=f"bytes=0-{_LOOKED_AT - 1}"
            )
            content = got["Body"].read() + json.dumps(got.get("Metadata", {})).encode()
            if any(text in content for text in spelled):
                found.append(there["Key"])
        return found

    def _tried(self, sealed: bytes, key: bytes, contents: Any) -> tuple[str, bytes]:
        """What came of opening a backup, and the plaintext if it did."""
        try:
            plain = self._opened(sealed, key, contents)
        except Exception as problem:  # noqa: BLE001 - however it says no
            return f"refused: {type(problem).__name__}: {problem}", b""
        same = hashlib.sha256(plain).hexdigest() == contents.dump_sha256
        return "the dump" if same else "something else", plain

    def _encrypted(self, plain: bytes, key: bytes, contents: Any) -> bytes:
        sink = io.BytesIO()
        self.envelope.encrypt(io.BytesIO(plain), sink, key=key, context=contents.context())
        return sink.getvalue()

    def _opened(self, sealed: bytes, key: bytes, contents: Any) -> bytes:
        sink = io.BytesIO()
        self.envelope.decrypt(io.BytesIO(sealed), sink, key=key, context=contents.context())
        return sink.getvalue()

    def _seal(self, manifest: Any, plain: bytes, key: bytes, changes: dict[str, Any]) -> None:
        """Store a dump under a manifest that is true of it but for `changes`."""
        contents = dataclasses.replace(
            manifest.contents,
            dump_sha256=hashlib.sha256(plain).hexdigest(),
            dump_bytes=len(plain),
            **changes,
        )
        sealed = self._encrypted(plain, key, contents)
        self.store(
            manifest.name,
            sealed,
            dataclasses.replace(
                manifest,
                sha256=hashlib.sha256(sealed).hexdigest(),
                bytes=len(sealed),
                contents=contents,
            ),
        )


def _flipped(content: bytes, at: int) -> bytes:
    """One bit of one byte is another."""
    changed = bytearray(content)
    changed[at] ^= 1
    return bytes(changed)


def main(request: dict[str, Any]) -> None:
    """Do what is asked, and answer."""
    bench = Bench(request["scripts"])
    answer = getattr(bench, request["action"])(**request["arguments"])
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
