# SPDX-License-Identifier: Apache-2.0
"""Whether a pod was called ready while the schema of the database was not its own.

A pod that served before the schema changed goes on being ready until it is replaced: that is what
a rolling upgrade is, and what its requests suffer is judged by the requests. What no deployment
may do is *call* one ready then: a new pod before the migration, or an old one that was restarted
after it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mlflow_conformance.ledger.pacing import SentRequest
from mlflow_conformance.upgrade.watching import SchemaLook

_NS = 1e9


@dataclass(frozen=True)
class Mixed:
    """For how long each mixture was there, seconds.

    Attributes:
        old_on_new_s: a ready pod of A, and the schema of B.
        new_on_old_s: a ready pod of B, and the schema of A.
        nobody_s: no pod was ready.
    """

    old_on_new_s: float
    new_on_old_s: float
    nobody_s: float


def called_ready(looks: Sequence[SchemaLook], own: Mapping[str, str]) -> list[str]:
    """Pods that became ready on a schema that is not their own, one sentence each.

    Only a look whose schema was the same before and after it counts, so that a pod that became
    ready in the moment of the migration is not taken for one that was too early.

    Args:
        own: the revision that each image needs.
    """
    return list(_called_ready(looks, own))


def _called_ready(looks: Sequence[SchemaLook], own: Mapping[str, str]) -> Iterator[str]:
    ready: set[str] = set()
    for number, look in enumerate(looks):
        now = {p.uid for p in look.pods if p.ready and not p.terminating}
        schema = look.before if look.before == look.after else None
        for pod in look.pods:
            needed = own.get(pod.image)
            fresh = pod.uid in now - ready and number > 0
            if fresh and schema is not None and needed is not None and needed != schema:
                yield f"{pod.name} of {pod.image}, which needs {needed}, on {schema}"
        ready = now


def sent_while_mixed(
    looks: Sequence[SchemaLook],
    own: Mapping[str, str],
    new_image: str,
    attempts: Sequence[SentRequest],
) -> Counter[str]:
    """Requests that were sent while a pod of A was ready on another schema than its own, by kind.

    Args:
        own: the revision that each image needs.
        new_image: B's.
    """
    spans = [
        (look.at_ns, following.at_ns)
        for look, following in pairwise(looks)
        if look.before is not None
        and any(
            p.ready and p.image != new_image and own.get(p.image) not in (look.before, None)
            for p in look.pods
        )
    ]
    return Counter(
        a.kind for a in attempts if any(first <= a.began_ns < last for first, last in spans)
    )


def mixed(looks: Sequence[SchemaLook], own: Mapping[str, str], new_image: str) -> Mixed:
    """For how long each mixture was seen; a look counts until the next one.

    Args:
        own: the revision that each image needs.
        new_image: B's.
    """
    old_on_new = new_on_old = nobody = 0.0
    for look, following in pairwise(looks):
        seconds = (following.at_ns - look.at_ns) / _NS
        ready = [p for p in look.pods if p.ready and not p.terminating]
        wrong = {p.image == new_image for p in ready if own.get(p.image) not in (look.after, None)}
        old_on_new += seconds if False in wrong and look.after is not None else 0
        new_on_old += seconds if True in wrong and look.after is not None else 0
        nobody += 0 if ready else seconds
    return Mixed(round(old_on_new, 1), round(new_on_old, 1), round(nobody, 1))
