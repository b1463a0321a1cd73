# SPDX-License-Identifier: Apache-2.0
"""The checks, profiles and mutants that come with the suite, read once for all tests of a process.

Reading them takes a second or more. What is given out is shared: nobody may change it.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.profile import LoadedProfile, Profile
from mlflow_conformance.mutants import mutant as mutation
from mlflow_conformance.mutants.mutant import Mutant
from mlflow_conformance.run.known import promised
from repository import ROOT

PROFILES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
"""The names of the profiles."""
TODAY = date(2026, 1, 1)
"""The day on which they count, before any waiver ends."""


@cache
def checks() -> Mapping[str, CheckInfo]:
    """All checks, by ID."""
    return catalogue.read(ROOT / "suites")


@cache
def loaded(name: str) -> LoadedProfile:
    """A profile by its name, with what it takes over."""
    assert assets.root() == ROOT, "bases would come from elsewhere: call this before they do"
    return promised(name, checks(), today=TODAY)


def profile(name: str) -> Profile:
    """The same without where it came from."""
    return loaded(name).profile


@cache
def mutants() -> Mapping[str, Mutant]:
    """All mutants, by name."""
    return mutation.read_all(ROOT / "mutants", checks())
