# SPDX-License-Identifier: Apache-2.0
"""Begins a run: its folder, its log, and what it knows before anything is opened."""

import argparse
import random
from collections.abc import Sequence

from mlflow_conformance.config.profile import LoadedProfile
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.waits import Waiter
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.run import Run, command_line, make_folder, new_run_id
from mlflow_conformance.run.selection import Selection


def begun(
    option: argparse.Namespace,
    loaded: LoadedProfile,
    selection: Selection,
    secrets: Sequence[str],
) -> Run:
    """A run that pytest's options ask for.

    Args:
        selection: after it has chosen.
        secrets: what the log conceals from its first line on, which holds the command.

    Raises:
        Unusable: there is no folder to write to; none that was made is left then.
    """
    run_id = new_run_id()
    folder = make_folder(option.output, run_id)
    try:
        log = EvidenceLog(folder.log)
    except Unusable:
        folder.discard()
        raise
    for secret in secrets:
        log.conceal(secret)
    return Run(
        loaded=loaded,
        rows=selection.rows(),
        left_out=selection.left_out(),
        barred=selection.barred(),
        folder=folder,
        run_id=run_id,
        seed=option.seed if option.seed is not None else random.SystemRandom().getrandbits(32),
        command=command_line(),
        log=log,
        waiter=Waiter(loaded.profile.time_scale),
        mutant=option.mutant,
    )
