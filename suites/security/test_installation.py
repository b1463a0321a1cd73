# SPDX-License-Identifier: Apache-2.0
"""SEC-3: what installing, upgrading, rotating and removing do, beside the deployment under test."""

import base64
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from pydantic import Field, JsonValue

from mlflow_conformance.cluster.inventory import inventory, left_behind
from mlflow_conformance.cluster.kube import Kube
from mlflow_conformance.cluster.terminal import GOOD, Terminal
from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.guides import Guide, folder_of
from mlflow_conformance.config.profile import HelmDeployment, KustomizeDeployment
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.signals import uninterrupted
from mlflow_conformance.core.waits import TimedOut, Waiter
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import ARTIFACTS, ApiError, MlflowApi, answer, new_run
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.security.installation import (
    Place,
    differing,
    key_of,
    place,
    rendered_secrets,
    secrets_in,
    shared,
)
from mlflow_conformance.target.base import Target

_SECOND, _THIRD, _REFUSED = "second", "third", "refused"
_HELM_REMOVE = "helm uninstall $RELEASE -n $NAMESPACE --ignore-not-found --wait --timeout=$TIMEOUT"
_HELM_RENDER = "helm template $RELEASE $CHART -n $NAMESPACE $SETTINGS"
_HELM_LIST = "helm list -n $NAMESPACE --all --short"
_HELM_TRY = "helm install $RELEASE $CHART -n $NAMESPACE $SETTINGS"
_OVERLAY_TRY = "kubectl apply -k $OVERLAY --dry-run=server"
_RENDER = "kubectl kustomize $KUSTOMIZATION"
_DELETED = "kubectl delete -k $KUSTOMIZATION --dry-run=server --output=name"


@dataclass
class Workshop:
    """Makes installations in namespaces of their own; each of them once.

    Attributes:
        prompt: its CHART and KUSTOMIZATION are those of the target's own files.
        places: the namespaces that were made, by what they are for.
        said: what the commands that installed there said, by what they are for.
    """

    target: Target
    guide: Guide
    prompt: Terminal
    waiter: Waiter
    make_place: Callable[[str, Callable[[], object]], Place]
    places: dict[str, Place] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long one command of an installation may take."""
        return self.waiter.seconds("deployment ready") + 60

    def variables(self, what: str, settings: str = "") -> dict[str, str]:
        """What commands leave open, for an installation of that name."""
        return {
            "NAMESPACE": f"{self.target.names.namespace}-{what}",
            "SETTINGS": settings,
            "TIMEOUT": f"{self.waiter.seconds('deployment ready'):.0f}s",
        }

    def run(self, name: str, what: str, settings: str = "") -> str:
        """Run a command of the guide for an installation; `GOOD`, or what was wrong."""
        return self.prompt.judged(
            self.guide.commands[name],
            within_s=self.seconds,
            watch_s=self.seconds,
            variables=self.variables(what, settings),
        )

    def place(self, what: str, how: str) -> Place:
        """The namespace for something, made by a command of the guide the first time.

        Raises:
            Undecided: it could not be made.
        """

        def make() -> None:
            if (said := self.run(how, what)) != GOOD:
                raise Undecided(f"the namespace for a {what} installation was not made: {said}")

        if what not in self.places:
            self.places[what] = self.make_place(self.variables(what)["NAMESPACE"], make)
        return self.places[what]

    def second(self, settings: str) -> tuple[Place, str]:
        """The second release of the chart, and what installing it said."""
        there = self.place(_SECOND, "namespace")
        if _SECOND not in self.said:
            there.empties.append(lambda: self.remove(_SECOND))
            self.said[_SECOND] = self.run("install-development", _SECOND, settings)
        return there, self.said[_SECOND]

    def left(self, there: Place, passing: Collection[str]) -> list[str]:
        """What is in the cluster since a place was made; what other places hold does not count."""
        others = {p.name for p in self.places.values()} - {there.name}
        now = inventory(self.target.need_kube())
        mine = [t for t in now if t.namespace not in others and t.name not in others]
        return left_behind(there.before, mine, there.name, passing)

    def remove(self, what: str) -> None:
        """Remove a release, however far it came; its namespace goes afterwards."""
        self.prompt.run(_HELM_REMOVE, within_s=self.seconds, variables=self.variables(what))


@pytest.fixture(scope="module")
def workshop(
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    guide: Guide,
    prompt: Terminal,
    waiter: Waiter,
) -> Iterator[Workshop]:
    """Installations of the checks of this file; all of them are removed after the last one."""
    kube = target.need_kube()
    folder = str(target.root / folder_of(deployment))
    release = deployment.release if isinstance(deployment, HelmDeployment) else ""
    with ExitStack() as stack:
        yield Workshop(
            target,
            guide,
            prompt.with_variables(CHART=folder, KUSTOMIZATION=folder, RELEASE=release),
            waiter,
            lambda name, make: stack.enter_context(place(kube, name, make, waiter)),
        )


def _settings(deployment: HelmDeployment, chosen: Mapping[str, str]) -> str:
    """What an installation of our own is given: the profile's values, and what makes it small."""
    files = [f"--values={path}" for path in deployment.values]
    return " ".join([*files, *(f"--set={key}={value}" for key, value in chosen.items())])


def _chosen(evidence: Evidence) -> dict[str, str]:
    return evidence.parsed("settings", dict[str, str])


@check(
    "SEC-3.installs",
    impact="Who may read the secrets of one installation has those of every other, or an upgrade "
    "cuts MLflow off from its own database.",
    remedy="Generate every credential, and read the one that is there before making a new one.",
    # A second MLflow with its database needs room that a cluster of others may not have.
    disruptive=True,
)
def test_installations_share_no_secret(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
) -> None:
    """Two installations share no secret, and an upgrade keeps every one of them.

    Preconditions: there is room for a second installation, where helm makes it.
    Steps:
        1. Install once more, in a namespace of the check's own, by the guide's commands.
        2. Compare every entry of every Secret with the deployment under test, and with what a
           further installation would get.
        3. Upgrade and roll back (helm), or make the Secrets again (kustomize); compare.

    Expected: nothing but names is shared; nothing changed.
    """
    match deployment:
        case HelmDeployment():
            settings = _settings(deployment, _chosen(evidence))
            there, said = workshop.second(settings)
            if not evidence.expect("install", "install", said, "==", GOOD, door="kubernetes"):
                return
            rendered = workshop.prompt.run(
                _HELM_RENDER, within_s=workshop.seconds,
                variables=workshop.variables(_THIRD, settings),
            )  # fmt: skip
            third = rendered_secrets([d for d in yaml.safe_load_all(rendered.stdout) if d])
            again = ["upgrade", "rollback"]
        case KustomizeDeployment():
            there = workshop.place(_SECOND, "secrets")
            third = workshop.place(_THIRD, "secrets").secrets
            again = ["secrets"]
            rendered = workshop.prompt.run(_RENDER, within_s=workshop.seconds)
            found = rendered_secrets([d for d in yaml.safe_load_all(rendered.stdout) if d])
            evidence.expect(
                "secrets-kustomization", "secrets in the kustomization", sorted(found), "==", []
            )
    second = there.secrets
    installs = {
        "the deployment": secrets_in(kube, target.names.namespace),
        "the second": second,
        "a third": third,
    }
    public = evidence.parsed("public", list[str])
    compared = [e for e in second if e in third and key_of(e) not in public]
    evidence.note("entries of Secrets", sorted(compared), door="kubernetes")
    evidence.expect(
        "entries-compared", "entries that were compared", len(compared), ">=", evidence.number("entries"),
        door="kubernetes",
    )  # fmt: skip
    evidence.expect(
        "shared-secrets", "shared secrets", shared(installs, public), "==", [], door="kubernetes"
    )
    for name in again:
        evidence.expect(
            "installed-again", name, workshop.run(name, _SECOND), "==", GOOD, door="kubernetes"
        )
        evidence.expect(
            "secrets-changed", f"secrets changed by {name}", differing(second, there.secrets), "==", [],
            door="kubernetes",
        )  # fmt: skip


class Account(Strict):
    """An account of the database, and the Secret that holds its password."""

    user: str
    secret: str
    key: str

    def password(self, secrets: Mapping[str, str]) -> str:
        """What the Secret holds."""
        return base64.b64decode(secrets[f"{self.secret}/{self.key}"]).decode()


@check(
    "SEC-3.rotation",
    impact="Credentials that leaked stay good, or changing them costs data.",
    remedy="Set new passwords where they are checked (PostgreSQL, object store) before pods that "
    "use them start; never change keys that protect data.",
    disruptive=True,
)
def test_rotation_keeps_the_data(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
    waiter: Waiter,
    unique: Unique,
    belongings: Belongings,
) -> None:
    """Rotating as documented changes the credentials, closes the old ones, and loses nothing.

    Preconditions: a way to PostgreSQL from the runner; there is room for a second installation,
    where helm makes it. With kustomize it is the deployment under test whose MLflow gets another
    password.
    Steps:
        1. Log a run with a param and an artifact.
        2. Rotate by the guide's command; read the Secrets.
        3. Read both back; sign in to PostgreSQL with the old password and with the new one.

    Expected: exactly what is to rotate is another, so keys that protect data are the same; the
    data is there; the old password is refused and the new one works.
    """
    names = target.names
    match deployment:
        case HelmDeployment():
            there, said = workshop.second(_settings(deployment, _chosen(evidence)))
            if not evidence.expect("install", "install", said, "==", GOOD, door="kubernetes"):
                return
            space = there.name
            api = target.api(f"http://{names.mlflow.service}.{space}.svc:{names.mlflow.port}")
            experiment = _experiment(api, unique("rotation"))
        case KustomizeDeployment():
            space, api = names.namespace, target.api()
            experiment = belongings.experiment(_experiment(api, unique("rotation")))
    run_id, path = _logged(api, experiment)
    before = secrets_in(kube, space)
    with uninterrupted():  # half a rotation is neither the old password nor the new one
        said = workshop.run("rotate", _SECOND)
    if not evidence.expect("rotate", "rotate", said, "==", GOOD, door="kubernetes"):
        return
    after = secrets_in(kube, space)
    rotates = evidence.parsed("rotates", list[str])
    public = evidence.parsed("public", list[str])
    wanted = sorted(e for e in before if e.split("/")[0] in rotates and key_of(e) not in public)
    evidence.expect(
        "secrets-changed",
        "secrets that changed",
        differing(before, after),
        "==",
        wanted,
        door="kubernetes",
    )
    params = waiter.until(
        "readable: the run", lambda: _params(api, run_id), done=bool, timeout="endpoint reachable"
    )
    evidence.expect(
        "params-after-rotation",
        "params after the rotation",
        params,
        "==",
        {"kept": "yes"},
        door="inside",
    )
    evidence.expect(
        "artifact-after-rotation",
        "artifact after the rotation",
        _artifact(api, path, waiter),
        "==",
        "kept",
        door="inside",
    )
    account = evidence.parsed("account", Account)
    for which, secrets, expected in (("old", before, "refused"), ("new", after, "accepted")):
        outcome = _sign_in(target, space, account.user, account.password(secrets))
        evidence.expect(
            "password", f"{which} password of {account.user}", outcome, "==", expected, door="sql"
        )


def _experiment(api: MlflowApi, name: str) -> str:
    made = answer("experiments/create", api.post("experiments/create", name=name))
    return str(made["experiment_id"])


def _logged(api: MlflowApi, experiment: str) -> tuple[str, str]:
    """A run with a param and an artifact: its ID, and where the artifact is."""
    run_id = new_run(api, experiment).run_id
    param = api.post("runs/log-parameter", run_id=run_id, key="kept", value="yes")
    answer("runs/log-parameter", param)
    path = f"{ARTIFACTS}/{experiment}/{run_id}/artifacts/kept.txt"
    stored = api.request("PUT", path, body=b"kept", content_type="text/plain")
    if stored.status != 200:
        raise ApiError("artifacts", stored)
    return run_id, path


def _params(api: MlflowApi, run_id: str) -> dict[str, str] | None:
    """The params of a run; None while the server cannot say."""
    reply = api.get("runs/get", run_id=run_id)
    if reply.status >= 500:
        return None
    found = answer("runs/get", reply)["run"]["data"].get("params", [])
    return {p["key"]: p["value"] for p in found}


def _artifact(api: MlflowApi, path: str, waiter: Waiter) -> str:
    """What is at a path once the object store knows the new account, or what was last said."""
    try:
        return waiter.until(
            "readable: the artifact", lambda: api.request("GET", path),
            done=lambda reply: reply.status == 200, timeout="endpoint reachable",
        ).text  # fmt: skip
    except TimedOut as problem:
        return str(problem)


def _sign_in(target: Target, namespace: str, user: str, password: str) -> str:
    """`accepted`, `refused`, or what else became of an attempt from the runner."""
    names = target.names
    if names.postgresql is None:
        raise Undecided("the profile does not say where PostgreSQL is")
    dsn: dict[str, str | int] = {
        "host": f"{names.postgresql.service}.{namespace}.svc",
        "port": names.postgresql.port,
        "dbname": names.postgresql.database,
        "user": user,
        "password": password,
    }
    try:
        Sql(target.inside, dsn).one("SELECT 1")
    except InsideFailed as problem:
        if "password authentication failed" in str(problem):
            return "refused"
        raise
    return "accepted"


@check(
    "SEC-3.removal",
    impact="What an installation leaves behind costs money, holds secrets, or stops the next one.",
    remedy="Remove what is named; see why it is not owned by the release or by its namespace.",
    # A second MLflow with its database needs room that a cluster of others may not have.
    disruptive=True,
)
def test_removal_leaves_nothing(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    kube: Kube,
    workshop: Workshop,
    waiter: Waiter,
) -> None:
    """Removing an installation leaves nothing of it anywhere in the cluster.

    Preconditions: there is room for a second installation, where helm makes it.
    Steps:
        1. List every object of the cluster; install once more, in a namespace of the check's own.
        2. Remove it by the documented command (helm), or with its namespace (kustomize, whose own
           removal the server is only asked about).
        3. List everything again until nothing is left, or the time for that is over.

    Expected: what is documented to stay, and no more; volumes go with their claims.
    """
    match deployment:
        case HelmDeployment():
            there, said = workshop.second(_settings(deployment, _chosen(evidence)))
            evidence.expect("install", "install", said, "==", GOOD, door="kubernetes")
            made = workshop.left(there, ())
            evidence.expect(
                "objects-installed", "objects that were installed", len(made), ">=", evidence.number("objects"),
                door="kubernetes",
            )  # fmt: skip
            removed = workshop.run("uninstall", _SECOND)
            evidence.expect("uninstall", "uninstall", removed, "==", GOOD, door="kubernetes")
        case KustomizeDeployment():
            there = workshop.place(_SECOND, "secrets")
            _judge_deletion(evidence, target, kube, workshop)
            kube.run("delete", "namespace", there.name, "--wait", namespace="", timeout_s=120)
    passing = evidence.parsed("passing", list[str])

    try:
        found = waiter.until(
            "gone: everything of the installation", lambda: workshop.left(there, passing),
            done=lambda things: not things, timeout="object deleted", interval_s=2,
        )  # fmt: skip
    except TimedOut:
        found = workshop.left(there, passing)
    evidence.expect(
        "objects-left-behind", "objects left behind", found, "==", [], door="kubernetes"
    )


def _judge_deletion(evidence: Evidence, target: Target, kube: Kube, workshop: Workshop) -> None:
    """What the documented removal would delete, without deleting it."""
    done = workshop.prompt.run(_DELETED, within_s=workshop.seconds)
    namespace = target.names.namespace
    evidence.expect(
        "removal-deletes-namespace-all", "the removal deletes the namespace, and all that is in it",
        f"namespace/{namespace}" in done.stdout.split(), "==", True, door="kubernetes",
    )  # fmt: skip
    volumes = kube.get("persistentvolumes", namespace="")["items"]
    mine = [v for v in volumes if v["spec"].get("claimRef", {}).get("namespace") == namespace]
    policies = {v["spec"]["persistentVolumeReclaimPolicy"] for v in mine}
    evidence.expect(
        "what-becomes-volumes",
        "what becomes of its volumes",
        sorted(policies),
        "==",
        ["Delete"],
        door="kubernetes",
    )


class Wrong(Strict):
    """A wrong value, and what the refusal says; `settings` for helm, `patch` for kustomize."""

    settings: str = ""
    patch: dict[str, JsonValue] = Field(default={})
    says: str


@check(
    "SEC-3.refused",
    impact="A typo is ignored, and MLflow runs as nobody wanted.",
    remedy="Refuse what the schema does not list, and combinations that cannot work, with a "
    "sentence.",
)
def test_wrong_values_are_refused(
    evidence: Evidence,
    deployment: HelmDeployment | KustomizeDeployment,
    target: Target,
    workshop: Workshop,
    tmp_path: Path,
) -> None:
    """A wrong value is refused with a sentence, and nothing is installed.

    Steps: install with each wrong value of the profile: in a namespace of the check's own (helm),
    or as an overlay that the server judges and does not apply (kustomize).
    Expected: an exit code that is not 0 and the profile's sentence; no release and no object.
    """
    wrongs = evidence.parsed("wrong", dict[str, Wrong])
    match deployment:
        case HelmDeployment():
            there = workshop.place(_REFUSED, "namespace")
            there.empties.append(lambda: workshop.remove(_REFUSED))
            for name, wrong in wrongs.items():
                chosen = f"{_settings(deployment, {})} {wrong.settings}"
                variables = workshop.variables(_REFUSED, chosen)
                _judge_refusal(evidence, workshop, name, wrong, _HELM_TRY, variables)
            releases = workshop.prompt.run(
                _HELM_LIST, within_s=workshop.seconds, variables=workshop.variables(_REFUSED)
            )
            evidence.expect(
                "releases", "releases", releases.stdout.split(), "==", [], door="kubernetes"
            )
            passing = evidence.parsed("passing", list[str])
            left = workshop.left(there, passing)
            evidence.expect(
                "objects-installed",
                "objects that were installed",
                left,
                "==",
                [],
                door="kubernetes",
            )
        case KustomizeDeployment():
            for number, (name, wrong) in enumerate(wrongs.items()):
                overlay = tmp_path / str(number)
                _write_overlay(overlay, target.root / deployment.path, wrong)
                variables = {"OVERLAY": str(overlay)}
                _judge_refusal(evidence, workshop, name, wrong, _OVERLAY_TRY, variables)


def _judge_refusal(
    evidence: Evidence, workshop: Workshop, name: str, wrong: Wrong, line: str,
    variables: Mapping[str, str],
) -> None:  # fmt: skip
    done = workshop.prompt.run(line, within_s=workshop.seconds, variables=variables)
    said = " ".join(done.stderr.split())
    evidence.note(f"{name}: what was said", said[-500:], door="kubernetes")
    evidence.expect("exit-code", f"{name}: exit code", done.code, "!=", 0, door="kubernetes")
    found = re.search(wrong.says, said) is not None
    evidence.expect("says", f"{name}: says {wrong.says}", found, "==", True, door="kubernetes")


def _write_overlay(folder: Path, base: Path, wrong: Wrong) -> None:
    folder.mkdir()
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(base.resolve(), folder.resolve())],
        "patches": [{"patch": yaml.safe_dump(wrong.patch)}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
