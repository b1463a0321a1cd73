# SPDX-License-Identifier: Apache-2.0
"""Where everything of a deployment is: a profile's `names`."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from mlflow_conformance.config.backup_names import BackupNames, RestoreNames
from mlflow_conformance.config.beside_names import (
    MonitoringNames,
    ProgramNames,
    ServingNames,
    TracingNames,
    WorkflowsNames,
)
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.object_names import LabelName, ObjectName, Url

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
Port = Annotated[int, Field(ge=1, le=65535)]
"""A port of TCP."""


def _static_prefix(path: str) -> str:
    if path and (not path.startswith("/") or path.endswith("/")):
        raise ValueError("begins with a slash and does not end in one, such as /mlflow")
    return path


def _key_prefix(prefix: str) -> str:
    if prefix and not prefix.endswith("/"):
        raise ValueError(f"ends in a slash, such as {prefix}/")
    return prefix


class LoginNames(Strict):
    """The account that this suite uses, where one is asked for.

    Without a Secret it is the one of the environment, by the names that MLflow's own clients know:
    `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`.
    """

    kind: Literal["basic", "bearer"] = Field(
        description="`basic`: a user and a password; `bearer`: a token"
    )
    secret: ObjectName | None = Field(
        default=None, description="the Secret; without it `MLFLOW_TRACKING_…` of the environment"
    )
    username: str = Field(default="username", description="key of the user in the Secret")
    password: str = Field(default="password", description="key of the password in the Secret")
    token: str = Field(default="token", description="key of the token in the Secret")


class MlflowNames(Strict):
    """How the MLflow server's objects are called, and how it is spoken to inside the cluster."""

    deployment: ObjectName = Field(description="the Deployment, or what `kind` says")
    kind: Literal["deployment", "statefulset"] = Field(
        default="deployment", description="what makes the server's pods"
    )
    service: LabelName = Field(description="the Service")
    port: Port = Field(default=5000, description="the port at which the server's pods listen")
    service_port: Port | None = Field(
        default=None, description="the Service's port, where it is another one"
    )
    scheme: Literal["http", "https"] = Field(
        default="http", description="`https` where the pods themselves have a certificate"
    )
    ca_secret: ObjectName | None = Field(
        default=None, description="Secret with `ca.crt` or `tls.crt` of the pods' certificate"
    )
    certificate_name: str | None = Field(
        default=None, description="name in that certificate; default: SERVICE.NAMESPACE.svc"
    )
    path: Annotated[str, AfterValidator(_static_prefix)] = Field(
        default="", description="what MLflow's `--static-prefix` says, such as `/mlflow`"
    )
    login: LoginNames | None = Field(
        default=None, description="the account, where MLflow itself asks for one"
    )
    selector: dict[str, str] = Field(min_length=1, description="labels of the server's pods")
    container: LabelName = Field(default="mlflow", description="the server's container in its pods")
    hpa: ObjectName | None = Field(default=None, description="the HorizontalPodAutoscaler")
    pdb: ObjectName | None = Field(default=None, description="the PodDisruptionBudget")

    @property
    def scaled(self) -> str:
        """What an autoscaler of it names, ``Kind/name``."""
        kind = "Deployment" if self.kind == "deployment" else "StatefulSet"
        return f"{kind}/{self.deployment}"

    @property
    def port_of_service(self) -> int:
        """The Service's port."""
        return self.service_port or self.port

    @property
    def port_as_called(self) -> str:
        """The Service's port behind a host, as clients say it: not where their scheme has it."""
        own = {"http": 80, "https": 443}[self.scheme]
        return "" if self.port_of_service == own else f":{self.port_of_service}"

    def origin(self, host: str, *, of_service: bool = False) -> str:
        """Scheme, host and port of a pod, or the Service, by a name or an address of any kind."""
        port = self.port_of_service if of_service else self.port
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def url(self, host: str, *, of_service: bool = False) -> str:
        """Where MLflow answers at a pod, or at the Service; see `origin`."""
        return self.origin(host, of_service=of_service) + self.path


class PostgresqlNames(Strict):
    """Where PostgreSQL answers: a Service of the namespace, or a host anywhere."""

    service: LabelName | None = Field(
        default=None, description="the Service, when in the namespace"
    )
    host: str | None = Field(
        default=None, description="its name as the runner reaches it, when it is elsewhere"
    )
    port: Port = Field(default=5432, description="its port")
    database: str = Field(default="mlflow", description="MLflow's database")
    sslmode: SslMode | None = Field(
        default=None, description="as libpq knows it; `prefer` when it is left out"
    )
    ca_secret: ObjectName | None = Field(
        default=None, description="Secret with `ca.crt` or `tls.crt` of its certificate"
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65535, description="port of the Service where its metrics are"
    )
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.service is None) == (self.host is None):
            raise ValueError("needs a service or a host, and not both")
        return self

    def address(self, namespace: str) -> str:
        """The name by which the runner reaches it."""
        return self.host or f"{self.service}.{namespace}.svc"


class S3Names(Strict):
    """Where the bucket is; `prefix` is what artifact keys begin with."""

    endpoint: Url = Field(description="URL as seen from the runner pod")
    bucket: str = Field(min_length=1, description="where artifacts are")
    prefix: Annotated[str, AfterValidator(_key_prefix)] = Field(
        default="", description="what the keys of artifacts begin with; ends in a slash"
    )
    region: str = Field(default="us-east-1", description="the bucket's region")
    ca_secret: ObjectName | None = Field(
        default=None, description="Secret with `ca.crt` or `tls.crt` of an https endpoint"
    )
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")


class AuditorNames(Strict):
    """The Secret with the suite's own read-only credentials for SQL and S3."""

    secret: ObjectName = Field(description="the Secret; the rest are keys in it")
    sql_username: str = Field(default="postgresql-username", description="account of SQL")
    sql_password: str = Field(default="postgresql-password", description="its password")
    s3_access_key: str = Field(default="s3-access-key", description="account of the bucket")
    s3_secret_key: str = Field(default="s3-secret-key", description="its secret key")
    s3_session_token: str | None = Field(
        default=None, description="the token of temporary keys, when they are such"
    )


class RunnerPod(Strict):
    """What the runner's pod, and but for labels and account probe pods, need on this cluster."""

    pull_secrets: list[str] = Field(
        default=[],
        description="Secrets of MLflow's namespace by which its image is pulled; they are copied "
        "beside the runner and probe pods, and removed with them",
    )
    labels: dict[str, str] = Field(
        default={}, description="of the pod, such as those by which network policies let it connect"
    )
    security_context: dict[str, JsonValue] = Field(
        default={}, description="over the pod's own: of the restricted standard, user 10001"
    )
    node_selector: dict[str, str] = Field(default={}, description="labels of its nodes")
    tolerations: list[dict[str, JsonValue]] = Field(
        default=[], description="besides that of the control plane"
    )
    resources: dict[str, dict[str, str]] = Field(
        default={}, description="`requests` and `limits`, over the pod's own"
    )
    service_account_annotations: dict[str, str] = Field(
        default={}, description="of a ServiceAccount of its own, such as a role of the cloud"
    )
    annotations: dict[str, str] = Field(
        default={}, description="of the pod, such as one that keeps a service mesh out of it"
    )


class MigrationNames(Strict):
    """What brings the database to the schema of a version."""

    selector: dict[str, str] = Field(min_length=1, description="labels of migration Jobs' pods")


class RunnerNames(Strict):
    """The pod from which the inside door and the back doors are used."""

    namespace: LabelName = Field(
        default="mlflow-conformance", description="made for the run, removed after it"
    )
    image: str = Field(
        default="",
        description="has Python 3.11 or newer and what this suite needs; empty: MLflow's own",
    )
    pod: RunnerPod = Field(default=RunnerPod(), description="what this cluster asks of its pod")
    labels: dict[str, str] = Field(
        default={}, description="labels of its namespace that the network policies authorize"
    )


class FrontDoor(Strict):
    """How people reach MLflow from outside."""

    url: Url = Field(
        description="scheme, host and port of the ingress, and MLflow's path there if it has one"
    )
    ca_secret: ObjectName | None = Field(
        default=None, description="Secret with the ingress's `ca.crt` or `tls.crt`"
    )
    login: LoginNames | None = Field(
        default=None, description="the account at the ingress; default: MLflow's own"
    )
    client_secret: ObjectName | None = Field(
        default=None,
        description="Secret with `tls.crt` and `tls.key` by which this suite is known to it",
    )


class Names(Strict):
    """Where everything of the deployment is."""

    namespace: LabelName = Field(description="the namespace that MLflow is in")
    mlflow: MlflowNames = Field(description="the server")
    postgresql: PostgresqlNames | None = Field(default=None, description="the database")
    s3: S3Names | None = Field(default=None, description="the bucket")
    auditor: AuditorNames | None = Field(
        default=None, description="credentials that read both; without them no back door"
    )
    backup: BackupNames | None = Field(default=None, description="how backups are made")
    migration: MigrationNames | None = Field(
        default=None, description="how the schema is migrated; without it pods do it themselves"
    )
    restore: RestoreNames | None = Field(default=None, description="how backups are restored")
    monitoring: MonitoringNames | None = Field(
        default=None, description="how it is watched, with an operator of Prometheus"
    )
    tracing: TracingNames | None = Field(
        default=None, description="how the server traces what it does, with Jaeger"
    )
    workflows: WorkflowsNames | None = Field(
        default=None, description="where workflows use it, with Argo Workflows"
    )
    serving: ServingNames | None = Field(
        default=None, description="where models of it are served, with KServe"
    )
    program: ProgramNames | None = Field(
        default=None, description="where a program that traces itself uses it"
    )
    runner: RunnerNames = Field(default=RunnerNames(), description="the runner pod")
    front: FrontDoor | None = Field(default=None, description="the ingress")
