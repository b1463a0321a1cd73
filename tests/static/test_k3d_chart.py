# SPDX-License-Identifier: Apache-2.0
"""The Helm chart, judged without a cluster: what it renders, and what it refuses to render."""

import ast
import base64
import fnmatch
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.server.security_utils import should_block_cors_request

from manifest_policy import violations
from mlflow_conformance.stand.deploy.helm import Helm, Release
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.stand.deploy.schemas import kubernetes_version, problems
from postgresql_settings import assert_finds_lost_clients

Values = Mapping[str, str]

BACKUP = "mlflow_backup_20260125_020000.dump.enc"
EXTERNAL_POSTGRESQL: Values = {
    "postgresql.enabled": "false",
    "backendStore.uri": "postgresql://user:a-password-of-mine@db.example:5432/mlflow",
    "networkPolicy.external[0].cidr": "192.0.2.10/32",
    "networkPolicy.external[0].port": "5432",
}
EXTERNAL_S3: Values = {
    "minio.enabled": "false",
    "artifactStore.uri": "s3://bucket/mlflow",
    "backup.destination": "s3://backups/mlflow",
    "networkPolicy.external[0].cidr": "192.0.2.0/24",
    "networkPolicy.external[0].port": "443",
}
# Options that stand by themselves: each is rendered alone, and every pair of them in all four ways.
OPTIONS: Mapping[str, Values] = {
    "basic auth": {"auth.enabled": "true"},
    "MinIO with TLS": {"minio.tls": "true"},
    "no autoscaling": {"autoscaling.enabled": "false"},
    "memory target": {
        "autoscaling.targetMemoryUtilizationPercentage": "80",
        "resources.requests.memory": "1Gi",
    },
    "no budget": {"podDisruptionBudget.enabled": "false"},
    "no ingress": {"ingress.enabled": "false"},
    "ingress with its own certificate": {"ingress.tls[0].secretName": "mlflow-own-tls"},
    "auditor": {"auditor.enabled": "true", "auditor.namespace": "audit"},
    "tracing": {"tracing.enabled": "true"},
    "service monitor": {"metrics.serviceMonitor.enabled": "true"},
    "alerts": {"metrics.prometheusRule.enabled": "true"},
    "dashboard": {"metrics.grafanaDashboard.enabled": "true"},
    "text logs": {"mlflow.logFormat": "text"},
    "restore": {"restore.enabled": "true", "restore.backupFile": BACKUP},
    "deleted with the release": {"retainOnUninstall": "false"},
    "no indexes": {"postgresql.indexes": "false"},
    "no metrics of PostgreSQL": {"postgresql.metrics.enabled": "false"},
    "two workers": {"mlflow.workers": "2"},
    "given passwords": {
        "postgresql.auth.password": "p@ss/w0rd-of-a-user-long",
        "minio.auth.rootPassword": "another-password-of-a-user",
    },
    "chosen nodes": {
        "nodeSelector.pool": "mlops",
        "tolerations[0].key": "mlops",
        "tolerations[0].operator": "Exists",
    },
}
# What replaces a part of the deployment, and so goes with only some of the options.
REPLACEMENTS: Mapping[str, Values] = {
    "external PostgreSQL": EXTERNAL_POSTGRESQL,
    "external PostgreSQL, named by a Secret": {
        **EXTERNAL_POSTGRESQL,
        "backendStore.uri": "",
        "backendStore.existingSecret": "database",
        "backendStore.caSecret": "database-ca",
    },
    "external S3": EXTERNAL_S3,
    "external S3 with keys": {
        **EXTERNAL_S3,
        "artifactStore.existingSecret": "s3",
        "backup.existingSecret": "s3-backup",
        "artifactStore.endpointUrl": "https://s3.example",
        "artifactStore.caSecret": "s3-ca",
        "artifactStore.kmsKeyId": "key",
    },
    "both external": {**EXTERNAL_POSTGRESQL, **EXTERNAL_S3},
    "no backup": {"backup.enabled": "false"},
}


def pairwise_rows() -> list[list[str]]:
    """Few sets of options in which every two options meet on/on, on/off, off/on and off/off.

    Options are assigned different halves of 8 rows, all with row 0 (Kleitman and Spencer 1973): two
    different halves of one size differ both ways, share row 0, and so miss a row in common.
    """
    halves = itertools.combinations(range(1, 8), 3)
    rows = dict(zip(OPTIONS, halves, strict=False))
    return [[name for name, half in rows.items() if row == 0 or row in half] for row in range(8)]


def released(chart: Path, settings: Values, *, values: str | None = None) -> Release:
    """The release that is rendered here."""
    files = (chart / values,) if values else ()
    return Release("mlflow", "mlflow", chart, files, settings)


def render(helm: Helm, chart: Path, settings: Values | None = None) -> list[dict[str, Any]]:
    """The chart with some values."""
    release = released(chart, settings or {})
    return helm.template(release, kube_version=kubernetes_version())


def assert_sound(manifests: list[dict[str, Any]]) -> None:
    """No API server and no reviewer would refuse the objects."""
    assert [str(problem) for problem in problems(manifests)] == []
    assert [str(violation) for violation in violations(manifests)] == []


def only(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of a kind and name."""
    (found,) = [m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    return found


def test_pairwise_rows_hold_every_pair_in_all_four_ways() -> None:
    rows = pairwise_rows()
    for one, other in itertools.combinations(OPTIONS, 2):
        assert {(one in row, other in row) for row in rows} == set(
            itertools.product((True, False), repeat=2)
        )


@pytest.mark.parametrize("values", [None, "values-kind.yaml"])
def test_lint(helm: Helm, chart: Path, values: str | None) -> None:
    helm.lint(chart, [chart / values] if values else [])


@pytest.mark.parametrize("values", [None, "values-kind.yaml"])
def test_shipped_values_are_sound(helm: Helm, chart: Path, values: str | None) -> None:
    release = released(chart, {}, values=values)
    assert_sound(helm.template(release, kube_version=kubernetes_version()))


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_is_sound(helm: Helm, chart: Path, option: str) -> None:
    assert_sound(render(helm, chart, OPTIONS[option]))


@pytest.mark.parametrize("replacement", REPLACEMENTS)
def test_each_replacement_is_sound(helm: Helm, chart: Path, replacement: str) -> None:
    assert_sound(render(helm, chart, REPLACEMENTS[replacement]))


@pytest.mark.parametrize("row", range(8))
def test_pairs_of_options_are_sound(helm: Helm, chart: Path, row: int) -> None:
    settings: dict[str, str] = {}
    for option in pairwise_rows()[row]:
        settings |= OPTIONS[option]
    assert_sound(render(helm, chart, settings))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"mlflw.workers": "2"}, "additional properties 'mlflw' not allowed"),
        ({"mlflow.worker": "2"}, "additional properties 'worker' not allowed"),
        ({"mlflow.workers": "0"}, "minimum: got 0, want 1"),
        ({"mlflow.workers": "many"}, "got string, want integer"),
        ({"mlflow.logFormat": "xml"}, "must be one of 'json', 'text'"),
        ({"mlflow.podNetwork": "10.244.0.0/16"}, "does not match pattern"),
        ({"mlflow.allowedHosts[0]": "*"}, "'not' failed"),
        ({"mlflow.threads": "4"}, "leave it null and raise mlflow.workers"),
        ({"image.tag": "latest"}, "'not' failed"),
        ({"image.repository": "mlflow:3"}, "does not match pattern"),
        ({"tmpSize": "2 GB"}, "does not match pattern"),
        ({"resources.limits.memroy": "1Gi"}, "additional properties 'memroy' not allowed"),
        ({"service.port": "70000"}, "maximum: got 70,000, want 65,535"),
        ({"auth.password": "short"}, "minLength: got 5, want 12"),
        ({"auth.defaultPermission": "ALL"}, "must be one of"),
        ({"backup.schedule": "daily at two"}, "does not match pattern"),
        ({"backup.keep": "0"}, "minimum: got 0, want 1"),
        ({"restore.backupFile": "backup.sql.gz"}, "does not match pattern"),
        ({"tracing.samplingRatio": "10"}, "maximum: got 10, want 1"),
        ({"networkPolicy.clients.namespaceLabels": "null"}, "missing property 'namespaceLabels'"),
        ({"networkPolicy.external[0].cidr": "db.example"}, "does not match pattern"),
        ({"backendStore.uri": "mysql://u:p@h/db"}, "does not match pattern"),
        ({"artifactStore.uri": "gs://bucket"}, "does not match pattern"),
        ({"redis.enabled": "true"}, "MLflow has no cache in Redis"),
        (
            {"backendStore.uri": "postgresql://u:p@h/db"},
            "set postgresql.enabled=false or leave backendStore empty",
        ),
        ({"postgresql.enabled": "false"}, "set backendStore.uri or backendStore.existingSecret"),
        (
            {**EXTERNAL_POSTGRESQL, "backendStore.existingSecret": "database"},
            "are both set; keep one of them",
        ),
        (
            {"postgresql.enabled": "false", "backendStore.uri": "postgresql://u:p@h/db"},
            "list its addresses in networkPolicy.external",
        ),
        ({"backendStore.caSecret": "ca"}, "set postgresql.enabled=false or leave backendStore"),
        ({"artifactStore.uri": "s3://bucket"}, "set minio.enabled=false or leave"),
        ({"artifactStore.caSecret": "ca"}, "set minio.enabled=false or leave"),
        ({"minio.enabled": "false"}, "set artifactStore.uri to s3://bucket/prefix"),
        (
            {"minio.enabled": "false", "artifactStore.uri": "s3://bucket"},
            "set backup.destination to s3://bucket/prefix or backup.enabled=false",
        ),
        ({"backup.destination": "s3://bucket"}, "leave backup.destination empty"),
        ({"autoscaling.minReplicas": "11"}, "lower the first or raise the second"),
        ({"autoscaling.minReplicas": "1"}, "would let no node be drained"),
        (
            {"autoscaling.enabled": "false", "replicaCount": "1"},
            "would let no node be drained",
        ),
        ({"resources.requests.cpu": "null"}, "autoscaling by CPU needs resources.requests.cpu"),
        (
            {"autoscaling.targetMemoryUtilizationPercentage": "80"},
            "would keep maxReplicas for ever",
        ),
        ({"mlflow.workers": "8"}, "less than the 1690Mi that 8 workers take at rest"),
        ({"postgresql.maxConnections": "100"}, "less than the 990 that the server's pools"),
        ({"restore.enabled": "true"}, "restore.enabled needs restore.backupFile"),
        (
            {**OPTIONS["restore"], "restore.fromS3": "false"},
            "backups are kept nowhere else than in S3",
        ),
        ({**OPTIONS["restore"], **EXTERNAL_POSTGRESQL}, "works on the chart's own PostgreSQL"),
        ({**OPTIONS["restore"], "backup.enabled": "false"}, "restore.enabled needs backup.enabled"),
        ({"auditor.enabled": "true"}, "auditor.enabled needs auditor.namespace"),
        (
            {**OPTIONS["auditor"], **EXTERNAL_POSTGRESQL},
            "auditor.enabled makes accounts in the chart's own",
        ),
        ({"ingress.hosts": "null"}, "needs at least one entry in ingress.hosts"),
        ({"env[0].name": "MLFLOW_WORKERS"}, "MLFLOW_WORKERS is set by the chart"),
        ({"env[0].name": "not a name"}, "does not match pattern"),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_with_a_sentence(
    helm: Helm, chart: Path, settings: Values, sentence: str
) -> None:
    with pytest.raises(ProgramRefused) as refusal:
        render(helm, chart, settings)
    assert sentence in refusal.value.output


def test_schema_lists_every_value_of_the_defaults_and_no_other(chart: Path) -> None:
    """A value with no default is one that nobody can find."""
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())

    def compare(part: Any, of_schema: dict[str, Any], path: str) -> None:
        if "properties" not in of_schema or "$ref" in of_schema:
            return
        assert of_schema["additionalProperties"] is False, path
        assert set(part) == set(of_schema["properties"]) - {"global"}, path
        for name, value in part.items():
            if isinstance(value, dict):
                compare(value, of_schema["properties"][name], f"{path}.{name}")

    compare(values, schema, "")


def test_generated_secrets_differ_between_two_installs(helm: Helm, chart: Path) -> None:
    def secrets() -> dict[tuple[str, str], str]:
        return {
            (m["metadata"]["name"], key): value
            for m in render(helm, chart, {**OPTIONS["auditor"], **OPTIONS["basic auth"]})
            if m["kind"] == "Secret"
            for key, value in m["data"].items()
        }

    first, second = secrets(), secrets()
    same = {key for key in first if first[key] == second[key]}
    assert {key for _, key in same} == {
        "postgresql-username", "s3-access-key", "minio-root-user", "auth-username",
    }  # fmt: skip


def test_database_address_holds_the_password_that_the_role_gets(helm: Helm, chart: Path) -> None:
    manifests = render(helm, chart, {"postgresql.auth.password": "p@ss/w+r:d é"})
    data = only(manifests, "Secret", "mlflow-secret")["data"]
    assert base64.b64decode(data["postgresql-password"]).decode() == "p@ss/w+r:d é"
    assert base64.b64decode(data["backend-store-uri"]).decode() == (
        "postgresql+psycopg2://mlflow:p%40ss%2Fw%2Br%3Ad%20%C3%A9@mlflow-postgresql:5432/mlflow"
    )


def test_a_client_that_is_gone_holds_no_lock_for_longer_than_a_minute(
    helm: Helm, chart: Path
) -> None:
    text = only(render(helm, chart), "ConfigMap", "mlflow-postgresql")["data"]["postgresql.conf"]
    assert_finds_lost_clients(text, within_s=60)


def test_whoever_asks_an_external_store_knows_its_authority(helm: Helm, chart: Path) -> None:
    settings = {
        **EXTERNAL_POSTGRESQL,
        **EXTERNAL_S3,
        "auth.enabled": "true",
        "backendStore.caSecret": "database-ca",
        "artifactStore.caSecret": "s3-ca",
    }
    asking: dict[str, list[str]] = {"PGSSLROOTCERT": [], "AWS_CA_BUNDLE": []}
    for manifest in render(helm, chart, settings):
        template = manifest.get("spec", {}).get("jobTemplate", manifest).get("spec", {})
        pod = template.get("template", {}).get("spec", {})
        volumes = {v["name"]: v.get("secret", {}).get("secretName") for v in pod.get("volumes", [])}
        for container in [*pod.get("initContainers", []), *pod.get("containers", [])]:
            env = {e["name"]: e.get("value") for e in container["env"]}
            files = {
                f"{mount['mountPath']}/ca.crt": volumes[mount["name"]]
                for mount in container["volumeMounts"]
            }
            for variable, secret in (("PGSSLROOTCERT", "database-ca"), ("AWS_CA_BUNDLE", "s3-ca")):
                if variable in env:
                    assert files[str(env[variable])] == secret
                    asking[variable].append(container["name"])
            assert ("PGSSLROOTCERT" in env) == (env.get("PGSSLMODE") == "verify-full")
    assert {v: sorted(names) for v, names in asking.items()} == {
        "PGSSLROOTCERT": ["backup", "migrate", "mlflow", "schema"],
        "AWS_CA_BUNDLE": ["backup", "mlflow"],
    }


def test_autoscaler_owns_the_replicas(helm: Helm, chart: Path) -> None:
    """A number in the Deployment would undo what the autoscaler did, at every upgrade."""
    assert "replicas" not in only(render(helm, chart), "Deployment", "mlflow")["spec"]
    fixed = render(helm, chart, {"autoscaling.enabled": "false", "replicaCount": "3"})
    assert only(fixed, "Deployment", "mlflow")["spec"]["replicas"] == 3


@pytest.mark.parametrize("release", ["mlflow", "team-a"])
def test_names_follow_the_release(helm: Helm, chart: Path, release: str) -> None:
    manifests = helm.template(
        Release(release, "ns", chart, (), OPTIONS["restore"]), kube_version=kubernetes_version()
    )
    base = "mlflow" if release == "mlflow" else f"{release}-mlflow"
    assert {m["metadata"]["name"].removeprefix(base)[:1] for m in manifests} == {"", "-"}
    assert all(m["metadata"]["name"].startswith(base) for m in manifests)


def test_scripts_in_the_chart_are_sound(chart: Path) -> None:
    for path in chart.glob("files/**/*.py"):
        ast.parse(path.read_text())


SEED_LINES: Mapping[str, Values] = {
    "development": {
        "ingress.hosts[0].host": "mlflow.local",
        "postgresql.auth.password": "secure-password-of-24-chars",
        "minio.auth.rootPassword": "secure-minio-password-24",
    },
    "production": {
        "ingress.hosts[0].host": "mlflow.yourdomain.com",
        "ingress.tls[0].secretName": "mlflow-tls",
        "ingress.tls[0].hosts": "{mlflow.yourdomain.com}",
        "auth.enabled": "true",
        "networkPolicy.enabled": "true",
        "backup.enabled": "true",
    },
    "heavy workloads": {
        "resources.requests.cpu": "1000m",
        "resources.requests.memory": "2Gi",
        "resources.limits.cpu": "4000m",
        "resources.limits.memory": "8Gi",
        "autoscaling.targetCPUUtilizationPercentage": "50",
        "autoscaling.maxReplicas": "20",
    },
    "workers": {"mlflow.workers": "8", "resources.limits.memory": "2Gi"},
    "restore": {
        "restore.enabled": "true",
        "restore.backupFile": BACKUP,
        "restore.fromS3": "true",
    },
}


@pytest.mark.parametrize("line", SEED_LINES)
def test_the_guides_own_lines_are_sound(helm: Helm, chart: Path, line: str) -> None:
    assert_sound(render(helm, chart, SEED_LINES[line]))


def test_the_guides_names(helm: Helm, chart: Path) -> None:
    """What its kubectl lines name, and the containers that they enter."""
    manifests = render(helm, chart, OPTIONS["auditor"])
    server = only(manifests, "Deployment", "mlflow")["spec"]["template"]["spec"]
    minio = only(manifests, "StatefulSet", "mlflow-minio")["spec"]["template"]["spec"]
    assert "mlflow" in {container["name"] for container in server["containers"]}
    assert "minio" in {container["name"] for container in minio["containers"]}
    for kind, name in (
        ("Service", "mlflow"),
        ("Service", "mlflow-postgresql"),
        ("HorizontalPodAutoscaler", "mlflow"),
        ("PodDisruptionBudget", "mlflow"),
        ("Ingress", "mlflow"),
        ("CronJob", "mlflow-backup"),
        ("Secret", "mlflow-secret"),
        ("Secret", "mlflow-auditor"),
    ):
        only(manifests, kind, name)


def test_only_callers_of_the_guide_may_reach_the_server(helm: Helm, chart: Path) -> None:
    (rule,) = only(render(helm, chart), "NetworkPolicy", "mlflow")["spec"]["ingress"]
    assert rule["ports"] == [{"port": 5000, "protocol": "TCP"}]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"mlflow-access": "true"}}},
        {
            "namespaceSelector": {},
            "podSelector": {
                "matchExpressions": [
                    {"key": "app", "operator": "In", "values": ["orchestrator", "persona-runtime"]}
                ]
            },
        },
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "traefik"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
    ]


def test_origins_that_the_server_answers(helm: Helm, chart: Path) -> None:
    """MLflow's own pages work at the ingress hosts, and no other page may call the API."""
    server = only(render(helm, chart), "Deployment", "mlflow")["spec"]["template"]["spec"]
    [said] = [a for a in server["containers"][0]["args"] if a.startswith("--cors-allowed-origins=")]
    allowed = said.partition("=")[2].split(",")
    for origin in ("https://mlflow.local", "https://mlflow.local:15443"):
        assert not should_block_cors_request(origin, "POST", allowed), origin
    for origin in (
        "https://evil.example", "https://mlflow.local.evil.example", "https://evil.mlflow.local",
        "http://mlflow.local",
    ):  # fmt: skip
        assert should_block_cors_request(origin, "POST", allowed), origin


def test_hosts_that_the_server_answers(helm: Helm, chart: Path) -> None:
    """As MLflow itself compares them: by glob if there is an asterisk, else whole."""
    server = only(render(helm, chart), "Deployment", "mlflow")["spec"]["template"]["spec"]
    (argument,) = [a for a in server["containers"][0]["args"] if a.startswith("--allowed-hosts=")]
    patterns = argument.partition("=")[2].split(",")

    def answered(host: str) -> bool:
        return any(fnmatch.fnmatch(host, p) if "*" in p else host == p for p in patterns)

    for host in (
        "mlflow", "mlflow:5000", "mlflow.mlflow.svc.cluster.local:5000", "mlflow.local",
        "mlflow.local:15443", "localhost", "localhost:8080", "10.42.0.7:5000", "10.42.255.17:5000",
    ):  # fmt: skip
        assert answered(host), host
    for host in (
        "evil.example", "mlflow.evil.example", "10.42.evil.example:5000",
        "10.42.1.2.evil.example:5000", "10.43.0.7:5000", "localhost.evil.example",
    ):  # fmt: skip
        assert not answered(host), host
