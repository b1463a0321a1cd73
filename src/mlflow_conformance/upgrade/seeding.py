# SPDX-License-Identifier: Apache-2.0
"""Gives a version of MLflow data of every kind that it can keep.

What it can keep is found out and not assumed: a kind whose API the server does not have is listed
as such, and one that it refuses is told with what it said.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from mlflow_conformance.config.documents import Strict
from mlflow_conformance.core.brevity import brief
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.mlflow import ApiError, MlflowApi, answer, new_run
from mlflow_conformance.upgrade.bulk import Bulk, write_bulk
from mlflow_conformance.upgrade.kinds import KINDS
from mlflow_conformance.upgrade.making import Absent, Maker
from mlflow_conformance.upgrade.things import GivenThing, Part

_AT_ONCE = 6
_OWNER_ONLY = 0o600
Outcome = Literal["written", "absent", "refused"]


class Capability(Strict):
    """What became of one kind; `said` is what the server answered where it was not written."""

    outcome: Outcome
    said: str = ""


class Seeded(Strict):
    """Everything that was written, as it is kept beside the evidence.

    Attributes:
        version: what the server says that it is.
        kinds: by kind, in the order in which they are made.
        things: of each kind one that is only read, one that is changed and one that is removed.
    """

    version: str
    label: str
    kinds: dict[str, Capability]
    things: list[GivenThing]
    bulk: Bulk

    def of(self, outcome: Outcome) -> dict[str, str]:
        """The kinds with this outcome, and what the server said."""
        return {kind: c.said for kind, c in self.kinds.items() if c.outcome == outcome}

    @property
    def traces(self) -> bool:
        """Whether traces could be sent by OTLP."""
        return self.kinds["trace"].outcome == "written"

    def kept_in(self, path: Path) -> None:
        """Write it down; passwords of users that it made are in it."""
        path.touch(_OWNER_ONLY)
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Seeded":
        """What `kept_in` wrote."""
        return cls.model_validate_json(path.read_text("utf-8"))


def seed(inside: Inside, api: MlflowApi, label: str, runs: int, numbers: int) -> Seeded:
    """Write three things of every kind, and `runs` runs and traces.

    Args:
        inside: from where the many requests are sent.
        label: what all names begin with; nothing of this name may be there.
        numbers: the seed of what the many hold.

    Raises:
        ApiError: MLflow refused what it keeps in every version.
        NoReply: a request got no complete reply.
        InsideFailed: the runner did not answer.
    """
    made = answer("experiments/create", api.post("experiments/create", name=f"{label}-things"))
    run = new_run(api, made["experiment_id"], f"{label}-things")
    make = Maker(api, label, made["experiment_id"], run.run_id, run.artifact_uri)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = dict(zip(KINDS, pool.map(partial(_of_kind, make), KINDS), strict=True))
    kinds = {kind: capability for kind, (capability, _) in found.items()}
    return Seeded(
        version=api.request("GET", "/version").text.strip(),
        label=label,
        kinds=kinds,
        things=[thing for _, things in found.values() for thing in things],
        bulk=write_bulk(
            inside, api, label, runs, numbers, traces=kinds["trace"].outcome == "written"
        ),
    )


def _of_kind(make: Maker, kind: str) -> tuple[Capability, Sequence[GivenThing]]:
    function, word = KINDS[kind], kind.replace(" ", "-").lower()
    try:
        return Capability(outcome="written"), [
            function(make, f"{make.label}-{word}-{part}").model_copy(update={"part": part})
            for part in get_args(Part)
        ]
    except Absent as problem:
        return Capability(outcome="absent", said=str(problem)), []
    except ApiError as problem:
        return Capability(outcome="refused", said=brief(str(problem))), []
