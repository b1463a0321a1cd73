# SPDX-License-Identifier: Apache-2.0
"""Where that is which stands beside a deployment: what watches, traces and uses it."""

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.object_names import LabelName


class MonitoringNames(Strict):
    """Where the deployment is watched from, and what it gives to whoever watches it."""

    namespace: str = Field(
        default="monitoring",
        description="the namespace of Prometheus, which the network policies admit",
    )
    objects: str | None = Field(
        default=None,
        description="documented line, for bash, run in the folder of deployment/, that prints the "
        "deployment's manifests, among them ServiceMonitors, PrometheusRules and dashboards",
    )
    dashboards: str = Field(
        default="grafana_dashboard",
        description="the label of ConfigMaps that hold Grafana's dashboards",
    )
    prometheus: str | None = Field(
        default=None,
        description="URL of Prometheus as the runner reaches it; on a cluster that was made here "
        "without one, a Prometheus is installed for the checks that ask for it",
    )
    for_s: float | None = Field(
        default=None,
        ge=0,
        description="longest `for` of an alert as that Prometheus is given it, seconds: longer "
        "ones are shortened to it; as the deployment has them when it is left out",
    )


class TracingNames(Strict):
    """Where the server's own traces go, as OpenTelemetry sends them."""

    service: str = Field(min_length=1, description="the name of the service in its traces")
    namespace: LabelName = Field(
        default="monitoring",
        description="the namespace of the collector, which the network policies admit",
    )
    collector: LabelName = Field(
        default="jaeger-collector", description="the collector's Service, to which is sent"
    )
    objects: str | None = Field(
        default=None,
        description="documented line, for bash, run in the folder of deployment/, that prints the "
        "manifests of the deployment as it traces; by it tracing is switched on for the checks "
        "that ask for traces, on a cluster that was made here",
    )
    query: str | None = Field(
        default=None,
        description="URL of Jaeger's query service as the runner reaches it, where the deployment "
        "traces already; on a cluster that was made here without one, a Jaeger is installed for "
        "the checks that ask for it",
    )


class WorkflowsNames(Strict):
    """Where workflows use the deployment: Argo Workflows, on a cluster that was made here."""

    namespace: LabelName = Field(
        default="mlflow-workflows",
        description="in which Argo Workflows is installed for the checks that ask for it; it gets "
        "`runner.labels`, by which the network policies authorize it",
    )


class ServingNames(Strict):
    """Where models of the deployment are served: KServe, on a cluster that was made here."""

    namespace: LabelName = Field(
        default="mlflow-serving",
        description="in which KServe is installed for the checks that ask for it, and serves "
        "models; it gets `runner.labels`, by which the network policies authorize it",
    )


class ProgramNames(Strict):
    """Where a program that traces itself uses the deployment, on a cluster that was made here."""

    namespace: LabelName = Field(
        default="mlflow-programs",
        description="made for the check that runs the guide's program, and gone after it",
    )
    labels: dict[str, str] = Field(
        min_length=1,
        description="labels of the program's pod, by which the network policies authorize it",
    )
