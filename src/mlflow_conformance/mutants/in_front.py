# SPDX-License-Identifier: Apache-2.0
"""A target with a lying proxy in front of every door."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, cast

from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.mutants import lying_proxy
from mlflow_conformance.mutants.lies import lie_of
from mlflow_conformance.mutants.mutant import ProxyRule
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.own_pods import RUNNER


@contextmanager
def in_front_of(target: Target, rule: ProxyRule) -> Iterator[Target]:
    """The target with the lie in front of every door that MLflow is reached through.

    SQL and the bucket stay as they are: they are what a lie is held against. Only a lie about the
    bucket itself stands in front of the bucket, and one about a server of the pair before an
    upgrade in front of that server; each of nothing else.

    Raises:
        Unusable: the rule cannot be used.
        Undecided: it is about the bucket, and the target has none.
        InsideFailed: the runner could not start a proxy.
    """
    lie = lie_of(rule.rule, rule.parameters)
    with ExitStack() as stack:
        known: dict[str, str] = {}

        def inside_url(upstream: str, ca_file: str | None = None) -> str:
            if upstream not in known:
                known[upstream] = _proxied(stack, target.inside, upstream, rule, ca_file)
            return known[upstream]

        if lie.door == "s3":
            bucket = target.need_bucket()
            url = inside_url(bucket.door["endpoint"], bucket.door.get("ca_file"))
            door = {**bucket.door, "endpoint": url}
            yield replace(target, bucket=replace(bucket, door=door))
            return
        if lie.door in ("pair-a", "pair-b"):
            lied_about = lie.door.removeprefix("pair-").upper()
            address = _runner_address(target)

            def pair_url(name: str, url: str) -> str:
                # Other pods come by it as well: clients of other versions.
                return (
                    _proxied(stack, target.inside, url, rule, None, address)
                    if name == lied_about
                    else url
                )

            yield replace(target, pair_url=pair_url)
            return
        front = target.front
        if front is not None:
            number, url = lying_proxy.start(front.url, rule.rule, rule.parameters, front.ca_file)
            stack.callback(lying_proxy.stop, number)
            front = replace(front, url=url, ca_file=None)
        yield replace(
            target,
            front=front,
            service_url=inside_url(target.service_url),
            replica_urls=lambda: [inside_url(url) for url in target.replica_urls()],
        )


def _runner_address(target: Target) -> str:
    if target.kube is None:
        return "127.0.0.1"
    pod = target.kube.get("pod", RUNNER, namespace=target.names.runner.namespace)
    return str(pod["status"]["podIP"])


def _proxied(
    stack: ExitStack,
    inside: Inside,
    upstream: str,
    rule: ProxyRule,
    ca_file: str | None,
    address: str = "127.0.0.1",
) -> str:
    made = cast(
        dict[str, Any],
        inside.call(
            "proxy_start",
            upstream=upstream,
            rule=rule.rule,
            parameters=dict(rule.parameters),
            ca_file=ca_file,
            address=address,
        ),
    )
    stack.callback(inside.call, "proxy_stop", number=made["number"])
    return str(made["url"])
