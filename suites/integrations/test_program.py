# SPDX-License-Identifier: Apache-2.0
"""INT-3: the program of the guide that uses MLflow works, traces included."""

import re
import time
from typing import Any

from mlflow_conformance.config.beside_names import ProgramNames
from mlflow_conformance.config.guides import Guide
from mlflow_conformance.core.errors import Undecided
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.doors.mlflow import RUN_PAGE, MlflowApi, answer
from mlflow_conformance.evidence.case import Evidence, check
from mlflow_conformance.integrations.program_trace import ProgramTrace, begun_by
from mlflow_conformance.integrations.thresholds import TracedProgram
from mlflow_conformance.run.fixtures.belongings import Belongings, Unique
from mlflow_conformance.stand.guide_program import ran
from mlflow_conformance.stand.tracing import Tracing
from mlflow_conformance.target.base import Target

_CLOCKS_S = 60.0
"""By how much the clocks of pods and of this machine may differ."""
_TRACES = 100
"""More than the program makes, were each of its requests a trace by itself."""
_SAID = 1000


@check(
    "INT-3",
    impact="The program that people copy from the guide fails or loses what it logs, or what it "
    "asks MLflow for is in no trace: who follows a slow agent ends at MLflow's door.",
    remedy="Let the network policies admit the program's pod, and see what it printed; start it "
    "with the instrumentation of the library by which it asks, and let MLflow's spans join the "
    "trace of its caller.",
    disruptive=True,
    writes=("mlflow", "cluster"),
)
def test_a_program_that_traces_itself(
    evidence: Evidence,
    target: Target,
    guide: Guide,
    tracing: Tracing,
    front: MlflowApi,
    unique: Unique,
    belongings: Belongings,
    waiter: Waiter,
) -> None:
    """The guide's program logs its run, and its trace holds MLflow's and the database's part.

    Preconditions: the guide holds a program that traces itself, and how it is started; the
    deployment traces, or can be switched to; a Jaeger can be installed.
    Steps: run the program, as the guide writes it and starts it, in a pod that the network policies
    authorize by its labels; read its run; look its traces up.
    Expected: it ends well and prints the page of its one run, which is finished, with the params
    and the metrics of the program; in time there is one trace that begins with a span of its own,
    with every request of the run, the server's span below each, and the database's below that.
    """
    row = evidence.row(TracedProgram)
    where = _need_names(target.names.program)
    program, start = _of(guide, evidence.id)
    collector = tracing.need_collector()
    name, service = unique("experiment"), unique("program")
    made = answer("experiments/create", front.post("experiments/create", name=name))
    experiment = belongings.experiment(made["experiment_id"])
    variables = {"EXPERIMENT": name, "SERVICE": service, "COLLECTOR": collector.takes}
    began = time.time()
    with ran(
        target, where, evidence.id, waiter,
        program=program, line=start, variables=variables,
    ) as ended:  # fmt: skip
        if not evidence.expect(
            "exit-code", "exit code of the program", ended.code, "==", 0, door="kubernetes"
        ):
            evidence.note("what it printed", ended.printed[-_SAID:], door="kubernetes")
            return
        left = time.monotonic()
        traced = waiter.last_seen(
            "arrived: the program's trace, whole",
            lambda: list(
                begun_by(
                    tracing.jaeger.newest(
                        service, began - _CLOCKS_S, time.time() + _CLOCKS_S, _TRACES
                    ),
                    service,
                    tracing.service,
                )
            ),
            done=lambda seen: len(seen) == 1 and seen[0].whole(row.requests),
            timeout="traces arrived",
            interval_s=1,
        )
        took = round(time.monotonic() - left, 1)
    _judge_run(evidence, front, experiment, ended.printed, row)
    if evidence.expect(
        "trace.begun", "traces that begin with a span of the program's own", len(traced), "==", 1,
        door="inside",
    ):  # fmt: skip
        _judge_trace(evidence, traced[0], took, row)


def _need_names(names: ProgramNames | None) -> ProgramNames:
    if names is None:
        raise Undecided("the profile does not say where a program that traces runs (names.program)")
    return names


def _of(guide: Guide, check_id: str) -> tuple[str, str]:
    """The program of a guide, and the line that starts it."""
    found = {command.program: command.line for command in guide.run_by(check_id).values()}
    if found.keys() != {"python", "bash"}:
        raise Undecided("the guide of this deployment holds no program with the line to start it")
    return found["python"], found["bash"]


def _judge_run(
    evidence: Evidence, front: MlflowApi, experiment: str, printed: str, row: TracedProgram
) -> None:
    told = [page["run"] for page in re.finditer(RUN_PAGE, printed)]
    if not evidence.expect(
        "page", "pages of runs that the program printed", len(told), "==", 1, door="kubernetes"
    ):
        evidence.note("what it printed", printed[-_SAID:], door="kubernetes")
        return
    found = answer("runs/search", front.post("runs/search", experiment_ids=[experiment]))
    runs: list[dict[str, Any]] = found.get("runs", [])
    if not evidence.expect(
        "runs", "runs of the experiment", [run["info"]["run_id"] for run in runs], "==", told,
        door="front",
    ):  # fmt: skip
        return
    data = runs[0]["data"]
    evidence.expect(
        "run.status", "status of the run", runs[0]["info"]["status"], "==", "FINISHED",
        door="front",
    )  # fmt: skip
    evidence.expect(
        "run.params", "params of the run", _values(data, "params"), "==", row.params, door="front"
    )
    evidence.expect(
        "run.metrics", "metrics of the run", _values(data, "metrics"), "==", row.metrics,
        door="front",
    )  # fmt: skip


def _judge_trace(evidence: Evidence, traced: ProgramTrace, took: float, row: TracedProgram) -> None:
    evidence.note("spans of the trace", len(traced.trace.spans), door="inside")
    evidence.note("all requests in it", dict(traced.calls()), door="inside")
    evidence.expect(
        "trace.arrival", "time from the program's end until its trace was whole", took, "<=",
        row.arrives_s, unit="s", door="inside",
    )  # fmt: skip
    evidence.expect(
        "trace.requests", "requests of the run in the program's trace",
        {call: traced.calls().get(call, 0) for call in row.requests}, "==", row.requests,
        door="inside",
    )  # fmt: skip
    evidence.expect(
        "trace.served", "requests without the server's span below the program's",
        traced.unserved(), "==", [], door="inside",
    )  # fmt: skip
    evidence.expect(
        "trace.database", "requests without a statement of the database below the server's span",
        traced.without_database(), "==", [], door="inside",
    )  # fmt: skip


def _values(data: dict[str, Any], of: str) -> dict[str, Any]:
    return {v["key"]: v["value"] for v in data.get(of, [])}
