# SPDX-License-Identifier: Apache-2.0
"""The command `mlflow-conformance sla`: one load, one target, one latency report."""

import argparse
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from pydantic import ValidationError

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.profile import LoadedProfile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import Run, command_line, make_folder, new_run_id, nothing_seen
from mlflow_conformance.latency.judging import checks_of
from mlflow_conformance.latency.last_good import last_good
from mlflow_conformance.latency.measuring import LoadTarget
from mlflow_conformance.latency.sla import run_sla
from mlflow_conformance.latency.thresholds import LATENCY, Latency, Offer
from mlflow_conformance.load import workload
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.opening import opened
from mlflow_conformance.run.session import TargetOptions

_UNSTATED = {"workers": 1, "max_in_flight": 4000}
"""Of a load that the profile leaves to the command line."""


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for; None is as the profile's row LAT-1 states.

    Attributes:
        compare: folder or latency.json of an earlier run that was good.
    """

    rate: float | None = None
    duration: str | None = None
    workload: str | None = None
    workers: int | None = None
    compare: Path | None = None

    def offer(self, loaded: LoadedProfile) -> Offer:
        """The load to send.

        Raises:
            Unusable: something is missing, or cannot be sent.
        """
        named = {
            "rate": self.rate,
            "duration_s": duration(self.duration) if self.duration is not None else None,
            "workload": self.workload,
            "workers": self.workers,
        }
        stated = Latency.model_validate(loaded.profile.checks[LATENCY].thresholds).load
        fields = stated.model_dump() if stated else dict(_UNSTATED)
        fields |= {key: value for key, value in named.items() if value is not None}
        try:
            offer = Offer.model_validate(fields)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(map(str, first["loc"])).removesuffix("_s")
            raise Unusable(
                f"The load cannot be sent: {where}: {first['msg']}",
                remedy=f"Give --{where}, or state it as `load` in the row {LATENCY} of "
                f"{loaded.path}",
            ) from problem
        workload.load(offer.workload)
        return offer


def duration(text: str) -> float:
    """Seconds of ``90s``, ``10m`` or ``1.5h``.

    Raises:
        Unusable: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if found is None or not float(found[1]):
        raise Unusable(
            f"{text!r} is no duration", remedy="Give a number with s, m or h, such as 90s or 10m"
        )
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def run(
    wanted: Wanted,
    option: argparse.Namespace,
    *,
    profile: str,
    output: Path | None,
    seed: int | None,
) -> int:
    """Send the load and write the reports; returns the exit code that the evidence gives.

    Args:
        option: which target, as the plugin's options name it.

    Raises:
        Unusable: as for a gate; or the profile promises nothing about latency, the load cannot be
            sent, or there is nothing to compare with.
    """
    known = catalogue.read(assets.asset("suites"))
    loaded = promised(profile, known)
    rows = {name: loaded.profile.checks[name] for name in checks_of(list(loaded.profile.checks))}
    offer = wanted.offer(loaded)
    before = last_good(wanted.compare, offer) if wanted.compare else None
    options = TargetOptions.from_options(option, known)
    run_id = new_run_id()
    folder = make_folder(output, run_id)
    try:
        with EvidenceLog(folder.log) as log:
            for secret in options.secrets:
                log.conceal(secret)
            made = Run(
                loaded=loaded,
                rows=rows,
                left_out={},
                folder=folder,
                run_id=run_id,
                seed=seed if seed is not None else random.SystemRandom().getrandbits(32),
                command=command_line(),
                log=log,
                waiter=Waiter(loaded.profile.time_scale),
            )
            try:
                there = _there(options, made)
                verdict = run_sla(made, offer, there, options.description(), before)
            finally:
                folder.clean(log)
    finally:
        if folder.log.exists() and nothing_seen(folder.log):
            folder.discard()
    typer.echo(render(verdict, width=shutil.get_terminal_size().columns))
    for name in ("latency.html", "report.html"):
        if (path := folder.path / name).exists():
            typer.echo(f"report:   {path}")
    return verdict.exit_code


@contextmanager
def _there(options: TargetOptions, made: Run) -> Iterator[LoadTarget]:
    with opened(options, made) as target:
        yield LoadTarget.of(target)
