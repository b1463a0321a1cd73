# SPDX-License-Identifier: Apache-2.0
"""Make on MinIO what the EKS deployment finds on AWS; harmless to repeat.

Buckets with encryption, and one policy per role. MinIO finds the policy of a token by
its `sub` claim, so a policy is named as the ServiceAccount whose role-arn annotation EKS would go
by. The auditor of the suite, who is no workload of the cluster, has keys.

Environment: AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the administrator,
KMS_KEY_ID, AUDITOR_SECRET_KEY, AWS_CA_BUNDLE.
"""

import os
import sys

import boto3
from provision_s3 import (
    CONNECT_SECONDS,
    INSPECT,
    LIST,
    READ,
    WRITE,
    Account,
    ensure_bucket,
    minio_admin,
    wait_for_s3,
)

ARTIFACTS = "mlops-model-artifacts"
BACKUPS = "mlops-backups"
# No lifecycle: the backup Job itself forgets after 30 days, and never the last good one, which a
# rule of the bucket cannot know.

ROLES = (
    Account("system:serviceaccount:mlflow:mlflow-sa", (ARTIFACTS,), (*READ, *WRITE), tuple(LIST)),
    Account(
        "system:serviceaccount:mlflow:postgres-backup-sa",
        (BACKUPS,),
        (*READ, *WRITE),
        tuple(LIST),
    ),
)
AUDITOR = Account("auditor", (ARTIFACTS, BACKUPS), tuple(READ), (*LIST, *INSPECT))


def main() -> int:
    """Provision everything; 0 when done."""
    s3 = boto3.client("s3")
    wait_for_s3(s3, CONNECT_SECONDS)
    for bucket in (ARTIFACTS, BACKUPS):
        ensure_bucket(s3, bucket, os.environ["KMS_KEY_ID"])
    admin = minio_admin(os.environ["AWS_ENDPOINT_URL_S3"])
    for role in ROLES:
        admin.policy_add(role.name, policy=role.policy())
        sys.stderr.write(f"the role of {role.name} is in place\n")
    admin.policy_add(AUDITOR.name, policy=AUDITOR.policy())
    admin.user_add(AUDITOR.name, os.environ["AUDITOR_SECRET_KEY"])
    admin.policy_set(AUDITOR.name, user=AUDITOR.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
