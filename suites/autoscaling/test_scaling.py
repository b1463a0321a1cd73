# SPDX-License-Identifier: Apache-2.0
"""HPA: the autoscaler under load."""

from functools import partial

from mlflow_conformance.autoscaling.connections import idle
from mlflow_conformance.autoscaling.surge import surged, wait_until_back
from mlflow_conformance.autoscaling.thresholds import Back, Errors, NewReplicas, Rise
from mlflow_conformance.autoscaling.window import Window, first_fall, last_rise
from mlflow_conformance.cluster.autoscaler import Autoscaler
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.evidence.run import Run
from mlflow_conformance.load.expectations import error_share, note_load, note_others
from mlflow_conformance.target.base import Target
from mlflow_conformance.target.watch import (
    changes,
    first,
    new_pods,
    obstacle,
    unschedulable,
    utilization,
)


def _that_could_scale(evidence: Evidence, target: Target, window: Window) -> Autoscaler | None:
    """The autoscaler, when there was load that it could have answered; None when it could not.

    Raises:
        Undecided: there was no such load, and that was not the autoscaler's fault.
    """
    if window.obstacle is not None:
        evidence.expect(
            "obstacle", "what keeps it from scaling", window.obstacle, "==", "nothing",
            door="kubernetes",
        )  # fmt: skip
        return None
    window.require_sight()
    surging = window.surging
    note_load(evidence, surging, "inside")
    if surging.void:
        evidence.undecided("; ".join(surging.void))
    highest = utilization(window.looks)
    scaler = window.looks[-1].scaler
    evidence.note("highest utilization", highest, unit="%", door="kubernetes")
    evidence.note(
        "replicas wanted over time",
        [f"{window.since_start(at)} s: {old} -> {new}" for at, old, new in changes(window.looks)],
        door="kubernetes",
    )
    why = obstacle(window.looks, target.names.mlflow.scaled)
    evidence.expect("obstacle", "what keeps it from scaling", why or "nothing", "==", "nothing")
    if why is not None or scaler is None:
        return None
    if not scaler.goals:
        evidence.undecided(
            f"it scales by {', '.join(scaler.other_goals)}, which load of this suite does not raise"
        )
    if not scaler.calls_for_more(highest):
        evidence.undecided(
            f"the load did not raise utilization above its goal: {highest} of {dict(scaler.goals)}"
            f", and {scaler.tolerance:.0%} more are tolerated"
        )
    return scaler


@check(
    "HPA-2",
    impact="Under load MLflow stays as small as it is, and everybody waits.",
    remedy="See what the check names: metrics, CPU requests, the maximum, or the nodes.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_replicas_rise_under_load(evidence: Evidence, target: Target, scaled: Window) -> None:
    """Under load that was really offered more replicas are asked for in time, within the maximum.

    Preconditions: the autoscaler is at rest at its minimum.
    Steps: send load from pods through the Service; look at autoscaler and Deployment every second.
    Expected: utilization passes its goal, replicas rise within the profile's bound and become
    ready. Of the maximum, which Kubernetes keeps, HPA-1 tells.
    """
    scaler = _that_could_scale(evidence, target, scaled)
    if scaler is None:
        return
    row = evidence.row(Rise)
    looks, sooner = scaled.from_second(row.cannot_rise_within_s)
    before = looks[0].wanted
    rose = scaled.since_start(first(looks, lambda s: s.wanted > before))
    ready = scaled.since_start(first(looks, lambda s: s.ready > before))
    wanted = max(s.wanted for s in looks)
    if sooner and rose is None:
        evidence.undecided(
            f"replicas were added {sooner[0]} s after the load began, which it cannot have caused, "
            "and none later"
        )
    fewest = min(s.ready for s in looks if s.wanted == before)
    evidence.note("fewest ready replicas until then", fewest, door="kubernetes")
    if fewest < before and (rose is None or rose > row.rises_within_s):
        evidence.undecided(
            f"the load took {before - fewest} of {before} replicas out of service, and an "
            "autoscaler counts what is not ready as idle: send less"
        )
    evidence.expect(
        "replicas.wanted", "replicas asked for", wanted, ">=", before + 1, door="kubernetes"
    )
    evidence.note("its maximum", scaler.maximum, door="kubernetes")
    if rose is not None:
        evidence.expect(
            "rise", "time until more were asked for", rose, "<=",
            row.rises_within_s, unit="s", door="kubernetes",
            source="Kubernetes' own bound: 30+30+15+15+10 s",
        )  # fmt: skip
    evidence.note("time until more were ready", ready, unit="s", door="kubernetes")
    evidence.expect(
        "replicas.ready", "replicas ready", max(s.ready for s in looks), ">=", before + 1,
        door="kubernetes",
    )  # fmt: skip
    if reasons := unschedulable(looks):
        evidence.note("pods that found no node", reasons, door="kubernetes")


@check(
    "HPA-3",
    impact="New replicas cost memory and serve nobody, or take the database's last connections.",
    remedy="Send every request to any replica (no affinity), and size the pools of connections "
    "so that the maximum of replicas fits into max_connections.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_new_replicas_serve(evidence: Evidence, target: Target, sql: Sql, scaled: Window) -> None:
    """Every new replica serves requests, and connections stay below what PostgreSQL admits.

    Preconditions: HPA-2's load made new replicas, that were ready long enough to get requests.
    Steps: read each pod's own counter of requests, and PostgreSQL's connections, all the while.
    Expected: each new pod served the profile's number at least; PostgreSQL admits as many
    connections as the pools of the autoscaler's maximum may open, and those of others; there were
    no more than the pools of so many replicas may open, and afterwards no more are idle than they
    keep.
    """
    if scaled.obstacle is not None:
        evidence.undecided(f"no load was sent: {scaled.obstacle}")
    scaled.require_sight()
    row = evidence.row(NewReplicas)
    loaded = [seen for seen in scaled.looks if seen.at <= scaled.end]
    new = new_pods(loaded, ready_for_s=row.ready_for_s)
    if not new:
        evidence.undecided("no new replica was ready while there was load, so none could serve")
    evidence.note("requests that each pod served", scaled.watch.served, door="inside")
    if silent := [name for name in new if name not in scaled.watch.served]:
        evidence.undecided(
            f"the requests of {', '.join(silent)} were never read: {scaled.watch.unseen[-2:]}"
        )
    served = {name: int(scaled.watch.served[name]) for name in new}
    evidence.expect(
        "served", "new replicas that served too few",
        [name for name, count in served.items() if count < row.requests_each],
        "==", [], door="inside",
    )  # fmt: skip
    admitted = int(sql.one("SHOW max_connections"))
    evidence.expect(
        "connections.refused", "times that PostgreSQL admitted no more connections",
        len(scaled.watch.refused), "==", 0, door="sql",
    )  # fmt: skip
    scaled.require_counts()
    peak = max((count for _, count in scaled.watch.connections), default=0)
    evidence.note("max_connections", admitted, door="sql")
    maximum = next((s.scaler.maximum for s in reversed(scaled.looks) if s.scaler), None)
    if maximum is None:
        evidence.undecided("the autoscaler was not seen, so nobody knows how many replicas may be")
    evidence.expect(
        "connections.room", f"connections that {maximum} replicas may open, and others",
        row.pools.opened(maximum) + row.other_connections, "<=", admitted, door="sql",
    )  # fmt: skip
    replicas = max(len(seen.pods) for seen in scaled.looks)
    evidence.expect(
        "connections.pools", f"most connections, with {replicas} replicas at most", peak, "<=",
        row.pools.opened(replicas) + row.other_connections, door="sql",
    )  # fmt: skip
    names = target.names.mlflow
    pods = [p for p in target.need_kube().pods(names.selector) if p.replica]
    evidence.expect(
        "connections.idle", f"idle connections of {len(pods)} replicas",
        idle(sql, {p.ip for p in pods if p.ip}), "<=", row.pools.kept(len(pods)), door="sql",
    )  # fmt: skip


@check(
    "HPA-7",
    impact="Every change of size costs users their requests.",
    remedy="Let a pod be ready only when it serves, and leave (preStop) only when nobody sends.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_scaling_costs_no_errors(evidence: Evidence, target: Target, scaled: Window) -> None:
    """While replicas come and while they go, errors stay within the SLO.

    Preconditions: HPA-2's load made new replicas, and in the quiet after it some left.
    Steps: count failed requests from the first new replica until the end of the surge, and in the
    quiet in which the autoscaler takes replicas away; nothing is sent twice.
    Expected: both shares within the profile's bound.
    """
    if scaled.obstacle is not None:
        evidence.undecided(f"no load was sent: {scaled.obstacle}")
    scaled.require_sight()
    looks, surge = scaled.looks, scaled.surge
    rose = scaled.since_start(first(looks, lambda s: s.wanted > looks[0].wanted))
    if rose is None or rose >= surge.for_s:
        evidence.undecided("no replica was added while the load surged")
    row = evidence.row(Errors)
    most, starved = row.errors, note_others(evidence, scaled.others_cpu, row.others_cpu)
    growing = scaled.part(rose, surge.for_s)
    failed = error_share(evidence, growing, most, "inside", "while replicas came")
    evidence.expect(
        "errors.rising", f"failed while replicas came, of {growing.overall.requests}",
        failed, "<=", most, door="inside", unless=starved,
    )  # fmt: skip
    fell = scaled.since_start(first(looks, lambda s: any(p.terminating for p in s.pods)))
    if fell is None or fell >= surge.for_s + surge.quiet_s:
        evidence.undecided("no replica left while the load went on")
    evidence.note("first replica left after", fell, unit="s", door="kubernetes")
    shrinking = scaled.part(surge.for_s, surge.for_s + surge.quiet_s)
    failed = error_share(evidence, shrinking, most, "inside", "while replicas went")
    evidence.expect(
        "errors.falling", f"failed while replicas went, of {shrinking.overall.requests}",
        failed, "<=", most, door="inside", unless=starved,
    )  # fmt: skip


@check(
    "HPA-4",
    impact="Replicas that nobody needs cost money, or they go between two waves of load.",
    remedy="Compare the autoscaler's behavior.scaleDown with the profile.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_replicas_come_back(
    evidence: Evidence, target: Target, conformance_run: Run, garbage: list[str]
) -> None:
    """After the load the replicas come back to the minimum, and not before the window is over.

    Preconditions: the autoscaler is at rest.
    Steps: load until it grew, stop, and watch.
    Expected: the first replica is taken away no sooner after the last one was added than the
    stabilization window is long, and the minimum is reached within the profile's bound.
    """
    folder = conformance_run.folder.path / "attachments" / "scaling-back"
    folder.mkdir(parents=True)
    row = evidence.row(Back)
    window = surged(
        target,
        conformance_run,
        row.load,
        folder,
        garbage,
        after_surge=partial(wait_until_back, conformance_run.waiter),
    )
    if _that_could_scale(evidence, target, window) is None:
        return
    rose, fell = last_rise(window.looks), first_fall(window.looks)
    if rose is None:
        evidence.undecided("the load did not make it grow, so it has nothing to come back from")
    minimum = window.looks[0].wanted
    back = first(
        [s for s in window.looks if fell is not None and s.at >= fell],
        lambda s: s.wanted == minimum == s.ready,
    )
    evidence.note("replicas asked for at the end", window.looks[-1].wanted, door="kubernetes")
    if back is None or window.looks[-1].wanted != minimum:
        evidence.expect(
            "back", "back at its minimum after the load", False, "==", True, door="kubernetes"
        )
    else:
        evidence.expect(
            "back", "back at its minimum after the load", round(back - window.end, 1),
            "<=", row.back_within_s, unit="s", door="kubernetes",
        )  # fmt: skip
    if fell is not None:
        evidence.expect(
            "stabilization", "time from the last replica added to the first taken away",
            round(fell - rose, 1), ">=", row.stabilization_s, unit="s", door="kubernetes",
        )  # fmt: skip
