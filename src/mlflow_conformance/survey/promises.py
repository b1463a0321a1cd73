# SPDX-License-Identifier: Apache-2.0
"""What the objects around MLflow promise: replicas, a budget, backups."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_conformance.cluster.autoscaler import other_goals
from mlflow_conformance.cluster.bundle import Bundle
from mlflow_conformance.cluster.secret_uses import uses_of
from mlflow_conformance.cluster.selectors import matches
from mlflow_conformance.cluster.templates import pod_of
from mlflow_conformance.core.cron import longest_gap_s
from mlflow_conformance.survey.found import Blank, Survey
from mlflow_conformance.survey.server import Server

_OF_TWO = ("DIS-9", "DIS-3", "DIS-3.deletion", "DIS-3.hang", "DIS-8", "DIS-8.broken",
           "DIS-8.update", "DIS-2", "TRK-9", "NET-5", "DIS-1")  # fmt: skip
_INSIDE_NODES = ("DIS-3", "DIS-3.hang", "DIS-4", "DIS-4.hang", "DIS-5", "DIS-6", "DIS-6.s3")
_MADE_IN_S = 3600
_MADE_HERE = ("BKP-1.schedule", "BKP-5.empty", "BKP-5.namespace")
_OF_RESTORE = ("BKP-2", "BKP-5", "BKP-5.empty", "BKP-5.namespace", "BKP-6", "BKP-6.many", "BKP-9")


def find_scaling(bundle: Bundle, server: Server, found: Survey) -> int:
    """The autoscaler and the budget, into `names.mlflow`; how many replicas there are to be."""
    names = found.names["mlflow"]
    least = server.replicas
    scaler = next((h for h in bundle.of("HorizontalPodAutoscaler") if _scales(h, server)), None)
    if scaler is None:
        _missing(
            bundle, found, "horizontalpodautoscaler", "it has no HorizontalPodAutoscaler", ["HPA"]
        )
    else:
        spec = scaler["spec"]
        names["hpa"] = scaler["metadata"]["name"]
        least = int(spec.get("minReplicas") or 1)
        found.rows["HPA-1"] = {"min_replicas": least, "max_replicas": int(spec["maxReplicas"])}
        goals = dict(_goals(spec))
        found.rows["HPA-1"]["utilization_percent"] = goals
        others = [f"{k}: {v}" for k, v in other_goals(spec.get("metrics") or []).items()]
        found.rows["HPA-1"]["other_goals"] = others
        down = (spec.get("behavior") or {}).get("scaleDown") or {}
        if (waits_s := down.get("stabilizationWindowSeconds")) is not None:
            found.rows["HPA-1"]["waits_s"] = waits_s
            found.rows["HPA-4"] = {"stabilization_s": waits_s}
        found.rows["HPA-5"] = {"replicas_at_rest": least}
        said = ", ".join([*(f"{k} {v} %" for k, v in goals.items()), *others])
        found.decide(
            f"autoscaler: {names['hpa']}, {least} to {spec['maxReplicas']}, {said}",
            "it scales the server",
        )
        if least == int(spec["maxReplicas"]):
            found.lacks(
                "its autoscaler's minimum is its maximum", ["HPA-2", "HPA-3", "HPA-4", "HPA-7"]
            )
    budget = next(
        (
            b
            for b in bundle.of("PodDisruptionBudget")
            if matches(b["spec"].get("selector") or {}, server.labels)
        ),
        None,
    )
    if budget is None:
        _missing(bundle, found, "poddisruptionbudget", "it has no PodDisruptionBudget", ["DIS-1"])
    else:
        names["pdb"] = budget["metadata"]["name"]
        at_least = budget["spec"].get("minAvailable")
        if isinstance(at_least, int):
            found.rows["DIS-1"] = {"min_available": at_least}
        found.decide(f"budget: {names['pdb']}", "it selects the server's pods")
    found.decide(
        f"replicas at rest: {least}", "the autoscaler's minimum" if scaler else "the workload"
    )
    if least < 2:
        found.lacks("it has one replica", _OF_TWO)
    return least


def _scales(scaler: Mapping[str, Any], server: Server) -> bool:
    target = scaler["spec"]["scaleTargetRef"]
    return (str(target["kind"]).lower(), target["name"]) == (server.kind, server.name)


def _goals(spec: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if goal := spec.get("targetCPUUtilizationPercentage"):
        yield "cpu", int(goal)
    for metric in spec.get("metrics") or []:
        resource = metric.get("resource") or {}
        if goal := (resource.get("target") or {}).get("averageUtilization"):
            yield resource["name"], int(goal)


def _missing(bundle: Bundle, found: Survey, kind: str, reason: str, checks: list[str]) -> None:
    """Leave checks out, unless it is only not known whether there is one."""
    if why := bundle.unreadable.get(kind):
        found.warnings.append(f"{kind}s may not be listed ({why}): whether it has one is not known")
    else:
        found.lacks(reason, checks)


def find_backup(bundle: Bundle, found: Survey) -> None:
    """The CronJob that makes backups, into `names.backup`."""
    jobs = [
        j for j in bundle.of("CronJob") if re.search(r"backup|dump", str(j["metadata"]["name"]))
    ]
    if not jobs:
        _missing(bundle, found, "cronjob", "no CronJob makes backups", ["BKP"])
        return
    job = jobs[0]
    name = job["metadata"]["name"]
    found.decide(f"backups: CronJob {name}", "its name")
    place = re.search(r"s3://([\w.-]+)/?([\w./-]*)", str(job["spec"]))
    spec = job["spec"]
    found.rows["BKP-1"] = {
        "schedule": spec["schedule"],
        "time_zone": spec.get("timeZone"),
        "concurrency": spec.get("concurrencyPolicy", "Allow"),
    }
    if (newest_within_s := _newest_within_s(spec)) is not None:
        found.rows["BKP-1"]["newest_within_s"] = newest_within_s
    command = f"kubectl create job --from=cronjob/{name} {{job}} -n {{namespace}}"
    if place is None:
        line = f'backup: {{cronjob: {name}, command: "{command}", bucket: BUCKET, prefix: PREFIX/}}'
        found.gaps.append(Blank("backup", line, "where backups are kept", ("rehearsal",)))
        found.lacks(
            "where its backups are kept is not known (names.backup)",
            ["BKP-4", "BKP-3", "BKP-2.manifest"],
        )
    else:
        names = {"cronjob": name, "command": command, "bucket": place[1]}
        if place[2].strip("/"):
            names["prefix"] = place[2].strip("/") + "/"
        found.names["backup"] = names
        found.decide(f"backups are in {place[1]}", "the CronJob's own settings")
    found.gaps.append(
        Blank(
            "restore",
            'restore: {command: "LINE THAT RESTORES {backup}", selector: {KEY: VALUE}}',
            "how a backup is restored, as it is documented",
            ("restored",),
        )
    )
    found.lacks("no documented restore is named (names.restore)", _OF_RESTORE)


def _newest_within_s(spec: Mapping[str, Any]) -> int | None:
    """The age that a schedule lets the newest backup come to, with an hour to make it in."""
    try:
        return longest_gap_s(spec["schedule"], spec.get("timeZone")) + _MADE_IN_S
    except ValueError:
        return None


def find_webhooks(server: Server, found: Survey) -> None:
    """Whether MLflow delivers webhooks to this suite's receiver, which speaks http."""
    schemes = server.variable("MLFLOW_WEBHOOK_ALLOWED_SCHEMES")
    if schemes is None or "http" not in map(str.strip, (schemes.text or "http").split(",")):
        found.lacks(
            "MLflow delivers webhooks to https alone, and this suite receives them by http",
            ["REG-6", "REG-6.late"],
        )


def find_secrets(bundle: Bundle, found: Survey) -> None:
    """Whether there is a credential that could be weak or leak."""
    workloads = bundle.of("Deployment", "StatefulSet", "DaemonSet", "CronJob")
    used = {use.secret for workload in workloads for use in uses_of(pod_of(workload))}
    if used <= {found.names["mlflow"].get("ca_secret")}:
        found.lacks("no pod is given a credential", ["SEC-3.leaks", "SEC-3.strength"])


def find_limits(found: Survey) -> None:
    """What cannot be asked of a cluster that was not made here."""
    found.lacks(
        "a fault inside of a node needs nodes that are containers of this machine", _INSIDE_NODES
    )
    found.lacks(
        "the clock, a volume or a namespace is only changed on clusters made here", _MADE_HERE
    )
