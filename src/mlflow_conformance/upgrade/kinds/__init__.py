# SPDX-License-Identifier: Apache-2.0
"""Every kind of thing that MLflow keeps, each as one function that makes one of it."""

from collections.abc import Callable, Mapping

from mlflow_conformance.upgrade.kinds import access, evaluation, gateway, models, runs, traces
from mlflow_conformance.upgrade.making import Maker
from mlflow_conformance.upgrade.things import GivenThing

KINDS: Mapping[str, Callable[[Maker, str], GivenThing]] = {
    **runs.KINDS,
    **models.KINDS,
    **traces.KINDS,
    **evaluation.KINDS,
    **gateway.KINDS,
    **access.KINDS,
}
"""Makes a thing of this name; by the word that reports use for its kind."""
