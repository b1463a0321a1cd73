# SPDX-License-Identifier: Apache-2.0
"""The EKS kustomization, judged without a cluster: what it renders and what its overlay changes."""

import copy
import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

import shipped
from manifest_policy import violations
from mlflow_conformance.config.assets import asset
from mlflow_conformance.config.profile import Profile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.stand.deploy.kustomize import Kustomize
from mlflow_conformance.stand.deploy.program import ProgramRefused
from mlflow_conformance.stand.deploy.schemas import problems
from postgresql_settings import assert_finds_lost_clients, settings_of

Objects = list[dict[str, Any]]

# What the overlay may add to pods that reach S3: the webhook's work, and where S3 is.
IDENTITY = {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}
ENDPOINT = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_CA_BUNDLE"}
VOLUMES = {"aws-iam-token", "s3-ca"}


@pytest.fixture(scope="session")
def profile() -> Profile:
    """What the deployment promises."""
    return shipped.profile("eks")


def only(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    """The object of a kind and name."""
    (found,) = [m for m in objects if (m["kind"], m["metadata"]["name"]) == (kind, name)]
    return found


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The specification of an object's pods."""
    spec = manifest["spec"]
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def environment(container: dict[str, Any]) -> dict[str, str]:
    """Variables with a value that is written in the manifest."""
    return {v["name"]: v["value"] for v in container["env"] if "value" in v}


def assert_sound(objects: Objects) -> None:
    """No API server and no reviewer would refuse the objects."""
    assert [str(problem) for problem in problems(objects)] == []
    assert [str(violation) for violation in violations(objects)] == []


def test_base_is_sound(base: Objects) -> None:
    assert_sound(base)


def test_kind_overlay_is_sound(kind: Objects) -> None:
    assert_sound(kind)


def test_overlay_of_a_user_is_sound(kustomize: Kustomize, overlay: Path) -> None:
    objects = kustomize.render(overlay)
    assert_sound(objects)
    server = only(objects, "Deployment", "mlflow-server")
    images = {c["image"] for key in ("initContainers", "containers") for c in pod_of(server)[key]}
    assert images == {"registry.example/mlflow:3.18.0"}
    (container,) = pod_of(server)["containers"]
    assert "--app-name=basic-auth" in container["args"]
    assert container["command"] == ["opentelemetry-instrument", "mlflow"]
    assert environment(container)["OTEL_TRACES_SAMPLER_ARG"] == "0.1"
    paths = [
        egress["to"]
        for egress in only(objects, "NetworkPolicy", "mlflow-server-tracing")["spec"]["egress"]
    ]
    assert paths == [
        [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    ]


def test_every_version_has_a_migration_of_its_own(
    kustomize: Kustomize, base: Objects, overlay: Path
) -> None:
    """A Job cannot be changed: one name for two versions would make an upgrade fail."""

    def migration(objects: Objects) -> str:
        (name,) = [
            m["metadata"]["name"]
            for m in objects
            if m["kind"] == "Job" and m["metadata"]["labels"]["app"] == "mlflow-migrate"
        ]
        return str(name)

    assert migration(base) == "mlflow-migrate-3.17.2"
    # With users it is another Job than without, for the one without may still be there.
    assert migration(kustomize.render(overlay)) == "mlflow-migrate-3.18.0-users"


def test_jobs_read_nothing_whose_name_changes_with_its_content(base: Objects) -> None:
    """Else an edited script would change the template of a Job that is still there."""
    hashed = {
        m["metadata"]["name"]
        for m in base
        if m["kind"] == "ConfigMap" and m["metadata"]["name"].count("-") > 1
    }
    assert hashed
    for job in (m for m in base if m["kind"] == "Job"):
        assert not [name for name in hashed if name in yaml.safe_dump(job)]


def test_kind_keeps_every_object_but_those_of_the_prometheus_operator(
    base: Objects, kind: Objects
) -> None:
    def names(objects: Objects) -> set[tuple[str, str]]:
        return {
            (m["kind"], m["metadata"]["name"])
            for m in objects
            if m["kind"] != "ConfigMap"  # their names hold their content
        }

    assert {kind for kind, _ in names(base) - names(kind)} == {"ServiceMonitor", "PrometheusRule"}
    assert names(kind) - names(base) == {
        ("CiliumNetworkPolicy", "minio-issuer"),
        ("ClusterRoleBinding", "mlflow-service-account-issuer-discovery"),
        ("Job", "minio-provision"),
        ("NetworkPolicy", "auditor"),
        ("NetworkPolicy", "minio"),
        ("NetworkPolicy", "minio-provision"),
        ("NetworkPolicy", "webhooks"),
        ("Service", "minio"),
        ("ServiceAccount", "minio-provision-sa"),
        ("ServiceAccount", "minio-sa"),
        ("StatefulSet", "minio"),
        ("StorageClass", "gp3"),
    }


@pytest.mark.parametrize(
    ("what", "name", "role"),
    [
        ("Deployment", "mlflow-server", "mlflow-sa"),
        ("CronJob", "postgres-backup", "postgres-backup-sa"),
        ("CronJob", "postgres-restore", "postgres-backup-sa"),
    ],
)
def test_kind_changes_pods_only_as_the_webhook_does(
    base: Objects, kind: Objects, what: str, name: str, role: str
) -> None:
    """Images, the server's configuration, identity and the endpoint differ, and nothing else."""
    here, there = (copy.deepcopy(pod_of(only(o, what, name))) for o in (kind, base))
    container = here["containers"][0]
    account = only(base, "ServiceAccount", role)
    variables = environment(container)
    assert (
        variables["AWS_ROLE_ARN"]
        == (account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"])
    )
    (token,) = [v for v in here["volumes"] if v["name"] == "aws-iam-token"]
    source = token["projected"]["sources"][0]["serviceAccountToken"]
    assert source["audience"] == "sts.amazonaws.com"
    assert variables["AWS_WEB_IDENTITY_TOKEN_FILE"].endswith(f"/{source['path']}")
    assert {v["name"] for v in container["env"]} - {
        v["name"] for v in there["containers"][0]["env"]
    } == IDENTITY | ENDPOINT

    container["env"] = [v for v in container["env"] if v["name"] not in IDENTITY | ENDPOINT]
    container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] not in VOLUMES]
    here["volumes"] = [v for v in here["volumes"] if v["name"] not in VOLUMES]
    for spec in (here, there):
        for each in [*spec.get("initContainers", []), *spec["containers"]]:
            each["image"] = each["image"].rpartition("/")[2]
            for reference in each.get("envFrom", []):
                reference["configMapRef"]["name"] = reference["configMapRef"]["name"][:-11]
    assert here == there


def test_no_static_keys_reach_mlflow(base: Objects, kind: Objects) -> None:
    for objects in (base, kind):
        for what, name in (("Deployment", "mlflow-server"), ("CronJob", "postgres-backup")):
            for container in pod_of(only(objects, what, name))["containers"]:
                names = {v["name"] for v in container["env"]}
                assert not names & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def server_configuration(objects: Objects) -> dict[str, str]:
    """The variables of the server's ConfigMap."""
    (found,) = [
        m["data"]
        for m in objects
        if m["kind"] == "ConfigMap" and m["metadata"]["name"].startswith("mlflow-server-config-")
    ]
    return dict(found)


def test_kind_answers_to_the_hosts_of_the_base_in_another_network(
    base: Objects, kind: Objects
) -> None:
    there = server_configuration(base)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    here = server_configuration(kind)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    # The front door has another port there.
    assert here == [
        host.replace("10.0.", "10.244.").replace(".com:443", ".com:15443") for host in there
    ]
    assert len(set(here)) == len(here)


def test_foreign_hosts_match_no_entry(kind: Objects, profile: Profile) -> None:
    allowed = server_configuration(kind)["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    thresholds = profile.checks["SEC-6"].thresholds

    def answered(host: str) -> bool:
        # As MLflow compares: an entry is a glob only if it has an asterisk.
        return any(fnmatch.fnmatch(host, e) if "*" in e else host == e for e in allowed)

    own, foreign = thresholds["own_hosts"], thresholds["foreign_hosts"]
    assert isinstance(own, list)
    assert isinstance(foreign, list)
    assert [host for host in own if not answered(str(host))] == []
    assert [host for host in foreign if answered(str(host))] == []


def test_profile_names_what_is_rendered(kind: Objects, profile: Profile) -> None:
    names = profile.names
    assert names.postgresql
    assert names.s3
    assert names.mlflow.hpa
    assert names.mlflow.pdb
    server = only(kind, "Deployment", names.mlflow.deployment)
    assert server["metadata"]["namespace"] == names.namespace
    labels = server["spec"]["template"]["metadata"]["labels"]
    assert names.mlflow.selector.items() <= labels.items()
    for service, selector in (
        (names.mlflow.service, names.mlflow.selector),
        (names.postgresql.service or "", names.postgresql.selector),
        (names.s3.endpoint.partition("://")[2].partition(".")[0], names.s3.selector),
    ):
        assert only(kind, "Service", service)["spec"]["selector"] == selector
    assert server_configuration(kind)["MLFLOW_ARTIFACTS_DESTINATION"] == (
        f"s3://{names.s3.bucket}/{names.s3.prefix.rstrip('/')}"
    )


def test_profile_promises_the_numbers_that_are_rendered(base: Objects, profile: Profile) -> None:
    rows = {check: row.thresholds for check, row in profile.checks.items()}
    scaler = only(base, "HorizontalPodAutoscaler", str(profile.names.mlflow.hpa))["spec"]
    goals = {
        m["resource"]["name"]: m["resource"]["target"]["averageUtilization"]
        for m in scaler["metrics"]
    }
    assert rows["HPA-1"] == {
        "min_replicas": scaler["minReplicas"],
        "max_replicas": scaler["maxReplicas"],
        "utilization_percent": goals,
        "other_goals": [],
        "tolerance": 0.1,
        "waits_s": scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"],
        "grows_within_s": 30,
    }
    budget = only(base, "PodDisruptionBudget", str(profile.names.mlflow.pdb))["spec"]
    assert rows["DIS-1"]["min_available"] == budget["minAvailable"]
    containers = {
        c["name"]: c["resources"]
        for what, name in (("Deployment", "mlflow-server"), ("StatefulSet", "postgres"))
        for c in pod_of(only(base, what, name))["containers"]
    }
    promised = rows["SEC-7"]["resources"]
    assert isinstance(promised, dict)
    assert {name: containers[name] for name in promised} == promised


def test_backup_is_the_promised_one(base: Objects) -> None:
    spec = only(base, "CronJob", "postgres-backup")["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 2 * * *", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["successfulJobsHistoryLimit"] <= 5
    assert spec["failedJobsHistoryLimit"] <= 5
    (kept,) = [m["data"] for m in base if m["metadata"]["name"].startswith("postgres-backup-conf")]
    assert kept["BACKUP_KEEP_DAYS"] == "30"
    assert only(base, "CronJob", "postgres-restore")["spec"]["suspend"] is True


def database_configuration(base: Objects) -> dict[str, str]:
    """The files of PostgreSQL's configuration, by name."""
    (config,) = [
        m["data"]
        for m in base
        if m["kind"] == "ConfigMap" and m["metadata"]["name"].startswith("postgres-config-")
    ]
    assert isinstance(config, dict)
    return config


def test_database_takes_connections_only_with_tls_and_a_password(base: Objects) -> None:
    config = database_configuration(base)
    rules = [
        line.split()
        for line in config["pg_hba.conf"].splitlines()
        if line and not line.startswith("#")
    ]
    assert [(r[0], r[-1]) for r in rules if r[0] != "local"] == [("hostssl", "scram-sha-256")]
    assert "ssl = on" in config["postgresql.conf"].splitlines()


def test_a_client_that_is_gone_holds_no_lock_for_longer_than_a_minute(base: Objects) -> None:
    assert_finds_lost_clients(database_configuration(base)["postgresql.conf"], within_s=60)


def test_pools_fit_into_the_database(base: Objects) -> None:
    """At the autoscaler's maximum and one pod more, with users in a third engine (basic auth)."""
    config = server_configuration(base)
    pool = int(config["MLFLOW_SQLALCHEMYSTORE_POOL_SIZE"]) + int(
        config["MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW"]
    )
    most = only(base, "HorizontalPodAutoscaler", "mlflow-server-hpa")["spec"]["maxReplicas"]
    needed = (most + 1) * int(config["MLFLOW_WORKERS"]) * 3 * pool
    limit = settings_of(database_configuration(base)["postgresql.conf"])["max_connections"]
    assert int(limit) >= needed + 20


def test_every_script_is_shipped(base: Objects) -> None:
    """The list of the scripts' kustomization is the folder's content."""
    folder = asset("deployment/k3d/mlflow/files")
    assert set(only(base, "ConfigMap", "mlflow-scripts")["data"]) == {
        path.name for path in folder.glob("*.py")
    }


def test_broken_kustomization_is_refused_with_a_sentence(
    kustomize: Kustomize, tmp_path: Path
) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")
    with pytest.raises(ProgramRefused, match=r"kubectl kustomize failed: .*nothing\.yaml"):
        kustomize.render(tmp_path)


def test_missing_kubectl_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="There is no "):
        Kustomize(tmp_path / "kubectl").render(tmp_path)


def test_monitors_scrape_ports_that_services_have(base: Objects) -> None:
    ports = {
        (m["metadata"]["labels"]["app"], port["name"])
        for m in base
        if m["kind"] == "Service"
        for port in m["spec"]["ports"]
    }
    scraped = {
        (m["spec"]["selector"]["matchLabels"]["app"], endpoint["port"])
        for m in base
        if m["kind"] == "ServiceMonitor"
        for endpoint in m["spec"]["endpoints"]
    }
    assert scraped == {("mlflow-server", "http"), ("postgres", "metrics")}
    assert scraped <= ports


# TLS inside of the cluster, S3 without keys, KServe: the guide of the chart promises none of them.
K3D_ALONE = {"INT-3"}  # the guide of EKS has no program that traces itself
EKS_ALONE = {"SEC-5.postgresql", "INT-2", "INT-2.canary"}
EKS_ALONE_FAMILIES = ("ART-2",)
# Of eks' own pods, which NET-5 and HPA-2 would wait for; the chart rotates one installed beside.
ELSEWHERE = {"SEC-3.rotation"}


def test_profile_expects_the_checks_that_the_chart_is_held_to(profile: Profile) -> None:
    """What both guides promise is checked in one order, and little beside it."""
    other = shipped.profile("k3d")
    both = [check for check in profile.checks if check in other.checks]
    expected = [c for c in other.checks if c not in K3D_ALONE]
    assert [c for c in both if c not in ELSEWHERE] == [c for c in expected if c not in ELSEWHERE]
    assert set(both) == set(expected)
    alone = set(profile.checks) - set(other.checks)
    assert {c for c in alone if not c.startswith(EKS_ALONE_FAMILIES)} <= EKS_ALONE
