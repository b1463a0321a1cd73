# SPDX-License-Identifier: Apache-2.0
"""Where everything of a deployment is: a profile's `names`."""

from pydantic import Field

from mlflow_conformance.config.documents import Strict


class MlflowNames(Strict):
    """How the MLflow server's objects are called."""

    deployment: str = Field(description="the Deployment")
    service: str = Field(description="the Service")
    port: int = Field(default=5000, ge=1, le=65535, description="the server's port")
    selector: dict[str, str] = Field(min_length=1, description="labels of the server's pods")
    container: str = Field(default="mlflow", description="the server's container in its pods")
    hpa: str | None = Field(default=None, description="the HorizontalPodAutoscaler")
    pdb: str | None = Field(default=None, description="the PodDisruptionBudget")


class PostgresqlNames(Strict):
    """Where PostgreSQL answers inside the cluster."""

    service: str = Field(description="the Service")
    port: int = Field(default=5432, ge=1, le=65535, description="its port")
    database: str = Field(default="mlflow", description="MLflow's database")
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="port of the Service where its metrics are"
    )
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")


class S3Names(Strict):
    """Where the bucket is; `prefix` is what artifact keys begin with."""

    endpoint: str = Field(description="URL as seen from the runner pod")
    bucket: str = Field(description="where artifacts are")
    prefix: str = Field(default="", description="what the keys of artifacts begin with")
    region: str = Field(default="us-east-1", description="the bucket's region")
    ca_secret: str | None = Field(
        default=None, description="Secret with `ca.crt` or `tls.crt` of an https endpoint"
    )
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")


class AuditorNames(Strict):
    """The Secret with the suite's own read-only credentials for SQL and S3."""

    secret: str = Field(description="the Secret; the rest are keys in it")
    sql_username: str = Field(default="postgresql-username", description="account of SQL")
    sql_password: str = Field(default="postgresql-password", description="its password")
    s3_access_key: str = Field(default="s3-access-key", description="account of the bucket")
    s3_secret_key: str = Field(default="s3-secret-key", description="its secret key")


class BackupNames(Strict):
    """How a backup is made by hand, and where backups are kept."""

    cronjob: str = Field(description="the CronJob")
    command: str = Field(
        description="documented line that makes a backup at once, for bash; `{job}` is the name "
        "that its Job must get, `{namespace}` the namespace"
    )
    bucket: str = Field(description="the bucket of backups")
    prefix: str = Field(default="", description="what the keys of backups begin with")
    object: str = Field(
        default="mlflow_backup_%Y%m%d_%H%M%S.dump.enc",
        description="name of a backup by its time (UTC), as strftime writes it",
    )
    manifest: str = Field(
        default=".manifest.json", description="what a backup's name ends with beside it"
    )


class LostNames(Strict):
    """How the deployment comes back when its namespace was lost, with all that was in it.

    Documented lines, for bash, run in the folder of deployment/ with `set -eu`. In each, `{folder}`
    is a private folder of this machine.
    """

    keep: str = Field(description="before the loss: keeps what a restore needs in `{folder}`")
    namespace: str = Field(description="makes the namespace again, with what was kept")
    install: str = Field(description="installs into it, and waits until all is ready")


class RestoreNames(Strict):
    """How a backup is restored: documented lines, for bash, run in the folder of deployment/."""

    command: str = Field(
        description="documented line that restores; `{backup}` is the name of the backup, "
        "`{token}` a name that no restore had before"
    )
    selector: dict[str, str] = Field(min_length=1, description="labels of restore Jobs")
    rebuild: str = Field(
        default="", description="line that makes an empty PostgreSQL fit for a restore, if needed"
    )
    after: str = Field(default="", description="line that ends the restore's settings, if needed")
    lost: LostNames | None = Field(
        default=None, description="how a lost namespace comes back, before a restore into it"
    )

    @property
    def lines(self) -> list[str]:
        """Every line."""
        lost = [self.lost.keep, self.lost.namespace, self.lost.install] if self.lost else []
        return [self.command, self.rebuild, self.after, *lost]


class RunnerNames(Strict):
    """The pod from which the inside door and the back doors are used."""

    namespace: str = Field(
        default="mlflow-conformance", description="made for the run, removed after it"
    )
    image: str = Field(description="has Python and this suite's dependencies")
    labels: dict[str, str] = Field(
        default={}, description="labels of its namespace that the network policies authorize"
    )


class FrontDoor(Strict):
    """How people reach MLflow from outside."""

    url: str = Field(description="scheme, host and port of the ingress")
    ca_secret: str | None = Field(
        default=None, description="Secret with the ingress's `ca.crt` or `tls.crt`"
    )


class Names(Strict):
    """Where everything of the deployment is."""

    namespace: str = Field(description="the namespace that MLflow is in")
    mlflow: MlflowNames = Field(description="the server")
    postgresql: PostgresqlNames | None = Field(default=None, description="the database")
    s3: S3Names | None = Field(default=None, description="the bucket")
    auditor: AuditorNames | None = Field(
        default=None, description="credentials that read both; without them no back door"
    )
    backup: BackupNames | None = Field(default=None, description="how backups are made")
    restore: RestoreNames | None = Field(default=None, description="how backups are restored")
    runner: RunnerNames = Field(description="the runner pod")
    front: FrontDoor | None = Field(default=None, description="the ingress")
