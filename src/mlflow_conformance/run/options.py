# SPDX-License-Identifier: Apache-2.0
"""The options of pytest that a run takes."""

from pathlib import Path
from typing import get_args

import pytest

from mlflow_conformance.config.manners import Manner
from mlflow_conformance.config.tiers import Tier


def declare(parser: pytest.Parser) -> None:
    """Declare them; the command line of `mlflow-conformance` hands its own on to these."""
    group = parser.getgroup("mlflow-conformance", "MLflow conformance")
    group.addoption("--profile", help="what is promised: a profile's name, or a YAML file")
    group.addoption("--tier", choices=get_args(Tier), default="gate")
    group.addoption("--context", help="attach to the cluster of this kubeconfig context")
    group.addoption("--namespace", help="the namespace that MLflow is in, when attaching")
    group.addoption("--target-kubeconfig", type=Path, help="default: KUBECONFIG or ~/.kube/config")
    group.addoption(
        "--tracking-uri", action="append", default=[], help="a server without a cluster; repeatable"
    )
    group.addoption("--sql-dsn", help="its database, with --tracking-uri")
    group.addoption("--s3-endpoint", default="https://s3.amazonaws.com")
    group.addoption(
        "--s3-bucket", help="its bucket, with --tracking-uri; keys from the environment"
    )
    group.addoption("--s3-prefix", default="", help="what artifact keys begin with")
    group.addoption("--allow-disruption", action="store_true", help="also disturb an attached one")
    group.addoption(
        "--without-disruption",
        action="store_true",
        help="leave out what disturbs the deployment, by choice",
    )
    group.addoption(
        "--read-only",
        action="store_true",
        help="only checks that write nothing, and no runner pod",
    )
    group.addoption("--keep", action="store_true", help="leave cluster and deployment up")
    group.addoption("--reuse", action="store_true", help="use what --keep left; implies --keep")
    group.addoption(
        "--prepared",
        action="store_true",
        help="as --reuse, and trust the run before: neither host, images, guard nor deployment",
    )
    group.addoption("--mutant", help="break the target with this mutant first")
    group.addoption(
        "--rounds", type=Path, help="a file of rounds, each of checks on a target of its own"
    )
    group.addoption(
        "--check", action="append", default=[], help="only the check with this ID; repeatable"
    )
    group.addoption("--output", type=Path, help="folder for evidence and reports")
    group.addoption("--seed", type=int, help="replay the random choices of an earlier run")
    group.addoption(
        "--upgrade-from", help="what is deployed before: a version, values:FILE, ref:REF"
    )
    group.addoption("--upgrade-to", help="and after")
    group.addoption(
        "--upgrade-way",
        choices=get_args(Manner),
        help="what is done about traces meanwhile: nothing, exporters hold them, no pod is left; "
        "default: rolling",
    )
    group.addoption(
        "--upgrade-folder", type=Path, help="what stages of an upgrade leave each other"
    )
    group.addoption("--upgrade-runs", type=int, help="runs that are made before an upgrade")
    group.addoption("--upgrade-data", type=Path, help="a dump of a database that is upgraded")
