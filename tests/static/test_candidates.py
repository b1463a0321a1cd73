# SPDX-License-Identifier: Apache-2.0
"""What is made up from each profile's deployment, and what was judged of it."""

from collections import Counter
from functools import cache

import pytest

import shipped
from mlflow_conformance.config import assets
from mlflow_conformance.mutants.candidates.candidate import Candidate, candidates
from mlflow_conformance.mutants.candidates.judgements import FOLDER, judged
from mlflow_conformance.stand.deploy.manifests import rendered


@cache
def made_up(profile: str) -> list[Candidate]:
    of = shipped.loaded(profile)
    return candidates(rendered(of.profile, print), of.profile.names, of.rows("gate"))


DEPLOYED = [name for name in shipped.PROFILES if shipped.profile(name).deployment]


@pytest.mark.parametrize("profile", DEPLOYED)
def test_every_deployment_has_candidates_of_every_operator(profile: str) -> None:
    found = made_up(profile)
    assert len({c.name for c in found}) == len({c.file for c in found}) == len(found)
    operators = Counter(c.name.split()[-1].split("-")[0] for c in found if not c.refused)
    assert {"drop", "delete", "half", "double", "flip", "other", "widen", "loosen"} <= set(
        operators
    )
    assert sum(operators.values()) > 500
    # The schemas refuse what is required, which is little.
    assert sum(bool(c.refused) for c in found) < 0.2 * len(found)


@pytest.mark.parametrize("profile", DEPLOYED)
def test_every_candidate_is_held_against_checks_of_its_own(profile: str) -> None:
    # Two are about everything: a change that is held against them alone is hardly looked at.
    looked_at = [c for c in made_up(profile) if len(c.checks) > 2]
    assert len(looked_at) > 0.95 * len(made_up(profile))


@pytest.mark.parametrize("profile", DEPLOYED)
def test_what_is_judged_is_a_candidate_and_judged_once(profile: str) -> None:
    assert not judged(shipped.loaded(profile).profile.name).idle(c.name for c in made_up(profile))


def test_every_file_of_judgements_is_of_a_profile() -> None:
    files = {p.stem for p in (assets.asset("mutants") / FOLDER).glob("*")}
    assert files <= {shipped.loaded(name).profile.name for name in DEPLOYED}
