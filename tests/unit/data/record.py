# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ISC004 - long sentences in tables
"""Writes the evidence logs beside it: ``python tests/unit/data/record.py``.

They are files and not fixtures made on the fly so that a change of the schema shows in review,
and so that reports are tested from what a reader of old evidence has.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import (
    Attachment,
    Base,
    Bound,
    CheckFinished,
    Door,
    Event,
    Expected,
    Json,
    Mutation,
    Observation,
    Operator,
    Phase,
    RunEnded,
    RunStarted,
    WaiverRecord,
)

FOLDER = Path(__file__).parent
START = datetime(2026, 11, 22, 2, 0, 7, tzinfo=UTC)

Seen = tuple[str, Json, Operator, Json, str, Door]
"""Name, observed, operator, bound, unit, door."""

Row = tuple[str, str, str, float, list[Seen]]
"""Check ID, title, promise, seconds, observations."""

ROWS: list[Row] = [
    (
        "TRK-1",
        "What a client writes is what SQL and another replica read",
        "Experiments, runs, params, metrics, tags and datasets written through the MLflow client "
        "are what SQL and a second client read",
        4.81,
        [
            ("params read by SQL", 100, "==", 100, "", "sql"),
            ("metrics read by SQL", 1000, "==", 1000, "", "sql"),
            ("tags differing between replicas", [], "==", [], "", "inside"),
        ],
    ),
    (
        "TRK-3",
        "A param is immutable",
        "The same value again is accepted, another value is refused with 400 and the stored value "
        "is unchanged",
        0.62,
        [
            ("status of the same value", 200, "==", 200, "", "front"),
            ("status of another value", 400, "==", 400, "", "front"),
            ("stored value afterwards", "0.01", "==", "0.01", "", "sql"),
        ],
    ),
    (
        "TRK-7",
        "Concurrent writers lose nothing",
        "Of concurrent create_experiment with one name exactly one wins; concurrent log_metric "
        "from 8 writers loses nothing",
        11.3,
        [
            ("winners of create_experiment", 1, "==", 1, "", "inside"),
            ("acknowledged metrics not read back", 0, "==", 0, "", "sql"),
            ("acknowledged metrics", 4000, ">=", 4000, "", "inside"),
        ],
    ),
    (
        "REG-1",
        "Model versions are unique and dense",
        "register_model gives versions unique and dense under 8 concurrent writers",
        6.4,
        [("versions missing from 1…200", [], "==", [], "", "sql")],
    ),
    (
        "REG-3",
        "Aliases follow the version they are set on",
        "Aliases are set, moved and deleted; models:/name@alias and models:/name/N load the same "
        "bytes",
        3.9,
        [("sha256 by alias and by version agree", True, "==", True, "", "front")],
    ),
    (
        "ART-1",
        "An artifact is the object in the bucket, byte for byte",
        "An artifact logged through MLflow is the object in the bucket at the promised prefix",
        18.2,
        [
            ("artifacts whose sha256 differs in the bucket", 0, "==", 0, "", "s3"),
            ("artifacts compared", 1009, ">=", 1009, "", "s3"),
            ("largest artifact", 104857600, ">=", 104857600, "By", "s3"),
        ],
    ),
    (
        "ART-7",
        "Artifacts and the database reconcile",
        "Every artifact URI in PostgreSQL has its object and every object has its run",
        2.2,
        [("objects without a run", 0, "==", 0, "", "s3")],
    ),
    (
        "NET-0",
        "The CNI enforces: a deny policy cuts a known-good path",
        "A policy that denies a known-good path does cut it, and lifting it opens it again",
        9.7,
        [
            ("connect with the policy", "timeout", "==", "timeout", "", "inside"),
            ("connect after lifting it", "connected", "==", "connected", "", "inside"),
        ],
    ),
    (
        "NET-1",
        "Only authorized namespaces reach MLflow",
        "Only the ingress, orchestrator and persona-runtime namespaces reach MLflow; monitoring "
        "may scrape",
        41.5,
        [
            ("from ingress to 5000/tcp", "connected", "==", "connected", "", "inside"),
            ("from orchestrator to 5000/tcp", "connected", "==", "connected", "", "inside"),
            ("from default to 5000/tcp", "timeout", "==", "timeout", "", "inside"),
            ("from default (labelled app=mlflow) to 5000/tcp", "timeout", "==", "timeout", "",
             "inside"),
            ("from kube-system to 5000/tcp", "timeout", "==", "timeout", "", "inside"),
        ],
    ),
    (
        "SEC-1",
        "MLflow runs hardened",
        "Non-root, read-only root, all capabilities dropped, seccomp RuntimeDefault, and "
        "restricted Pod Security admission accepts the namespace",
        1.4,
        [
            ("containers that may run as root", [], "==", [], "", "kubernetes"),
            ("capabilities of the running process", "0000000000000000", "matches", "0+", "",
             "node"),
        ],
    ),
    (
        "HPA-1",
        "The autoscaler is what was promised",
        "Between 2 and 10 replicas by CPU over 70 %",
        0.9,
        [
            ("minReplicas", 2, "==", 2, "", "kubernetes"),
            ("maxReplicas", 10, "==", 10, "", "kubernetes"),
            ("CPU target", 70, "==", 70, "%", "kubernetes"),
        ],
    ),
    (
        "DIS-1",
        "The disruption budget admits one eviction and refuses the next",
        "The first eviction is admitted; the one that would break minAvailable is refused with 429 "
        "and the budget named",
        23.8,
        [
            ("status of the first eviction", 201, "==", 201, "", "kubernetes"),
            ("status of the second eviction", 429, "==", 429, "", "kubernetes"),
            ("time until Ready again", 14.2, "<=", 60, "s", "kubernetes"),
        ],
    ),
]  # fmt: skip

PHASES = [
    ("host", 0.4, "done", ""),
    ("images", 3.1, "reused", "all 12 images are in the cache"),
    ("cluster", 61.8, "done", "1 control plane, 2 workers"),
    ("deployment", 74.2, "done", "helm release mlflow"),
]

MUTANTS = [
    ("proxy-drops-writes", "TRK-1", "a proxy acknowledges one write in fifty and drops it"),
    ("proxy-accepts-params", "TRK-3", "a proxy answers 200 to a changed param"),
    ("no-network-policy", "NET-1", "the NetworkPolicy of MLflow is not applied"),
    ("root-container", "SEC-1", "runAsNonRoot is removed"),
    ("no-pdb", "DIS-1", "the PodDisruptionBudget is not applied"),
    ("hpa-min-1", "HPA-1", "minReplicas is 1"),
]


def started(*, waivers: Sequence[WaiverRecord] = (), rows: Sequence[Row] = ROWS) -> RunStarted:
    return RunStarted(
        run_id="20261122T020007Z-3f9a",
        started=START,
        tool_version="0.1.0",
        command=["mlflow-conformance", "gate", "--profile", "k3d"],
        profile="k3d",
        profile_sha256="9f2c4e0b7d6a58311c0c7e9d2b44aa10f7e6d5c4b3a29180716253443526170f",
        target={
            "kind": "kind",
            "cluster": "mlflow-conformance",
            "namespace": "mlflow",
            "front_door": "https://localhost:15443",
            "versions": {
                "kubernetes": "1.35.4",
                "cilium": "1.19.1",
                "mlflow": "3.17.2",
                "postgresql": "15.14",
                "minio": "2026-02-12",
            },
        },
        seed=2471830562,
        expected=[Expected(id=r[0], promise=r[2]) for r in rows],
        waivers=list(waivers),
        left_out={"DIS-4": "not in this tier"} if rows is ROWS else {},
    )


def phases() -> Iterator[Phase]:
    at = 0.2
    for name, seconds, outcome, detail in PHASES:
        yield Phase.model_validate(
            {
                "name": name,
                "started": START + timedelta(seconds=at),
                "duration_s": seconds,
                "outcome": outcome,
                "detail": detail,
            }
        )
        at += seconds + 0.1


def observation(seen: Seen, check_id: str) -> Observation:
    name, observed, op, value, unit, door = seen
    return Observation(
        id="-".join(re.findall("[a-z]+", name.lower())[:4]),
        name=name,
        observed=observed,
        unit=unit,
        door=door,
        bound=Bound(op=op, value=value, source=f"promise {check_id}"),
    )


def checks(rows: Sequence[Row] = ROWS) -> dict[str, CheckFinished]:
    found: dict[str, CheckFinished] = {}
    at = 140.0
    for check_id, title, promise, seconds, seen in rows:
        found[check_id] = CheckFinished(
            id=check_id,
            title=title,
            nodeid=f"suites/{check_id[:3].lower()}/test_{check_id.lower().replace('-', '_')}.py",
            started=START + timedelta(seconds=at),
            duration_s=seconds,
            promise=promise,
            impact="Users cannot rely on what MLflow shows them.",
            remedy="Compare the deployment with the reference chart and run this check again.",
            observations=[observation(s, check_id) for s in seen],
        )
        at += seconds + 0.2
    return found


def teardown(seconds: float = 270) -> list[Event]:
    at = START + timedelta(seconds=seconds)
    return [
        Phase(name="teardown", started=at, duration_s=2.1, outcome="done"),
        RunEnded(ended=at + timedelta(seconds=2.2)),
    ]


def healthy() -> list[Event]:
    return [started(), *phases(), *checks().values(), *teardown()]


def mixed() -> list[Event]:
    """A fail of two bounds, a fail, an unknown, a crashed check, a missing one and a waiver."""
    of = checks()
    leak = [
        ("from default to 5000/tcp", "connected", "==", "timeout", "", "inside"),
        ("from kube-system to 5000/tcp", "connected", "==", "timeout", "", "inside"),
    ]
    of["NET-1"] = of["NET-1"].model_copy(
        update={
            "observations": [
                *[o for o in of["NET-1"].observations if "default" not in o.name][:2],
                *[observation(s, "NET-1") for s in leak],  # type: ignore[arg-type]
                Observation(name="probes", observed={"sources": 14, "ports": 3}, door="inside"),
            ],
            "impact": "Any pod of the cluster can read and change every experiment and model, "
            "without a login.",
            "remedy": "Apply the NetworkPolicy mlflow in namespace mlflow and look for another "
            "policy that admits these sources: policies add up.",
            "diagnostics": "diagnostics/NET-1",
            "attachments": [
                Attachment(
                    name="matrix of 42 probes",
                    path="attachments/NET-1-matrix.json",
                    media_type="application/json",
                )
            ],
        }
    )
    slow = ("time until Ready again", 97.4, "<=", 60, "s", "kubernetes")
    of["DIS-1"] = of["DIS-1"].model_copy(
        update={
            "observations": [
                *of["DIS-1"].observations[:2],
                observation(slow, "DIS-1"),  # type: ignore[arg-type]
            ],
            "impact": "During a drain MLflow runs on one replica for longer than promised.",
            "remedy": "Look at the start of the new pod in the diagnostics: image pull, volume or "
            "readiness probe.",
            "diagnostics": "diagnostics/DIS-1",
        }
    )
    of["HPA-1"] = of["HPA-1"].model_copy(
        update={"observations": [], "undecided": "the metrics API did not answer within 60 s"}
    )
    of["ART-1"] = of["ART-1"].model_copy(
        update={
            "observations": of["ART-1"].observations[:1],
            "error": 'Traceback (most recent call last):\n  File "suites/artifacts/test_bytes.py", '
            "line 71, in test_bytes\n    size = head[name].size\nKeyError: 'ü/1.bin'",
            "diagnostics": "diagnostics/ART-1",
        }
    )
    of["REG-1"] = of["REG-1"].model_copy(
        update={
            "observations": [
                observation(("versions missing from 1…200", [118], "==", [], "", "sql"), "REG-1")
            ],
            "limits": ["MLflow gives a version twice when the first reply is lost (#12345)."],
        }
    )
    del of["ART-7"]
    ids = {i: [o.id for o in check.observations if o.id] for i, check in checks().items()}
    waiver = WaiverRecord(
        id="REG-1",
        reason="Known limit of MLflow 3.17, fixed upstream, we take it with 3.19",
        expires=date(2026, 12, 31),
    )
    return [
        started(waivers=[waiver]),
        *phases(),
        *of.values(),
        *(
            Mutation(
                mutant=name,
                check=check,
                breaks=breaks,
                healthy="pass",
                mutated="unknown" if name == "no-pdb" else "fail",
                because=ids[check][:1],
                broke=[] if name == "no-pdb" else ids[check][:1],
                bounded=ids[check],
                killed=name != "no-pdb",
                duration_s=12.5 + n,
            )
            for n, (name, check, breaks) in enumerate(MUTANTS)
        ),
        *teardown(),
    ]


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>'\"></textarea></style>{{ 7*7 }} "
    "[link](javascript:alert(3)) `code` | @everyone https://example.invalid ]]> &lt; "
    "\x1b[31mred\x1b]8;;http://x\x07 \x00 \ufffe \u202eevil\u202c [bold]markup[/bold]\nnew line"
)


def hostile() -> list[Event]:
    of = checks(ROWS[:3])
    bad = Observation(
        name=HOSTILE,
        observed={HOSTILE: [HOSTILE, HOSTILE * 50]},
        unit=HOSTILE,
        bound=Bound(op="==", value=HOSTILE, source=HOSTILE),
    )
    words = dict.fromkeys(("title", "nodeid", "promise", "impact", "remedy"), HOSTILE)
    first = of["TRK-1"].model_copy(
        update={
            **words,
            "observations": [bad],
            "diagnostics": "javascript:alert(4)",
            "limits": [HOSTILE, HOSTILE],
            "error": HOSTILE,
            "attachments": [
                Attachment(name=HOSTILE, path=path, media_type="text/html")
                for path in ("../../etc/passwd", "/etc/passwd", "//x.invalid/a", 'a" b<c>.html')
            ],
        }
    )
    odd = first.model_copy(update={"id": HOSTILE})
    second = of["TRK-3"].model_copy(update={**words, "undecided": HOSTILE})
    run = started(rows=ROWS[:4]).model_copy(
        update={
            "run_id": HOSTILE,
            "profile": HOSTILE,
            "command": [HOSTILE],
            "target": {HOSTILE: {HOSTILE: HOSTILE}},
            "left_out": {HOSTILE: HOSTILE},
            "base": Base(name=HOSTILE, removed={HOSTILE: HOSTILE}, changed={HOSTILE: [HOSTILE]}),
            "waivers": [WaiverRecord(id="TRK-3", reason=HOSTILE, expires=date(2026, 12, 1))],
        }
    )
    step = Phase(name=HOSTILE, started=START, duration_s=1, outcome="failed", detail=HOSTILE)
    survivor = Mutation(
        mutant=HOSTILE,
        check=HOSTILE,
        breaks=HOSTILE,
        healthy=HOSTILE,
        mutated=HOSTILE,
        because=[HOSTILE],
        broke=[HOSTILE],
        bounded=[HOSTILE],
        killed=True,
        duration_s=1,
        detail=HOSTILE,
    )
    end = RunEnded(ended=START + timedelta(seconds=9), interrupted=HOSTILE)
    return [run, step, first, odd, second, survivor, end]


def hundred() -> list[Event]:
    """A hundred checks with eight observations each, every fifth of which failed."""
    rows: list[Row] = [
        (
            f"{ROWS[n % 12][0][:3]}-{n // 12 + 1}.{n}",
            ROWS[n % 12][1],
            ROWS[n % 12][2],
            1.5,
            [
                (f"value {k} of {n}", 3 if n % 5 == 0 else 1, "<=", 2, "s", "inside")
                for k in range(8)
            ],
        )
        for n in range(100)
    ]
    return [started(rows=rows), *phases(), *checks(rows).values(), *teardown(400)]


BASE = Base(
    name="production",
    removed={"BKP-1": "Backups are those of the managed PostgreSQL"},
    changed={"HPA-1": ["thresholds.max_replicas"]},
)
"""What the profile of one of these runs leaves out and changes of its base."""


def based(events: list[Event]) -> list[Event]:
    """The same run by a profile that extends a base."""
    return [e.model_copy(update={"base": BASE}) if e.type == "run" else e for e in events]


def main() -> None:
    logs = {
        "healthy": healthy(),
        "mixed": based(mixed()),
        "crashed": mixed()[:10],
        "hostile": hostile(),
        "hundred": hundred(),
    }
    for name, events in logs.items():
        path = FOLDER / f"{name}.jsonl"
        path.unlink(missing_ok=True)
        with EvidenceLog(path) as log:
            for event in events:
                log.append(event)
    crashed = FOLDER / "crashed.jsonl"
    crashed.write_bytes(crashed.read_bytes()[:-40])


if __name__ == "__main__":
    main()
