# SPDX-License-Identifier: Apache-2.0
"""What the runner can do. Every operation takes and returns JSON and tries once.

Drivers are imported inside the functions: a probe needs neither that of the database nor boto3,
and the runner pod starts in a fraction of the time.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir
from typing import Any, cast

from pydantic import JsonValue

from mlflow_conformance.doors import receiver, trust
from mlflow_conformance.doors.attempt import attempt
from mlflow_conformance.doors.http import NoReply, send
from mlflow_conformance.doors.statements import sql
from mlflow_conformance.doors.trust import Trust
from mlflow_conformance.doors.upload import Upload

Operation = Callable[..., JsonValue]


def http(
    method: str,
    url: str,
    timeout_s: float,
    headers: dict[str, str] | None = None,
    body_base64: str | None = None,
    ca_file: str | None = None,
) -> JsonValue:
    """One HTTP request (see `mlflow_conformance.doors.http`), and when it began there."""
    started = time.monotonic_ns()
    try:
        reply = send(
            method,
            url,
            headers=headers or {},
            body=base64.b64decode(body_base64) if body_base64 is not None else None,
            timeout_s=timeout_s,
            ca_file=ca_file,
        )
    except NoReply as lost:
        return {
            "failure": lost.failure,
            "detail": lost.detail,
            "elapsed_s": lost.elapsed_s,
            "started_ns": started,
        }
    return {
        "started_ns": started,
        "status": reply.status,
        "headers": dict(reply.headers),
        "body_base64": base64.b64encode(reply.body).decode(),
        "elapsed_s": reply.elapsed_s,
    }


def upload(**fields: Any) -> JsonValue:
    """One upload that can be slow or cut short (see `mlflow_conformance.doors.upload`)."""
    return Upload(**fields).send()


def http_many(requests: list[dict[str, Any]], concurrency: int) -> JsonValue:
    """Several HTTP requests, at most `concurrency` at once; replies in the order of requests."""
    with ThreadPoolExecutor(concurrency) as pool:
        return list(pool.map(lambda request: http(**request), requests))


def keep_certificates(pem: str) -> JsonValue:
    """Keep certificates in a file here, for who wants a `ca_file`; the path of it."""
    path = Path(gettempdir()) / f"{hashlib.sha256(pem.encode()).hexdigest()}.crt"
    path.write_text(pem, encoding="utf-8")
    return str(path)


def know_pods(pem: str, name: str, called: list[str]) -> JsonValue:
    """Trust the certificates of MLflow's own pods (see `mlflow_conformance.doors.trust`)."""
    trust.learn(Trust(str(keep_certificates(pem)), name, tuple(called)))
    return None


def _s3(door: dict[str, Any]) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=door["endpoint"],
        aws_access_key_id=door["access_key"],
        aws_secret_access_key=door["secret_key"],
        aws_session_token=door.get("session_token"),
        region_name=door["region"],
        verify=door.get("ca_file") or True,
        config=Config(
            retries={"total_max_attempts": 1},
            connect_timeout=10,
            read_timeout=60,
            s3={"addressing_style": "path"},
            # botocore adds checksum trailers by default that older S3 servers refuse
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def s3_list(door: dict[str, Any], prefix: str) -> JsonValue:
    """Every object below a prefix: key, size in bytes, ETag; all pages."""
    pages = (
        _s3(door).get_paginator("list_objects_v2").paginate(Bucket=door["bucket"], Prefix=prefix)
    )
    return [
        {"key": item["Key"], "size": item["Size"], "etag": item["ETag"].strip('"')}
        for page in pages
        for item in page.get("Contents", [])
    ]


def s3_spread(door: dict[str, Any], folders: int, each: int, after: str) -> JsonValue:
    """Keys from all over a bucket, of which a list from its beginning would show one corner.

    Of so many of its folders, spread evenly over all of them, the first keys and those that come
    after a letter. Where everything is in one folder, that one's folders are meant.

    Returns the keys, and how many folders there are.
    """
    client, prefix = _s3(door), ""
    while True:
        places: list[str] = []
        keys: list[str] = []
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=door["bucket"], Prefix=prefix, Delimiter="/"
        )
        for page in pages:
            places += [place["Prefix"] for place in page.get("CommonPrefixes", [])]
            keys += [item["Key"] for item in page.get("Contents", [])]
        if len(places) != 1 or keys:
            break
        prefix = places[0]
    found = [*keys[:each], *keys[-each:]]
    for place in _spread(places, folders):
        for start in ("", place + after):
            page = client.list_objects_v2(
                Bucket=door["bucket"], Prefix=place, MaxKeys=each, StartAfter=start
            )
            found += [item["Key"] for item in page.get("Contents", [])]
    return {"keys": cast(JsonValue, sorted(set(found))), "folders": len(places)}


def _spread(values: Sequence[str], most: int) -> Sequence[str]:
    """So many of the values, evenly, with the first and the last one."""
    if len(values) <= most:
        return values
    return [values[round(n * (len(values) - 1) / (most - 1))] for n in range(most)]


def s3_digest(door: dict[str, Any], keys: Sequence[str]) -> JsonValue:
    """sha256 and size of each object, read byte by byte; None for one that does not exist."""
    from botocore.exceptions import ClientError

    client = _s3(door)
    result: dict[str, JsonValue] = {}
    for key in keys:
        try:
            body = client.get_object(Bucket=door["bucket"], Key=key)["Body"]
        except ClientError as problem:
            if problem.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            result[key] = None
            continue
        digest, size = hashlib.sha256(), 0
        for chunk in body.iter_chunks(1 << 20):
            digest.update(chunk)
            size += len(chunk)
        result[key] = {"sha256": digest.hexdigest(), "size": size}
    return result


def s3_get(door: dict[str, Any], key: str) -> JsonValue:
    """The bytes of one object in base64; None when it does not exist."""
    from botocore.exceptions import ClientError

    try:
        body = _s3(door).get_object(Bucket=door["bucket"], Key=key)["Body"].read()
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    return base64.b64encode(body).decode()


def s3_head(door: dict[str, Any], key: str) -> JsonValue:
    """Size, encryption, metadata and expiry of one object; None when it does not exist."""
    from botocore.exceptions import ClientError

    try:
        head = _s3(door).head_object(Bucket=door["bucket"], Key=key)
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        return None
    return {
        "size": head["ContentLength"],
        "encryption": head.get("ServerSideEncryption"),
        "key_id": head.get("SSEKMSKeyId"),
        "metadata": head.get("Metadata", {}),
        # Of a lifecycle rule of the bucket, which S3 itself carries out.
        "expires": head.get("Expiration"),
    }


def tcp(host: str, port: int, timeout_s: float) -> JsonValue:
    """Try to open one TCP connection (see `mlflow_conformance.doors.attempt`)."""
    return attempt(host, port, timeout_s)


def s3_put(door: dict[str, Any], key: str, encryption: str | None = None) -> JsonValue:
    """Try to write a small object: the error's code, or None when it was stored."""
    extra = {"ServerSideEncryption": encryption} if encryption else {}
    return _s3_refusal(
        lambda: _s3(door).put_object(Bucket=door["bucket"], Key=key, Body=b"conformance", **extra)
    )


def s3_delete(door: dict[str, Any], key: str) -> JsonValue:
    """Try to delete an object: the error's code, or None when it was done."""
    return _s3_refusal(lambda: _s3(door).delete_object(Bucket=door["bucket"], Key=key))


def s3_try_list(door: dict[str, Any], prefix: str) -> JsonValue:
    """Try to list a bucket: the error's code, or None when it was shown."""
    return _s3_refusal(
        lambda: _s3(door).list_objects_v2(Bucket=door["bucket"], Prefix=prefix, MaxKeys=1)
    )


def s3_try_get(door: dict[str, Any], key: str) -> JsonValue:
    """Try to read the first byte of an object: the error's code, or None when it was given."""
    return _s3_refusal(
        lambda: _s3(door).get_object(Bucket=door["bucket"], Key=key, Range="bytes=0-0")
    )


def _s3_refusal(act: Callable[[], object]) -> JsonValue:
    from botocore.exceptions import ClientError

    try:
        act()
    except ClientError as problem:
        return str(problem.response["Error"]["Code"])
    return None


def receiver_start(port: int, refused: str, refusals: int, towards: str) -> JsonValue:
    """Start a receiver (see `mlflow_conformance.doors.receiver`): its number and URL."""
    number, url = receiver.start(port, refused, refusals, towards)
    return {"number": number, "url": url}


def receiver_posts(number: int) -> JsonValue:
    """What a receiver has kept so far, in the order in which it came."""
    return cast(JsonValue, receiver.posts(number))


def receiver_stop(number: int) -> JsonValue:
    """Stop a receiver."""
    receiver.stop(number)
    return None


def ping() -> JsonValue:
    """Answers, so that the other side knows that the agent is there."""
    return "pong"


def lacking(modules: list[str]) -> JsonValue:
    """Those of these modules that the Python of this process does not have."""
    invalidate_caches()
    return [name for name in modules if find_spec(name) is None]


OPERATIONS: dict[str, Operation] = {
    f.__name__: f
    for f in (
        lacking,
        http,
        http_many,
        keep_certificates,
        know_pods,
        ping,
        receiver_posts,
        receiver_start,
        receiver_stop,
        s3_delete,
        s3_digest,
        s3_get,
        s3_head,
        s3_list,
        s3_put,
        s3_spread,
        s3_try_get,
        s3_try_list,
        sql,
        tcp,
        upload,
    )
}
