# SPDX-License-Identifier: Apache-2.0
"""A run's folder in an S3 bucket, where it outlives the pod or the runner that made it."""

import mimetypes
import re
from pathlib import Path
from urllib.parse import urlsplit

from boto3.exceptions import S3UploadFailedError
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.evidence.recorded import recorded

_LAST = "verdict.json"
"""What programs wait for: once it is there, so is everything else."""
_CONNECT_S, _REPLY_S = 10, 60
_OTHER_TYPES = {".jsonl": "application/jsonl", ".md": "text/markdown; charset=utf-8"}


def upload(folder: Path, address: str) -> str:
    """Copy a run, or an upgrade, to ``s3://BUCKET/PREFIX/RUN ID/``; returns that address.

    Account, region and endpoint are those of the environment, as the AWS SDKs read it:
    ``AWS_ACCESS_KEY_ID`` or a web identity, ``AWS_REGION``, ``AWS_ENDPOINT_URL_S3``,
    ``AWS_CA_BUNDLE``. Objects of the same run are replaced, so that it can be done again.

    Raises:
        Unusable: the folder holds no run, the address is none, or the store refused or did not
            answer.
    """
    bucket, prefix = _parts(address)
    if not folder.is_dir():
        raise Unusable(f"{folder} is no folder", remedy="Name the folder of a run")
    run = recorded(folder).run.run_id
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    files.sort(key=lambda path: path == folder / _LAST)
    place = f"{prefix}{run}/"
    _send(folder, files, bucket, place)
    return f"s3://{bucket}/{place}"


def _parts(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    named = re.fullmatch(r"[A-Za-z0-9._-]{1,255}", parts.netloc)
    if parts.scheme != "s3" or not named or parts.query or parts.fragment:
        raise Unusable(
            f"{address!r} is no bucket", remedy="Write s3://BUCKET or s3://BUCKET/PREFIX"
        )
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


def _send(folder: Path, files: list[Path], bucket: str, place: str) -> None:
    limits = Config(connect_timeout=_CONNECT_S, read_timeout=_REPLY_S)
    try:
        client = Session().client("s3", config=limits)
        for path in files:
            key = place + path.relative_to(folder).as_posix()
            client.upload_file(str(path), bucket, key, ExtraArgs={"ContentType": _type(path)})
    except (BotoCoreError, ClientError, S3UploadFailedError) as problem:
        raise Unusable(
            f"{folder} could not be copied to s3://{bucket}/{place}: "
            + " ".join(str(problem).split()),
            remedy="Correct the address, AWS_ENDPOINT_URL_S3 or the account, which needs "
            "s3:PutObject there, and run it again",
        ) from problem
    except OSError as problem:
        raise Unusable(
            f"{problem.filename or folder} cannot be read: {problem.strerror}",
            remedy="Make it readable and run it again",
        ) from problem


def _type(path: Path) -> str:
    """The media type, by which a browser shows a report instead of keeping it."""
    known = _OTHER_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return known or "application/octet-stream"
