# SPDX-License-Identifier: Apache-2.0
"""Profiles: what one deployment promises, with every threshold and every waiver.

A profile is YAML. It is read strictly: an unknown key, a duplicate key, an unknown check ID or an
expired waiver is refused with the nearest right spelling, since a typo that silently switches a
check off would make the verdict a lie.
"""

import difflib
import hashlib
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from mlflow_conformance.errors import Unusable


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HelmDeployment(_Strict):
    """A Helm release; paths are relative to the assets (or the working directory)."""

    kind: Literal["helm"]
    chart: str
    release: str
    values: list[str] = []


class KustomizeDeployment(_Strict):
    """A kustomization applied with `kubectl apply -k`."""

    kind: Literal["kustomize"]
    path: str


class MlflowNames(_Strict):
    """How the MLflow server's objects are called."""

    deployment: str
    service: str
    port: int = Field(default=5000, ge=1, le=65535)
    selector: dict[str, str] = Field(min_length=1)
    container: str = "mlflow"
    hpa: str | None = None
    pdb: str | None = None


class PostgresqlNames(_Strict):
    """Where PostgreSQL answers inside the cluster."""

    service: str
    port: int = Field(default=5432, ge=1, le=65535)
    database: str = "mlflow"
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")


class S3Names(_Strict):
    """Where the bucket is; `prefix` is what artifact keys begin with."""

    endpoint: str = Field(description="URL as seen from the runner pod")
    bucket: str
    prefix: str = ""
    region: str = "us-east-1"
    selector: dict[str, str] = Field(default={}, description="its pods; empty when external")


class AuditorNames(_Strict):
    """The Secret with the suite's own read-only credentials for SQL and S3."""

    secret: str
    sql_username: str = "postgresql-username"
    sql_password: str = "postgresql-password"  # noqa: S105 - a key's name
    s3_access_key: str = "s3-access-key"
    s3_secret_key: str = "s3-secret-key"  # noqa: S105 - a key's name


class RunnerNames(_Strict):
    """The pod from which the inside door and the back doors are used."""

    namespace: str = "mlflow-conformance"
    image: str
    labels: dict[str, str] = Field(
        default={}, description="labels of its namespace that the network policies authorize"
    )


class FrontDoor(_Strict):
    """How people reach MLflow from outside."""

    url: str
    ca_secret: str | None = Field(
        default=None, description="Secret with the ingress's `ca.crt` or `tls.crt`"
    )


class Names(_Strict):
    """Where everything of the deployment is."""

    namespace: str
    mlflow: MlflowNames
    postgresql: PostgresqlNames | None = None
    s3: S3Names | None = None
    auditor: AuditorNames | None = None
    runner: RunnerNames
    front: FrontDoor | None = None


class Row(_Strict):
    """One check that the profile expects."""

    promise: str = Field(min_length=1)
    tier: Literal["smoke", "gate", "thorough"] = "gate"
    thresholds: dict[str, JsonValue] = {}


class Waiver(_Strict):
    """An excuse by name for a fail or unknown, until the end of a day (UTC)."""

    id: str
    reason: str = Field(min_length=10)
    expires: date


class Profile(_Strict):
    """All that a deployment promises."""

    schema_: Literal[1] = Field(alias="schema")
    name: str
    description: str = ""
    deployment: Annotated[
        HelmDeployment | KustomizeDeployment | None, Field(discriminator="kind")
    ] = None
    names: Names
    time_scale: float = Field(
        default=1.0, ge=0.1, le=20, description="multiplies every named time-out"
    )
    checks: dict[str, Row] = Field(min_length=1)
    waivers: list[Waiver] = []

    @model_validator(mode="after")
    def _waivers_name_checks(self) -> "Profile":
        seen: set[str] = set()
        for waiver in self.waivers:
            if waiver.id not in self.checks:
                raise ValueError(
                    f"the waiver of {waiver.id} excuses a check that this profile does not expect"
                )
            if waiver.id in seen:
                raise ValueError(f"{waiver.id} is waived twice")
            seen.add(waiver.id)
        return self


Tier = Literal["smoke", "gate", "thorough"]
_TIERS: dict[str, int] = {"smoke": 0, "gate": 1, "thorough": 2}


@dataclass(frozen=True)
class LoadedProfile:
    """A profile and the bytes that it came from."""

    profile: Profile
    path: Path
    sha256: str

    def rows(self, tier: Tier) -> dict[str, Row]:
        """The checks of this tier and the cheaper ones, in the profile's order."""
        limit = _TIERS[tier]
        return {i: r for i, r in self.profile.checks.items() if _TIERS[r.tier] <= limit}


def load(path: Path, *, known_ids: Collection[str], today: date) -> LoadedProfile:
    """Read a profile strictly.

    Args:
        path: a YAML file.
        known_ids: the check IDs that exist (see `mlflow_conformance.catalogue`).
        today: the day (UTC) against which waivers expire.

    Raises:
        Unusable: the file cannot be read or anything in it is not as it must be.
    """
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise Unusable(
            f"The profile {path} cannot be read: {problem.strerror}",
            remedy="Name one of the profiles that come with the suite (k3d) or a YAML file",
        ) from problem
    try:
        document = yaml.load(raw, _UniqueKeys)  # noqa: S506 - a subclass of SafeLoader
    except _DuplicateKey as problem:
        raise Unusable(
            f"{path} has the key {problem.key!r} twice (line {problem.line})",
            remedy="Keep one of the two",
        ) from problem
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as problem:
        raise Unusable(
            f"{path} is not YAML: {' '.join(str(problem).split())}",
            remedy="Correct it at the place named",
        ) from problem
    if not isinstance(document, dict):
        raise Unusable(
            f"{path} holds no mapping", remedy="Copy profiles/k3d.yaml and change what differs"
        )
    try:
        profile = Profile.model_validate(document)
    except ValidationError as problem:
        raise _unusable(path, problem) from problem
    _refuse_unknown_ids(path, profile, known_ids)
    for waiver in profile.waivers:
        if waiver.expires < today:
            raise Unusable(
                f"The waiver of {waiver.id} in {path} expired on {waiver.expires}",
                remedy="Mend what it excused, or renew it with a reason that still holds",
            )
    return LoadedProfile(profile, path, hashlib.sha256(raw).hexdigest())


class _DuplicateKey(Exception):  # noqa: N818 - caught above and told as Unusable
    def __init__(self, key: Hashable, line: int) -> None:
        self.key, self.line = key, line


class _UniqueKeys(yaml.SafeLoader):
    """PyYAML keeps the last of two equal keys silently; a profile must not."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, object]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue
            if key in seen:
                raise _DuplicateKey(key, key_node.start_mark.line + 1)
            seen.add(key)
        return super().construct_mapping(node, deep)


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else ""


def _refuse_unknown_ids(path: Path, profile: Profile, known: Collection[str]) -> None:
    for check_id in profile.checks:
        if check_id not in known:
            raise Unusable(
                f"{path} expects the check {check_id!r}, which does not exist"
                + nearest(check_id, known).rstrip("?"),
                remedy="List the checks with `mlflow-conformance checks`",
            )


def _unusable(path: Path, problem: ValidationError) -> Unusable:
    first = problem.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        # The location names union branches too; walking the models by field name skips them.
        return Unusable(
            f"{path} has the unknown key {where!r}"
            + nearest(str(first["loc"][-1]), _fields_at(first["loc"][:-1])).rstrip("?"),
            remedy="Correct or remove it; docs/profiles.md lists every key",
        )
    message = first["msg"].removeprefix("Value error, ")
    return Unusable(
        f"{path} is not a profile: {where + ': ' if where else ''}{message}",
        remedy="docs/profiles.md lists every key and what it may hold",
    )


def _models(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, Annotated, dict, list, Mapping):
        for argument in get_args(annotation):
            yield from _models(argument)


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    models: list[type[BaseModel]] = [Profile]
    for part in location:
        below = [
            model
            for parent in models
            for name, field in parent.model_fields.items()
            if part in (name, field.alias)
            for model in _models(field.annotation)
        ]
        models = below or models
    return [f.alias or n for m in models for n, f in m.model_fields.items()]
