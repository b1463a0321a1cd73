# SPDX-License-Identifier: Apache-2.0
"""Profiles: what one deployment promises, with every threshold and every waiver.

A profile is YAML. It is read strictly: an unknown key, a duplicate key, an unknown check ID or an
expired waiver is refused with the nearest right spelling, since a typo that silently switches a
check off would make the verdict a lie.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, ValidationError

from mlflow_conformance.config import assets, inheritance, profile_rules, tiers
from mlflow_conformance.config.documents import Document, Kind, Strict
from mlflow_conformance.config.inheritance import Inherited
from mlflow_conformance.config.names import Names
from mlflow_conformance.config.placeholders import OF_PROMISES, filled, placeholders, unfilled
from mlflow_conformance.config.thresholds import Registry
from mlflow_conformance.config.tiers import Tier


class HelmDeployment(Strict):
    """A Helm release; paths are relative to the assets (or the working directory)."""

    kind: Literal["helm"] = Field(description="`helm`")
    chart: str = Field(
        description="folder of the chart, below the suite's own or absolute; `namespace.yaml` "
        "beside it is applied first"
    )
    release: str = Field(description="name of the release")
    values: list[str] = Field(default=[], description="values files, the last one wins")
    version: str = Field(
        default="image.tag", description="the chart's value that holds MLflow's version"
    )


class KustomizeDeployment(Strict):
    """A kustomization applied with `kubectl apply -k`."""

    kind: Literal["kustomize"] = Field(description="`kustomize`")
    path: str = Field(description="folder of the kustomization")


def _finite(value: JsonValue) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            raise ValueError("a threshold is a finite number: no check could break this one")
        case list():
            return [_finite(v) for v in value]
        case dict():
            return {k: _finite(v) for k, v in value.items()}
        case _:
            return value


_Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
_Bounds = dict[str, Annotated[JsonValue, AfterValidator(_finite)]]


class Row(Strict):
    """One check that the profile expects."""

    promise: str = Field(min_length=1, description="what is promised, one line for the report")
    tier: Tier = Field(default="gate", description="the cheapest tier that runs it")
    thresholds: _Bounds = Field(
        default={},
        description="bounds by name, all that the check has; below",
    )
    thorough: _Bounds = Field(
        default={}, description="which of the thresholds are others in the tier `thorough`"
    )
    loose: dict[str, _Reason] = Field(
        default={},
        description="why a bound is looser than twice the worst that was measured, by the ID of "
        "the observation ([measured values](#measured-values))",
    )

    def at(self, tier: Tier) -> "Row":
        """The row with the thresholds that count in a tier."""
        if tier != "thorough":
            return self
        return self.model_copy(update={"thresholds": {**self.thresholds, **self.thorough}})


class Waiver(Strict):
    """An excuse by name for a fail or unknown, until the end of a day (UTC)."""

    id: str = Field(description="a check of this profile")
    reason: _Reason = Field(description="why this may be so, for the report; 10 characters or more")
    expires: date = Field(description="the last day (UTC) on which it excuses")


class Upgrade(Strict):
    """What an upgrade is tried with."""

    checks: list[str] = Field(
        default=[],
        description="checks of this profile that are run on the version before and on the one "
        "after, quick ones",
    )
    clients: list[str] = Field(
        default=[],
        description="versions of MLflow's client that are tried at both sides beside the sides' "
        "own, such as the last one of the major release before",
    )
    from_: str | None = Field(
        default=None,
        alias="from",
        description="the version before, for a run of the tier `upgrade` that names none",
    )
    to: str | None = Field(default=None, description="the version after, for the same")


class Profile(Strict):
    """All that a deployment promises."""

    schema_: Literal[1] = Field(alias="schema", description="version of this format: 1")
    name: str = Field(description="as reports show it")
    description: str = Field(default="", description="one line for people")
    extends: str | None = Field(
        default=None,
        description="the base whose rows this profile has too: one that comes with the suite, by "
        "its name, or the path of a file, from the folder of this one",
    )
    without: dict[str, _Reason] = Field(
        default={},
        description="rows of the base that this deployment does not promise, by ID or, for all of "
        "a family, by its name, several with commas; and why, for the report, in 10 characters or "
        "more",
    )
    deployment: HelmDeployment | KustomizeDeployment | None = Field(
        default=None,
        discriminator="kind",
        description="how to make the deployment; not needed to attach to an existing one",
    )
    contexts: list[str] = Field(
        default=[],
        description="contexts of a kubeconfig whose deployment is this profile's own: on a cluster "
        "that exists, the lines of its guide, and those that install, back up and restore, are run "
        "in these alone, and with `--allow-disruption`",
    )
    names: Names = Field(description="where everything is")
    time_scale: float = Field(
        default=1.0, ge=0.1, le=20, description="multiplies every named time-out"
    )
    checks: dict[str, Row] = Field(
        min_length=1, description="the checks that are expected, by ID, in the order they run"
    )
    waivers: list[Waiver] = Field(default=[], description="excuses by name, each with an end")
    upgrade: Upgrade = Field(default=Upgrade(), description="what an upgrade is tried with")


_KIND = Kind(Profile, "a profile", profile_rules.MANUAL)


@dataclass(frozen=True)
class LoadedProfile:
    """A profile with all that it takes over, and where that came from."""

    profile: Profile
    path: Path
    inherited: Inherited

    @property
    def sha256(self) -> str:
        """Of the file and of its bases."""
        return self.inherited.sha256

    def at(self, tier: Tier) -> "LoadedProfile":
        """The same with the thresholds that count in a tier, for whoever reads a row of it."""
        checks = {i: r.at(tier) for i, r in self.profile.checks.items()}
        return replace(self, profile=self.profile.model_copy(update={"checks": checks}))

    def rows(self, tier: Tier) -> dict[str, Row]:
        """The checks of this tier and of those that it holds, in the profile's order."""
        checks = self.at(tier).profile.checks
        return {i: r for i, r in checks.items() if tiers.holds(tier, r.tier)}


def load(
    path: Path, *, known_ids: Collection[str], thresholds: Registry, today: date
) -> LoadedProfile:
    """Read a profile strictly.

    Args:
        path: a YAML file.
        known_ids: the check IDs that exist (see `mlflow_conformance.config.catalogue`).
        thresholds: the form of each check's; of a check that is not in it anything is accepted.
        today: the day (UTC) against which waivers expire.

    Raises:
        Unusable: the file cannot be read or anything in it is not as it must be.
    """
    document, inherited = _examined(path, known_ids=known_ids, thresholds=thresholds, today=today)
    if document.model is None or inherited is None:
        raise document.faults[0].refusal(path)
    return LoadedProfile(document.model, path, inherited)


def examine(
    path: Path, *, known_ids: Collection[str], thresholds: Registry, today: date
) -> Document[Profile]:
    """Everything that is wrong in a profile and what it extends; the arguments are as of `load`.

    Raises:
        Unusable: the file cannot be read.
    """
    return _examined(path, known_ids=known_ids, thresholds=thresholds, today=today)[0]


def rows_of_base(name: str) -> dict[str, dict[str, JsonValue]]:
    """The thresholds of each check that a base which comes with the suite has, in their order.

    Raises:
        Unusable: there is none of that name.
    """
    document = _KIND.opened(assets.base_path(name, Path()))
    rows = inheritance.whole(document, _KIND).data["checks"]
    return {check_id: row.get("thresholds", {}) for check_id, row in rows.items()}


def _examined(
    path: Path, *, known_ids: Collection[str], thresholds: Registry, today: date
) -> tuple[Document[Profile], Inherited | None]:
    opened = _KIND.opened(path)
    if opened.text is None:
        return opened, None
    found = inheritance.whole(opened, _KIND)
    if found.faults:
        return replace(opened, faults=[*opened.faults, *found.faults]), None
    data, unnamed = _named(found.data)
    text = replace(opened.text, data=data)
    document = _KIND.judged(replace(opened, text=text))
    told = {fault.place for fault in document.faults if fault.place}
    rules = profile_rules.faults(text, known_ids=known_ids, thresholds=thresholds, today=today)
    faults = [
        *document.faults,
        *(f for f in rules if f.place not in told and f.place[1:2] not in [(i,) for i in unnamed]),
    ]
    if not any(fault.place[:1] == ("names",) for fault in faults):
        faults += profile_rules.unnamed(text, unnamed)
    model = None if faults else document.model
    faults = [found.placed(fault) for fault in faults]
    return replace(document, model=model, faults=faults), found.inherited


def _named(data: dict[Any, Any]) -> tuple[dict[Any, Any], dict[str, set[str]]]:
    """A document with this deployment's names for those in braces, and what has none, by check."""
    checks = data.get("checks")
    if not isinstance(checks, dict):
        return data, {}
    try:
        words = placeholders(Names.model_validate(data.get("names")))
    except ValidationError:
        words = {}  # the form of the document says what is wrong with them
    rows = {i: _row_named(row, words) for i, row in checks.items()}
    lacking = {i: open_ for i, row in rows.items() if (open_ := unfilled(row))}
    return {**data, "checks": rows}, lacking


def _row_named(row: Any, words: Mapping[str, JsonValue]) -> Any:
    if not isinstance(row, dict):
        return row
    known = {word: words[word] for word in OF_PROMISES if word in words}
    return {k: filled(v, known) if k in ("thresholds", "thorough") else v for k, v in row.items()}
