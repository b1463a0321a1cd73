# SPDX-License-Identifier: Apache-2.0
"""The namespaces of a profile's run, probe pods' included: known before any is made."""

from pydantic import BaseModel, ConfigDict

from mlflow_conformance.config.profile import Profile
from mlflow_conformance.network_policy.matrix import Source
from mlflow_conformance.network_policy.spaces import namespace_of
from mlflow_conformance.target.rbac import Places


class _WithSources(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sources: dict[str, Source] = {}


def places_of(profile: Profile, namespace: str | None = None) -> Places:
    """Where a run of a profile makes pods, and where it looks.

    Args:
        namespace: MLflow's, where it is not the profile's own.
    """
    names = profile.names
    mlflow = namespace or names.namespace
    # The pods of the canary have no labels.
    probes = {namespace_of(Source(reaches=[])): dict[str, str]()}
    named: set[str] = set()
    for row in profile.checks.values():
        for source in _WithSources.model_validate(row.thresholds).sources.values():
            if source.namespace is not None:
                named.add(source.namespace)
            elif source.cidr is None:
                probes[namespace_of(source)] = dict(source.namespace_labels)
    return Places(
        mlflow=mlflow,
        runner=names.runner.namespace,
        runner_labels=names.runner.labels,
        probes=probes,
        sources=sorted(named - {mlflow, names.namespace, names.runner.namespace, *probes}),
    )
