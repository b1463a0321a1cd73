# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of security, as a profile's rows write them down."""

from re import Pattern
from typing import Literal

from pydantic import Field, JsonValue

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Thresholds

Amounts = dict[Literal["requests", "limits"], dict[str, str]]
"""``{requests: {cpu: 250m, memory: 512Mi}, limits: {…}}``"""


class Restricted(Thresholds):
    """SEC-1."""

    seccomp: Literal["RuntimeDefault", "Localhost"] = Field(
        description="type of the seccomp profile that every container has"
    )
    pod_security: Literal["restricted", "baseline"] = Field(
        description="level of the Pod Security Standards that the namespace enforces"
    )
    refused: int = Field(
        ge=1,
        description="rules of that level whose breach is seen to be refused, at least; a version "
        "of Kubernetes may not know every field by which they are broken",
    )


class Rights(Thresholds):
    """SEC-2: a rule is a line such as `get,list pods` or `get /healthz`.

    Of another namespace than MLflow's it ends with that: `get secrets in kube-system`.
    """

    everyone: frozenset[str] = Field(
        description="rules that every ServiceAccount, and all who sign in to the cluster, may have"
    )
    anonymous: frozenset[str] = Field(
        description="rules that whoever does not sign in to the cluster may have"
    )
    accounts: dict[str, frozenset[str]] = Field(
        description="further rules that a ServiceAccount must have, by its name"
    )
    token_holders: list[str] = Field(
        description="what the names of pods begin with that may hold a token of the cluster's API, "
        "such as `operator-`"
    )


class DatabaseAccounts(Thresholds):
    """SEC-2.postgresql."""

    accounts: dict[str, frozenset[str]] = Field(
        min_length=1,
        description="the accounts of the database that may sign in, with all that each may do: "
        "`superuser`, `create roles`, `create databases`, `replicate`, `bypass row security`, "
        "`read tables`, `change tables`, `member of ROLE`",
    )


class NamedSecrets(Thresholds):
    """What the checks of credentials share."""

    secrets: dict[str, list[str]] = Field(
        description="the keys that hold credentials, by the Secret's name; where none is named, "
        "those that pods use are judged"
    )


class Strength(NamedSecrets):
    """SEC-3.strength."""

    bits: float = Field(
        gt=0, le=256, description="what each credential is worth to whoever guesses it, bits"
    )


class Leaks(NamedSecrets):
    """SEC-3.leaks."""

    texts: int = Field(
        ge=1, description="logs, specifications and files that are searched, at least"
    )


class Own(Thresholds):
    """What the checks share that install once more beside the deployment under test."""

    settings: dict[str, str] | None = Field(
        description="values of the chart for an installation of the check's own, by their path, "
        "besides those of the profile; null for the profile's alone, and for kustomize"
    )


class Installs(Own):
    """SEC-3.installs."""

    entries: int = Field(ge=1, description="entries of Secrets that are compared, at least")
    public: frozenset[str] = Field(
        description="keys of Secrets that are no secrets, such as names of accounts"
    )


class DatabaseAccount(Strict):
    """An account of the database, and the Secret that holds its password."""

    user: str = Field(min_length=1, description="the account's name")
    secret: str = Field(min_length=1, description="the Secret with its password")
    key: str = Field(min_length=1, description="the key of the password in it")


class Rotation(Own):
    """SEC-3.rotation."""

    rotates: frozenset[str] = Field(
        min_length=1, description="Secrets that are made anew; every other one stays as it is"
    )
    public: frozenset[str] = Field(description="keys of them that are no secrets, and stay")
    account: DatabaseAccount = Field(
        description="an account of PostgreSQL whose old password must be refused afterwards"
    )


Passing = list[str]
"""Kinds of objects."""


class Removal(Own):
    """SEC-3.removal."""

    objects: Count | None = Field(
        description="objects that an installation makes, at least; null for kustomize, where the "
        "check makes no whole one"
    )
    passing: Passing = Field(
        description="kinds of objects that come and go by themselves in other namespaces"
    )


class WrongSetting(Strict):
    """A wrong value of the chart."""

    settings: str = Field(min_length=1, description="options of `helm install`")
    says: Pattern[str] = Field(description="regular expression that the refusal matches")


class WrongPatch(Strict):
    """A wrong field of the kustomization."""

    patch: dict[str, JsonValue] = Field(min_length=1, description="a strategic merge patch")
    says: Pattern[str] = Field(description="regular expression that the refusal matches")


class Refused(Thresholds):
    """SEC-3.refused."""

    wrong: dict[str, WrongSetting | WrongPatch] = Field(
        min_length=1,
        description="wrong values and what their refusal says, by a name for people: `settings` "
        "for helm, `patch` for kustomize",
    )
    passing: Passing = Field(
        description="kinds of objects that come and go by themselves in other namespaces"
    )


class Hosts(Thresholds):
    """SEC-6."""

    own_hosts: list[str] = Field(
        min_length=1, description="Host headers with which MLflow is asked and answers"
    )
    foreign_hosts: list[str] = Field(
        min_length=1,
        description="Host headers of others, which MLflow refuses, besides those that are made up "
        "from its own",
    )


class Resources(Thresholds):
    """SEC-7."""

    resources: dict[str, Amounts] = Field(
        min_length=1,
        description="requests and limits by the container's name; what is left out may be anything",
    )


class Encrypted(Thresholds):
    """SEC-5.postgresql."""

    versions: frozenset[str] = Field(
        min_length=1, description="versions of TLS as PostgreSQL names them, such as `TLSv1.3`"
    )
    sslmode: Literal["require", "verify-ca", "verify-full"] = Field(
        description="how MLflow's containers are told to connect, at least: by `sslmode` of the "
        "address, or by `PGSSLMODE`"
    )


class Login(Thresholds):
    """SEC-4."""

    replicas: int = Field(ge=1, description="replicas that share their users, at least")
    default_permission: Literal["NO_PERMISSIONS", "READ"] | None = Field(
        description="what a user without a grant has (`default_permission` of its auth config); "
        "null for what MLflow itself says"
    )
    holds_s: float = Field(
        gt=0,
        description="how long after it was made, given or taken a user, a password or a permission "
        "may still be unknown to a replica, s",
    )
    forgotten_s: float = Field(
        gt=0,
        description="how long after a change a replica may still take an old password, or a user "
        "that was deleted, s; longer than MLflow's `auth_cache_ttl_seconds`",
    )


class TrailFields(Strict):
    """Keys of a line of JSON."""

    id: str = Field(min_length=1, description="the request's ID")
    method: str = Field(min_length=1, description="its method")
    path: str = Field(min_length=1, description="its path, without the query")
    status: str = Field(min_length=1, description="how it was answered, a number")
    caller: str = Field(min_length=1, description="the address that it came from")
    user: str = Field(
        min_length=1, description="who it was of, where MLflow asks for a login and accepted it"
    )


class Trail(Thresholds):
    """SEC-8."""

    header: str = Field(
        min_length=1, description="header of a request by which its caller gives it an ID"
    )
    fields: TrailFields = Field(description="where the log of a server's pod has what of a request")
    changes: Count = Field(description="changes that are looked for, at least")


class Lasting(Thresholds):
    """SEC-5.certificates."""

    certificate_days: float = Field(
        gt=0, description="how long every certificate in use is still valid, at least, days"
    )


class ShownCertificate(Lasting):
    """SEC-5.front."""

    versions: frozenset[str] = Field(
        min_length=1,
        description="versions of TLS that it may take, of `TLSv1`, `TLSv1.1`, `TLSv1.2` and "
        "`TLSv1.3`",
    )


THRESHOLDS: Registry = {
    "SEC-1": Restricted,
    "SEC-2": Rights,
    "SEC-2.postgresql": DatabaseAccounts,
    "SEC-3.strength": Strength,
    "SEC-3.leaks": Leaks,
    "SEC-3.installs": Installs,
    "SEC-3.rotation": Rotation,
    "SEC-3.removal": Removal,
    "SEC-3.refused": Refused,
    "SEC-4": Login,
    "SEC-5.postgresql": Encrypted,
    "SEC-5.certificates": Lasting,
    "SEC-5.front": ShownCertificate,
    "SEC-6": Hosts,
    "SEC-7": Resources,
    "SEC-8": Trail,
    "SEC-8.user": Trail,
}
