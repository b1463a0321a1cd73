# SPDX-License-Identifier: Apache-2.0
"""NET: whether policies are enforced at all."""

from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.network_policy.canary import Canary


@check(
    "NET-0",
    impact="Network policies are accepted and not enforced: every pod reaches everything.",
    remedy="Use a network plugin that enforces NetworkPolicy, such as Cilium or Calico.",
    writes=("cluster",),
)
def test_policies_are_enforced(evidence: Evidence, canary: Canary) -> None:
    """The cluster enforces network policies.

    Preconditions: two pods of the suite with an open path between them.
    Steps: deny the path by a policy, lift the policy.
    Expected: the path is cut while the policy is there, and open before and after.
    """
    if canary.before != "open":
        evidence.undecided(f"the canary's path was not open before any policy: {canary.before}")
    evidence.expect(
        "path.denied",
        "path under a denying policy",
        canary.denied,
        "==",
        "timeout",
        door="inside",
    )
    if canary.after is not None:
        evidence.note("path after it was lifted", canary.after, door="inside")
        if canary.after != "open":
            evidence.undecided(
                f"the canary's path did not open again, so the policy need not be what cut it: "
                f"{canary.after}"
            )
        evidence.note("cut after", canary.cut_after_s, unit="s")
        evidence.note("open again after", canary.open_after_s, unit="s")
