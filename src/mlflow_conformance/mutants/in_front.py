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


@contextmanager
def in_front_of(target: Target, rule: ProxyRule) -> Iterator[Target]:
    """The target with the lie in front of every door that MLflow is reached through.

    SQL and the bucket stay as they are: they are what a lie is held against. Only a lie about the
    bucket itself stands in front of the bucket, and of nothing else.

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


def _proxied(
    stack: ExitStack, inside: Inside, upstream: str, rule: ProxyRule, ca_file: str | None
) -> str:
    made = cast(
        dict[str, Any],
        inside.call(
            "proxy_start",
            upstream=upstream,
            rule=rule.rule,
            parameters=dict(rule.parameters),
            ca_file=ca_file,
        ),
    )
    stack.callback(inside.call, "proxy_stop", number=made["number"])
    return str(made["url"])
