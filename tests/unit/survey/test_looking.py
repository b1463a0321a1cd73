# SPDX-License-Identifier: Apache-2.0
"""What is found in deployments of every kind, and the profile that comes of it."""

import re
from pathlib import Path

import pytest

import deployments_of_others as shapes
import shipped
from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.config.profile import LoadedProfile, rows_of_base
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.run.known import examined, promised
from mlflow_conformance.survey.found import Survey
from mlflow_conformance.survey.looking import look, secrets_wanted
from mlflow_conformance.survey.writing import profile_text

KNOWN = shipped.checks()
SHAPES = {
    "official": shapes.OFFICIAL,
    "community": shapes.COMMUNITY,
    "bitnami": shapes.BITNAMI,
    "tutorial": shapes.TUTORIAL,
    "stateful": shapes.STATEFUL,
    "beside": shapes.BESIDE,
}
POLICY = """
---
kind: NetworkPolicy
metadata: {name: %s}
spec: {podSelector: {matchLabels: %s}, policyTypes: [Ingress], ingress: [%s]}
"""


def written(bundle: Bundle, server: str | None = None) -> tuple[str, Survey]:
    """The profile of a deployment."""
    found, base = look(bundle, server)
    fixtures = {i: info.fixtures for i, info in KNOWN.items()}
    return profile_text("mine", base, found, rows_of_base(base), fixtures), found


def content(text: str) -> list[str]:
    """Its lines without the comments."""
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


def read(bundle: Bundle, folder: Path) -> LoadedProfile:
    """The profile of a deployment, as a run reads it."""
    path = folder / "mine.yaml"
    path.write_text(written(bundle)[0], encoding="utf-8")
    return promised(str(path), KNOWN)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_wrong_in_what_is_written(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text, found = written(shapes.bundle(SHAPES[shape]))
    path.write_text(text, encoding="utf-8")
    assert [f.line_of(path) for f in examined(str(path), KNOWN).faults] == []
    assert len(content(text)) <= 45
    # A line that is filled in must be one that a profile may have.
    for gap in found.gaps:
        assert f"  # {gap.line}" in text.splitlines()


def test_the_official_chart(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.OFFICIAL), tmp_path).profile
    names = profile.names
    assert names.mlflow.url("10.0.0.1") == "https://10.0.0.1:5000/tracking"
    assert names.mlflow.url("x", of_service=True) == "https://x:443/tracking"
    assert names.mlflow.ca_secret == "tracking-tls"
    assert names.postgresql
    assert names.postgresql.host == "db.eu-central-1.rds.amazonaws.com"
    assert (names.postgresql.port, names.postgresql.database) == (5433, "tracking")
    # The server verifies by an authority that its image has, and the runner cannot.
    assert names.postgresql.sslmode == "require"
    assert names.s3
    assert names.s3.endpoint == "https://s3.eu-central-1.amazonaws.com"
    assert (names.s3.bucket, names.s3.prefix) == ("models", "team-a/")
    assert names.runner.labels == {"mlflow": "allowed"}
    assert names.runner.pod.pull_secrets == ["registry"]
    assert profile.extends == "production"
    # A CronJob that collects garbage makes no backup.
    assert {i for i in profile.checks if i.startswith(("BKP", "HPA"))} == set()
    assert profile.without["BKP"] == "no CronJob makes backups"
    assert profile.without["SEC-5.front"] == "no Ingress, route or load balancer leads to it"
    assert {"DIS-4.settings", "SEC-1", "NET-1"} <= set(profile.checks)
    sources = profile.checks["NET-1"].thresholds["sources"]
    assert isinstance(sources, dict)
    assert {"cidr": "10.8.0.0/16", "reaches": ["mlflow"]} in sources.values()


@pytest.mark.parametrize(
    ("schedule", "zone", "newest_within_h"),
    [
        ("30 3 * * *", "", 25),
        ("30 3 * * *", "  timeZone: Europe/Berlin\n", 26),
        ("30 3 * * 0", "", 169),
        ("0 * * * *", "", 2),
        ("a schedule that nobody reads", "", 25),
    ],
)
def test_a_backup_of_somebody_elses_schedule(
    schedule: str, zone: str, newest_within_h: int, tmp_path: Path
) -> None:
    backup = f"""
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: nightly-backup}}
spec:
  schedule: {schedule}
{zone}  jobTemplate: {{spec: {{template: {{spec: {{containers: [{{name: dump, image: a:1}}]}}}}}}}}
"""
    profile = read(shapes.bundle(shapes.COMMUNITY + backup), tmp_path).profile
    row = profile.checks["BKP-1"].thresholds
    assert row["schedule"] == schedule
    assert row["time_zone"] == ("Europe/Berlin" if zone else None)
    assert row["newest_within_s"] == newest_within_h * 3600


def test_community_charts(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.COMMUNITY), tmp_path).profile
    names = profile.names
    assert (names.mlflow.port, names.mlflow.port_of_service) == (5000, 80)
    assert names.postgresql
    assert (names.postgresql.host, names.postgresql.sslmode) == ("postgres.db", "require")
    assert names.front
    assert (names.front.url, names.front.ca_secret) == (
        "https://mlflow.example", "mlflow-example-tls",
    )  # fmt: skip
    assert profile.checks["HPA-1"].thresholds["max_replicas"] == 5
    # Of its names MLflow is told one, and no client says a port that its scheme has.
    assert profile.checks["SEC-6"].thresholds["own_hosts"] == ["mlflow.ml.svc"]
    assert "TRK-9" not in profile.checks
    assert "clients use the store of artifacts themselves" in " ".join(profile.without.values())
    # Whatever stores an artifact by way of MLflow would fail for that alone.
    assert not [i for i in profile.checks if i.startswith(("ART", "DIS-8"))]
    assert {"REG-3", "TRK-10"}.isdisjoint(profile.checks)


def test_a_login_of_today_is_judged_and_its_secret_named(tmp_path: Path) -> None:
    of_users = "valueFrom: {{secretKeyRef: {{name: users, key: {}}}}}"
    keys = (
        f"{{name: MLFLOW_AUTH_ADMIN_USERNAME, {of_users.format('root')}}}",
        f"{{name: MLFLOW_AUTH_ADMIN_PASSWORD, {of_users.format('word')}}}",
    )
    text = shapes.BITNAMI.replace("mlflow:3.3.2-debian-12-r0", "mlflow:3.17.2").replace(
        "          env:\n", "          env:\n" + "".join(f"            - {k}\n" for k in keys)
    )
    loaded = read(shapes.bundle(text), tmp_path)
    row = loaded.profile.checks["SEC-4"].thresholds
    assert (row["replicas"], row["default_permission"]) == (1, None)
    assert "secret: users, username: root, password: word" in loaded.path.read_text()


def test_bitnami(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.BITNAMI), tmp_path).profile
    names = profile.names
    assert names.mlflow.deployment == "mlflow-tracking"
    assert names.mlflow.login
    assert names.mlflow.login.kind == "basic"
    assert names.postgresql
    assert (names.postgresql.service, names.postgresql.database) == (
        "mlflow-postgresql", "bitnami_mlflow",
    )  # fmt: skip
    assert "SEC-4" not in profile.checks  # its version gives permissions by other calls
    assert names.s3
    assert names.s3.endpoint == "http://mlflow-minio.ml.svc:80"
    assert names.s3.selector == {"component": "minio"}
    assert names.front
    assert names.front.url == "http://192.0.2.9:80"


def test_a_tutorial(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.TUTORIAL), tmp_path).profile
    assert profile.extends == "baseline"
    assert (profile.names.mlflow.port, profile.names.mlflow.container) == (8080, "server")
    assert profile.names.postgresql is None
    assert profile.names.s3 is None
    assert profile.names.front is None
    assert "SEC-5.front" not in profile.checks
    assert "ART-1" not in profile.checks
    # It has no Secret that could leak.
    assert "SEC-3.leaks" not in profile.checks


def test_a_tutorial_on_sqlite_is_judged_by_what_mlflow_itself_shows(tmp_path: Path) -> None:
    text = shapes.TUTORIAL.replace("--default-artifact-root /data/artifacts", "")
    profile = read(shapes.bundle(text), tmp_path).profile
    asked = {i for i in profile.checks if i.startswith(("TRK", "REG"))}
    assert asked >= {
        "TRK-1", "TRK-1.lengths", "TRK-2", "TRK-3", "TRK-4", "TRK-5", "TRK-7", "TRK-8",
        "REG-1", "REG-2", "REG-2.archive", "REG-3", "REG-4", "REG-5",
    }  # fmt: skip
    assert "ART-8" in profile.checks
    # Whether nothing was written, or nothing is left, shows the database alone.
    assert asked.isdisjoint({"TRK-6", "TRK-10"})
    (reason,) = (why for names, why in profile.without.items() if "TRK-6" in names)
    assert "sqlite, not PostgreSQL" in reason


def test_files_that_clients_write_themselves_are_not_asked_of_mlflow(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.TUTORIAL), tmp_path).profile
    assert {"REG-3", "REG-4", "REG-5"}.isdisjoint(profile.checks)
    assert "TRK-1" in profile.checks


def test_a_statefulset_with_the_image_s_own_command(tmp_path: Path) -> None:
    names = read(shapes.bundle(shapes.STATEFUL), tmp_path).profile.names
    assert names.mlflow.scaled == "StatefulSet/tracker"
    assert names.mlflow.port == 5001
    # Where its stores are says the image alone: that is not known, rather than nothing.
    text, found = written(shapes.bundle(shapes.STATEFUL))
    assert "the image's own command could not be read" in text
    assert not found.closed


def test_what_everybody_may_connect_to_is_not_promised_to_be_closed(tmp_path: Path) -> None:
    profile = read(shapes.bundle(shapes.BESIDE), tmp_path).profile
    # Of policies there is left what the cluster does with them, and what goes out of the pods.
    assert {i for i in profile.checks if i.startswith("NET")} == {"NET-0", "NET-3"}
    text, found = written(shapes.bundle(shapes.BESIDE))
    assert not [gap for gap in found.gaps if gap.key == "runner"]
    assert "  NET-1, NET-4, NET-5: its policies let every pod of the cluster connect" in text
    assert len(content(text)) <= 29


@pytest.mark.parametrize(
    ("said", "asked"),
    [("", False), ("https", False), ("https, http", True)],
)
def test_webhooks_are_asked_for_where_the_receiver_is_taken(
    said: str, *, asked: bool, tmp_path: Path
) -> None:
    variable = f'            - {{name: MLFLOW_WEBHOOK_ALLOWED_SCHEMES, value: "{said}"}}\n'
    here = "            - {name: MLFLOW_S3_ENDPOINT_URL"
    text = shapes.BESIDE.replace(here, variable + here)
    checks = read(shapes.bundle(text), tmp_path).profile.checks
    assert ("REG-6" in checks, "REG-6.late" in checks) == (asked, asked)


@pytest.mark.parametrize(("of_server", "leaks"), [(True, False), (False, True)])
def test_the_server_s_certificate_is_no_credential(
    *, of_server: bool, leaks: bool, tmp_path: Path
) -> None:
    mounted = "volumes: [{name: tls, secret: {secretName: one}}]"
    text = shapes.TUTORIAL.replace("      containers:", f"      {mounted}\n      containers:")
    if of_server:
        text = text.replace("-p 8080", "-p 8080 --uvicorn-opts '--ssl-certfile /tls/tls.crt'")
    assert ("SEC-3.leaks" in read(shapes.bundle(text), tmp_path).profile.checks) is leaks


@pytest.mark.parametrize(
    "more",
    [
        "--default-artifact-root=s3://mlflow/artifacts",
        "--no-serve-artifacts",
    ],
)
def test_artifacts_that_clients_store_themselves(more: str, tmp_path: Path) -> None:
    assert "ART-1" in read(shapes.bundle(shapes.BESIDE), tmp_path).profile.checks
    text = shapes.BESIDE.replace("--workers=1", f'--workers=1, "{more}"')
    assert "ART-1" not in read(shapes.bundle(text), tmp_path).profile.checks


def test_a_store_without_a_policy_is_open_to_every_source(tmp_path: Path) -> None:
    only = POLICY % ("own", "{app.kubernetes.io/name: mlflow}", "{from: [{podSelector: {}}]}")
    parts = [p for p in shapes.BESIDE.split("---") if "kind: NetworkPolicy" not in p]
    profile = read(shapes.bundle("---".join(parts) + only), tmp_path).profile
    sources = profile.checks["NET-1"].thresholds["sources"]
    assert isinstance(sources, dict)
    # Pods of the namespace are let in, so a neighbour is no stranger.
    assert sources["stranger"] == {"reaches": ["postgresql", "s3"]}
    assert sources["namespace"] == {
        "namespace": "ml", "reaches": ["mlflow", "postgresql", "s3"],
    }  # fmt: skip
    assert "neighbour" not in sources
    assert {"NET-2", "NET-3", "NET-5"}.isdisjoint(profile.checks)


def test_a_store_that_is_closed_stays_judged(tmp_path: Path) -> None:
    closed = POLICY % ("db", "{app: postgres}", "{from: [{podSelector: {}}]}")
    text, found = written(shapes.bundle(shapes.BESIDE + closed))
    profile = read(shapes.bundle(shapes.BESIDE + closed), tmp_path).profile
    sources = profile.checks["NET-2"].thresholds["sources"]
    assert isinstance(sources, dict)
    assert sources["stranger"] == {"reaches": ["mlflow", "s3"]}
    assert "let connect to PostgreSQL: they let in none" in " ".join(
        line.removeprefix("  # ") for line in text.splitlines()
    )
    assert any(c.what == "who may connect to the object store: everybody" for c in found.decisions)


def test_a_rule_of_another_port_lets_nobody_in(tmp_path: Path) -> None:
    text = shapes.BESIDE.replace("ports: [{port: 5000}], from: [{podSelector: {}}, {n",
                                 "ports: [{port: 9090}], from: [{podSelector: {}}, {n")  # fmt: skip
    profile = read(shapes.bundle(text), tmp_path).profile
    assert profile.checks["NET-1"].thresholds["sources"] == {
        "stranger": {"reaches": ["postgresql", "s3"]},
        "server-elsewhere": {
            "pod_labels": {"app.kubernetes.io/name": "mlflow"}, "reaches": ["postgresql", "s3"],
        },
        "neighbour": {"namespace": "ml", "reaches": ["postgresql", "s3"]},
    }  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_is_copied(shape: str) -> None:
    text, found = written(shapes.bundle(SHAPES[shape]))
    everything = text + repr(found)
    for secret in ("s3cret-of-db", "password-of-pg", "cGFzc3dvcmQtb2YtcGc="):
        assert secret not in everything


def test_only_the_secrets_of_the_server_are_looked_into() -> None:
    bundle = shapes.bundle(
        shapes.OFFICIAL
        + "---\nkind: Secret\nmetadata: {name: payroll}\n"
        + "---\nkind: Secret\nmetadata: {name: mlflow-auditor}\n"
    )
    assert secrets_wanted(bundle) == {"database", "mlflow-auditor"}


def test_an_address_that_may_not_be_read_is_to_be_filled_in() -> None:
    objects = [o for o in shapes.bundle(shapes.OFFICIAL).objects if o["kind"] != "Secret"]
    text, found = written(Bundle("ml", objects, {"secret/database": "403 Forbidden"}))
    comment = " ".join(line.removeprefix("  # ") for line in text.splitlines() if "  # " in line)
    assert "key uri of Secret database could not be read" in comment
    assert re.search(r"Without it .*TRK.* stay unknown\. postgresql: \{host: HOST", comment)
    assert "secret/database could not be read: 403 Forbidden" in found.warnings
    # What is only not known is not left out.
    assert "DIS-4.settings" not in found.absent


def test_a_kind_that_may_not_be_listed_is_not_taken_for_missing() -> None:
    found = look(shapes.bundle(shapes.STATEFUL, horizontalpodautoscaler="403 Forbidden"))[0]
    assert "HPA" not in found.absent
    assert any("horizontalpodautoscalers may not be listed" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("shape", "called", "told"),
    [
        ("official", "tracking-mlflow.ml.svc", True),  # by default no name is admitted
        ("community", "mlflow.ml.svc", False),  # it is among --allowed-hosts
        ("bitnami", "mlflow-tracking.ml.svc", False),  # 3.3.2 admits any
    ],
)
def test_a_host_that_mlflow_refuses_is_told(shape: str, called: str, *, told: bool) -> None:
    found = look(shapes.bundle(SHAPES[shape]))[0]
    assert any(f"answers 403 to {called} " in w for w in found.warnings) is told


@pytest.mark.parametrize(
    ("text", "server", "said"),
    [
        ("kind: Service\nmetadata: {name: a}\n", None, "looks like a server of MLflow"),
        (shapes.TUTORIAL, "deployment/mlflow", "There is no Deployment or StatefulSet"),
        (shapes.TUTORIAL.partition("---")[0], None, "No Service of ml leads to the pods"),
        (
            shapes.TUTORIAL + "---" + shapes.TUTORIAL.replace("name: mlflow-server}\nspec:\n  sel",
                                                              "name: other}\nspec:\n  sel"),
            None,
            "workload of ml may be MLflow's server: deployment/mlflow-server, deployment/other",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_described_is_told(text: str, server: str | None, said: str) -> None:
    with pytest.raises(Unusable, match=re.escape(said)):
        look(shapes.bundle(text), server)


def test_a_server_that_is_named_is_taken() -> None:
    found, _ = look(shapes.bundle(shapes.BITNAMI), "mlflow-tracking")
    assert found.names["mlflow"]["deployment"] == "mlflow-tracking"
