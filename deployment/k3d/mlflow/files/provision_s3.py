# SPDX-License-Identifier: Apache-2.0
"""Make the buckets, their encryption and the accounts of MinIO; harmless to repeat.

Environment: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the administrator,
KMS_KEY_ID, MLFLOW_SECRET_KEY, optionally BACKUP_SECRET_KEY and AUDITOR_SECRET_KEY, AWS_CA_BUNDLE.
"""

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from minio import MinioAdmin
from minio.credentials import StaticProvider

ARTIFACTS = "mlflow-artifacts"
BACKUPS = "mlflow-backups"
CONNECT_SECONDS = 300

READ = ["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"]
WRITE = [
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]
LIST = ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"]
INSPECT = ["s3:GetEncryptionConfiguration", "s3:GetBucketPolicy", "s3:GetBucketPolicyStatus"]


@dataclass(frozen=True)
class Account:
    """An account of MinIO: what it may do, on which buckets."""

    name: str
    buckets: tuple[str, ...]
    object_actions: tuple[str, ...]
    bucket_actions: tuple[str, ...]

    def policy(self) -> dict[str, Any]:
        """The identity policy. MinIO ignores a Deny in a bucket policy for its own users, so the
        Deny of any encryption but the bucket's own is here; an absent header means the bucket's.
        """
        objects = [f"arn:aws:s3:::{bucket}/*" for bucket in self.buckets]
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": list(self.bucket_actions),
                    "Resource": [f"arn:aws:s3:::{bucket}" for bucket in self.buckets],
                },
                {"Effect": "Allow", "Action": list(self.object_actions), "Resource": objects},
                {
                    "Effect": "Deny",
                    "Action": ["s3:PutObject"],
                    "Resource": objects,
                    "Condition": {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
                },
            ],
        }


ACCOUNTS = (
    Account("mlflow", (ARTIFACTS,), (*READ, *WRITE), tuple(LIST)),
    Account("backup", (BACKUPS,), (*READ, *WRITE), tuple(LIST)),
    Account("auditor", (ARTIFACTS, BACKUPS), tuple(READ), (*LIST, *INSPECT)),
)


def wait_for_s3(s3: Any, seconds: float) -> None:
    """Wait until the server answers.

    Raises:
        BotoCoreError, ClientError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            s3.list_buckets()
        except (BotoCoreError, ClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


def ensure_bucket(s3: Any, bucket: str, key_id: str) -> None:
    """Make a bucket whose objects are encrypted with the key unless they say otherwise."""
    there = (s3.exceptions.BucketAlreadyOwnedByYou, s3.exceptions.BucketAlreadyExists)
    with contextlib.suppress(*there):
        s3.create_bucket(Bucket=bucket)
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_id}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )


def minio_admin(endpoint: str) -> MinioAdmin:
    """The administration API of the server at `endpoint`."""
    parts = urlsplit(endpoint)
    bundle = os.environ.get("AWS_CA_BUNDLE")
    return MinioAdmin(
        endpoint=parts.netloc,
        credentials=StaticProvider(
            os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        ),
        secure=parts.scheme == "https",
        http_client=urllib3.PoolManager(ca_certs=bundle) if bundle else None,
    )


def main() -> int:
    """Provision everything; 0 when done."""
    endpoint = os.environ["AWS_ENDPOINT_URL_S3"]
    s3 = boto3.client("s3")
    wait_for_s3(s3, CONNECT_SECONDS)
    for bucket in (ARTIFACTS, BACKUPS):
        ensure_bucket(s3, bucket, os.environ["KMS_KEY_ID"])
    admin = minio_admin(endpoint)
    for account in ACCOUNTS:
        secret = os.environ.get(f"{account.name.upper()}_SECRET_KEY")
        if not secret:
            continue
        policy = f"chart-{account.name}"
        admin.policy_add(policy, policy=account.policy())
        admin.user_add(account.name, secret)
        admin.policy_set(policy, user=account.name)
        sys.stderr.write(f"account {account.name} is in place\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
