# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of artifacts, as a profile's rows write them down."""

from typing import Annotated

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Thresholds

_Name = Annotated[str, Field(min_length=1)]


class ArtifactBytes(Thresholds):
    """ART-1."""

    sizes: list[Count] = Field(min_length=1, description="sizes of the artifacts, bytes")
    small_files: int = Field(ge=1, description="small artifacts that are logged as well")


class Reconciled(Thresholds):
    """ART-7."""

    artifacts: int = Field(ge=4, description="artifacts that are stored in four runs")
    location_scheme: str = Field(
        min_length=1,
        description="scheme of the location that every active experiment has: the server's own, so "
        "that clients need neither keys of the object store nor a way to it",
    )


class StaticKeys(Thresholds):
    """ART-2."""

    audience: str = Field(min_length=1, description="whom the pod's token is for")
    token_lifetime_s: float = Field(
        gt=0, description="longest time that the token may last, seconds"
    )


class TokenExchange(Strict):
    """The STS at which tokens are exchanged for keys."""

    audience: str = Field(min_length=1, description="whom its tokens are for")
    sts: str | None = Field(
        description="its URL as seen from the runner pod; `null` where it is the object store's own"
    )


class ClientSecret(Strict):
    """The secret of the object store's client of OpenID Connect."""

    variable: str = Field(
        min_length=1, description="the environment variable of its pods that holds the secret"
    )
    bits: float = Field(gt=0, description="how hard it must be to guess, bits")


class ForeignTokens(Thresholds, TokenExchange):
    """ART-2.tokens."""

    others: list[_Name] = Field(
        min_length=1, description="ServiceAccounts whose tokens must be refused"
    )
    other_audiences: list[_Name] = Field(
        min_length=1, description="audiences for which MLflow's own token must be refused"
    )
    client_secret: ClientSecret | None = Field(
        description="the secret that the object store must have; `null` where it needs none"
    )


class ExpiredTokens(Thresholds, TokenExchange):
    """ART-2.expired."""

    expired_s_ago: int = Field(ge=1, description="how long ago the token expired, seconds")


class Encryption(Thresholds):
    """ART-3."""

    encryption: str = Field(min_length=1, description="method, as S3 names it, such as `aws:kms`")
    key_id: str = Field(min_length=1, description="regular expression that the key's ID matches")
    large_bytes: int = Field(ge=1, description="size of an artifact of several parts, bytes")


class KeysInSecret(Strict):
    """An identity by keys that a Secret holds, and the bucket that is its own."""

    bucket: str = Field(min_length=1, description="the bucket that it may use")
    secret: str = Field(min_length=1, description="the Secret that holds its keys")
    access_key: str = Field(default="s3-access-key", description="entry of the Secret")
    secret_key: str = Field(default="s3-secret-key", description="entry of the Secret")


class KeysByToken(TokenExchange):
    """An identity by its ServiceAccount, and the bucket that is its own."""

    bucket: str = Field(min_length=1, description="the bucket that it may use")
    service_account: str = Field(
        min_length=1, description="the ServiceAccount whose token is exchanged for keys"
    )


Role = KeysInSecret | KeysByToken


class Roles(Thresholds):
    """ART-4.roles."""

    roles: dict[str, Role] = Field(min_length=2, description="identities, by a name for people")


class CutUploads(Thresholds):
    """ART-5."""

    bytes: int = Field(ge=2, description="size of each upload, bytes")
    watch_s: float = Field(
        ge=0.5, description="time for which half an artifact may not appear, seconds"
    )


class SlowTransfers(Thresholds):
    """ART-5.slow."""

    seconds: float = Field(gt=0, description="time over which each transfer is spread, seconds")
    upload_bytes: int = Field(ge=1, description="size of the artifact that is sent slowly, bytes")
    download_bytes: int = Field(
        ge=1,
        description="size of the artifact that is read slowly, bytes: more than the buffers on the "
        "way, which else take all of it at once",
    )


class KilledPod(Thresholds):
    """ART-5.pod."""

    uploads: int = Field(ge=2, description="uploads that are going on when the pod is killed")
    bytes: int = Field(ge=1, description="size of each upload, bytes")
    longest_s: float = Field(gt=0, description="how long the slowest upload takes, seconds")


class StoreOutage(Thresholds):
    """ART-6."""

    refused_within_s: float = Field(
        gt=0, description="time in which an upload is refused without an object store, seconds"
    )
    recovered_within_s: float = Field(
        gt=0, description="time in which uploads succeed once the object store is back, seconds"
    )


THRESHOLDS: Registry = {
    "ART-1": ArtifactBytes,
    "ART-2": StaticKeys,
    "ART-2.expired": ExpiredTokens,
    "ART-2.tokens": ForeignTokens,
    "ART-3": Encryption,
    "ART-4": Thresholds,
    "ART-4.roles": Roles,
    "ART-5": CutUploads,
    "ART-5.pod": KilledPod,
    "ART-5.slow": SlowTransfers,
    "ART-6": StoreOutage,
    "ART-7": Reconciled,
    "ART-8": Thresholds,
}
