# SPDX-License-Identifier: Apache-2.0
"""The thresholds of the checks of an upgrade, as a profile's rows write them down."""

from re import Pattern
from typing import Annotated, Any

from pydantic import Field

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.config.thresholds import Count, Registry, Seconds, Share, Thresholds

_Text = Annotated[str, Field(min_length=1)]
_Ratio = Annotated[float, Field(ge=1, le=10)]


class RequestBounds(Strict):
    """What is promised of each kind of request while a deployment is upgraded."""

    failed: Count | None = Field(
        description="most of one kind that may fail, from the first command to the end of what is "
        "watched; null for any number"
    )
    silence_s: Seconds | None = Field(
        description="longest span without an acknowledged one of a kind, seconds; null for any"
    )


class TraceBounds(Strict):
    """What is promised of traces while a deployment is upgraded."""

    sent: RequestBounds = Field(description="of each way in which clients send them")
    searched: RequestBounds = Field(
        description="of searches that must find one; an empty answer is a failed one"
    )


class _OnSharedMachine(Thresholds):
    """What a machine that carries the cluster and the load must have left for them."""

    others_cpu: Share | None = Field(
        description="most of this machine's CPU time that others than the load and the cluster may "
        "have taken in any 5 s meanwhile, as a share: beyond it requests that no server answered, "
        "and waits, decide nothing, and a refusal or a lost write does; null for never, and "
        "without effect where the cluster has machines of its own"
    )


class UpgradeUnderLoad(_OnSharedMachine):
    """UPG-1: every kind of request while the deployment is upgraded."""

    rolling: RequestBounds = Field(description="while the deployment's own way goes on by itself")
    hold_traces: RequestBounds = Field(
        description="likewise while exporters hold traces back from its beginning to its end "
        "(`--way hold-traces`)"
    )
    scale_to_none: RequestBounds = Field(
        description="likewise after every old pod has ended (`--way scale-to-none`)"
    )

    rate: Annotated[float, Field(gt=0, le=1000)] = Field(
        description="requests a second of the open-model load, beside one client of each kind"
    )
    before: Annotated[int, Field(ge=1)] = Field(
        description="acknowledged requests of each kind before it begins"
    )
    restarts: Count = Field(
        description="pods that are deleted in the middle, drawn from the run's seed"
    )
    requests: Annotated[int, Field(ge=1)] = Field(
        description="requests of the load that must have been planned while it went on"
    )


class TracesUnderUpgrade(_OnSharedMachine):
    """UPG-1.traces: traces while the deployment is upgraded."""

    rolling: TraceBounds = Field(description="while the deployment's own way goes on by itself")
    hold_traces: TraceBounds = Field(
        description="likewise while exporters hold traces back from its beginning to its end "
        "(`--way hold-traces`); what is held back is not sent, and does not fail"
    )
    scale_to_none: TraceBounds = Field(
        description="likewise after every old pod has ended (`--way scale-to-none`)"
    )

    mixed: Count = Field(
        description="traces of each kind that must have been sent while pods of both versions "
        "served, for a schema that changes; none are asked for in other manners than rolling"
    )


def in_manner(row: UpgradeUnderLoad | TracesUnderUpgrade, manner: str) -> Any:
    """What a row promises in one manner, as options spell it."""
    return getattr(row, manner.replace("-", "_"))


class SchemaReadiness(Thresholds):
    """UPG-1.ready: pods and the schema."""

    looks: Annotated[int, Field(ge=1)] = Field(
        description="looks at pods and schema while it goes on, that must have been answered"
    )


class MigrationBounds(_OnSharedMachine):
    """UPG-1.migration: the migration under load."""

    longest_wait_s: Seconds = Field(
        description="most that any session may have waited for a lock, seconds"
    )


class MigrationRepeated(Thresholds):
    """UPG-1.repeated: the migration of copies, twice at once and killed half-way."""

    within_s: Seconds = Field(description="most that one migration of a copy may take, seconds")


class WayBack(Thresholds):
    """UPG-2: the rollback after new writes on B, and the restore path."""

    rto_s: Seconds = Field(
        description="most from the first command of the restore until pods of the version before "
        "alone serve what it restored, seconds"
    )
    writes: Annotated[int, Field(ge=1)] = Field(
        description="writes on A before the backup, and as many on B before the rollback"
    )
    refused_says: Pattern[str] = Field(
        description="what a refusal must name, as a regular expression: how one gets back",
    )


class ValuesKept(Thresholds):
    """UPG-5: values and Secrets."""

    may_change: list[Pattern[str]] = Field(
        description="what may differ between A's and B's objects besides MLflow's image, as "
        "regular expressions that match the whole of ``kind/name: path``"
    )


class KnownSettings(Thresholds):
    """UPG-4.options."""

    unread: list[_Text] = Field(
        description="variables of MLflow that are set although no version reads them"
    )


class ApiAnswers(Thresholds):
    """UPG-4.api."""

    answered: Annotated[int, Field(ge=1)] = Field(
        description="calls of A's API that A must answer for the comparison to mean anything"
    )
    expected: list[Pattern[str]] = Field(
        description="differences that are meant, as regular expressions that match the whole of one"
    )


class ClientSkew(Thresholds):
    """UPG-4.skew."""

    refused: list[Pattern[str]] = Field(
        description="what is known not to work for B's client at A, as regular expressions that "
        "match the whole of ``operation: error``"
    )


class LatencyCompared(Thresholds):
    """UPG-4.latency: two servers under the same load side by side."""

    workload: _Text = Field(description="a workload of loadtests/, or a file's path")
    pairs: int = Field(ge=8, le=500, description="pairs of runs that are compared")
    rate: float = Field(gt=0, le=1000, description="arrivals a second, of both servers")
    run_s: float = Field(ge=1, le=600, description="length of a run, seconds")
    rest_s: float = Field(ge=0.1, le=60, description="pause after a run, seconds")
    confidence: float = Field(
        ge=0.9, lt=1, description="how often the interval must hold the true ratio, as a share"
    )
    tolerated: _Ratio = Field(
        description="most that the lower end of B's p95 against A's may be, as a ratio"
    )
    found: _Ratio = Field(
        description="a ratio that would have been found: an interval that reaches beyond it "
        "decides nothing"
    )
    each_tolerated: _Ratio = Field(
        description="likewise of the median of every single operation, as a ratio: a slow one "
        "hides behind the p95 of all when another one takes longer anyway"
    )
    each_found: _Ratio = Field(description="as `found`, of the median of every single operation")
    failed: Count = Field(description="requests that may fail at B")


class Fingerprinted(Thresholds):
    """UPG-3.fingerprint."""

    rows: int = Field(ge=1, description="rows that must have been compared, at least")


class ModelsLoaded(Thresholds):
    """UPG-3.models."""

    versions: int = Field(ge=1, description="registered versions that must be loaded, at least")


class DataGiven(Thresholds):
    """UPG-3.given."""

    runs: int = Field(
        ge=1,
        description="runs and traces that are written before the upgrade, besides things of every "
        "kind, when the options name no number",
    )
    refused: dict[str, str] = Field(
        description="kinds of things that the deployed configuration refuses, each with the reason"
    )


class DataUsed(Thresholds):
    """UPG-3.use."""

    sample: int = Field(
        ge=1, description="of many runs, how many are read one by one, with histories and spans"
    )


class ObjectsKept(Thresholds):
    """UPG-3.artifacts."""

    objects: int = Field(ge=1, description="objects that must have been there before, at least")


THRESHOLDS: Registry = {
    "UPG-3.given": DataGiven,
    "UPG-3.fingerprint": Fingerprinted,
    "UPG-3.models": ModelsLoaded,
    "UPG-3.use": DataUsed,
    "UPG-3.artifacts": ObjectsKept,
    "UPG-1": UpgradeUnderLoad,
    "UPG-1.traces": TracesUnderUpgrade,
    "UPG-1.ready": SchemaReadiness,
    "UPG-1.migration": MigrationBounds,
    "UPG-1.repeated": MigrationRepeated,
    "UPG-2": WayBack,
    "UPG-5": ValuesKept,
    "UPG-4.options": KnownSettings,
    "UPG-4.api": ApiAnswers,
    "UPG-4.skew": ClientSkew,
    "UPG-4.latency": LatencyCompared,
}
"""The model of each check of this family."""
