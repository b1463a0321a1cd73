# SPDX-License-Identifier: Apache-2.0
"""Which checks a run holds, in which order, and what it leaves out for which reason."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mlflow_conformance.config import assets
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.profile import LoadedProfile, Row
from mlflow_conformance.core.errors import Unusable
from mlflow_conformance.core.spelling import nearest

_PLACES: Mapping[str, str] = {
    "mlflow": "MLflow",
    "cluster": "the cluster",
    "bucket": "the bucket",
    "database": "the database",
    "runner": "a runner pod",
}


class Selection:
    """The checks that the profile expects and the options ask for.

    Attributes:
        chosen: the IDs of the checks that were found and are to run, in the profile's order;
            empty before `choose`.
        problem: why the run cannot be made of what was collected.
    """

    def __init__(
        self,
        option: argparse.Namespace,
        known: Mapping[str, CheckInfo],
        loaded: LoadedProfile,
        *,
        may_disrupt: bool,
        is_choice: bool,
        read_only: bool,
    ) -> None:
        """Take pytest's options and the profile; refuses nothing yet.

        Args:
            known: every check that exists.
            may_disrupt: whether the target may be disturbed.
            is_choice: that it may not is a choice, and not want of permission.
            read_only: only checks that write to nothing are asked for.
        """
        self._option = option
        self._known = known
        self._loaded = loaded
        self._may_disrupt = may_disrupt
        self._is_choice = is_choice
        self._read_only = read_only
        self._of_tier = loaded.rows(option.tier)
        self._narrowed = False
        self._selected: set[str] = set()
        self.chosen: Sequence[str] = ()
        self.problem: Unusable | None = None

    def refuse_named(self) -> None:
        """Make sure that every check named with ``--check`` can run.

        Raises:
            Unusable: one does not exist, is not expected, or may not run on this target.
        """
        for check_id in self._option.check:
            if check_id not in self._known:
                raise Unusable(
                    f"There is no check {check_id!r}{nearest(check_id, self._known).rstrip('?')}",
                    remedy="List the checks with `mlflow-conformance checks`",
                )
            if check_id not in self._of_tier:
                raise Unusable(
                    f"The profile {self._loaded.profile.name} does not expect {check_id} in the "
                    f"tier {self._option.tier}",
                    remedy="Add its row to the profile, or choose another --tier",
                )
            if self._read_only and not self._admitted(check_id):
                raise Unusable(
                    f"{check_id} {self._written(check_id)}, and this run only reads",
                    remedy="Leave --read-only out, or name other checks",
                )
            if not self._admitted(check_id):
                raise Unusable(
                    f"{check_id} disturbs the deployment, and this one was not made here",
                    remedy="Add --allow-disruption if its users can bear that, or leave it out",
                )

    def choose(
        self, items: Sequence[pytest.Item], arguments: Sequence[str]
    ) -> tuple[list[pytest.Item], list[pytest.Item]]:
        """Sort what was collected: the checks to run in the profile's order, and all others.

        Args:
            arguments: the paths that pytest was given; a part of the suites narrows the run.
        """
        order = {check_id: n for n, check_id in enumerate(self._loaded.profile.checks)}
        named = set(self._option.check)
        by_id: dict[str, pytest.Item] = {}
        dropped: list[pytest.Item] = []
        for item in items:
            marker = item.get_closest_marker("check")
            check_id: str = marker.kwargs["id"] if marker else ""
            if check_id not in (named or self._of_tier):
                dropped.append(item)
            elif not self._admitted(check_id):
                self._selected.add(check_id)
                dropped.append(item)
            elif by_id.setdefault(check_id, item) is not item:
                self.problem = Unusable(
                    f"The check {check_id} is more than one test: {by_id[check_id].nodeid} and "
                    f"{item.nodeid}",
                    remedy="Give each an ID of its own; a check has no parameters",
                )
        self.chosen = sorted(by_id, key=order.__getitem__)
        self._selected.update(by_id)
        if absent := named - set(self.chosen):
            self.problem = Unusable(
                f"{', '.join(sorted(absent))} is not among the checks that were collected",
                remedy="Choose it by `gate` (`semantics` has tracking, registry and artifacts "
                "alone); with pytest name its folder of suites/, or leave -k, -m and paths out",
            )
        self._narrowed = bool(
            named
            or self._option.keyword
            or any("::" in argument for argument in arguments)
            or not _whole_suites(arguments)
        )
        return [by_id[check_id] for check_id in self.chosen], dropped

    def refuse_collected(self, session: pytest.Session) -> None:
        """Make sure that a run can be made of what was collected; after `choose`.

        Raises:
            Unusable: it cannot, or it would hold no check.
        """
        if self.problem:
            raise self.problem
        if session.testsfailed:
            raise Unusable(
                "The suites cannot be collected", remedy="See what `pytest --collect-only` says"
            )
        if not session.items and self.barred():
            raise Unusable(
                "All checks that were selected disturb the deployment, and this one was not made "
                "here",
                remedy="Add --allow-disruption if its users can bear that, or name other checks",
            )
        if not session.items:
            raise Unusable("No check was selected", remedy="Name others, or another --tier")

    def left_out(self) -> dict[str, str]:
        """The checks of the profile that this run does not ask for, and why; after `choose`."""
        reasons = {
            i: "not in this tier" for i in self._loaded.profile.checks if i not in self._of_tier
        }
        if self._narrowed:
            reasons |= {i: "not selected" for i in self._of_tier if i not in self._selected}
        if self._is_choice:
            reasons |= {
                i: self._written(i) if self._read_only else "disturbs the deployment"
                for i in self._of_tier
                if i not in reasons and not self._admitted(i)
            }
        return reasons

    def barred(self) -> dict[str, str]:
        """The checks that this run asks for and may not run, and why; after `choose`."""
        left_out = self.left_out()
        return {
            i: "it disturbs the deployment, and that is not allowed: run it with "
            "--allow-disruption, or say with --without-disruption that it is not asked for"
            for i in self._of_tier
            if i not in left_out and not self._admitted(i)
        }

    def rows(self) -> dict[str, Row]:
        """The rows of the checks that must report, in the order in which they run."""
        left_out = self.left_out()
        return {i: row for i, row in self._of_tier.items() if i not in left_out}

    def _admitted(self, check_id: str) -> bool:
        if self._read_only:
            return self._known[check_id].writes == ()
        return self._may_disrupt or not self._known[check_id].disruptive

    def _written(self, check_id: str) -> str:
        """What keeps a check out of a read-only run."""
        writes = self._known[check_id].writes
        if writes is None:
            return "does not say what it writes to"
        if list(writes) == ["runner"]:
            return "needs a runner pod"
        return f"writes to {', '.join(_PLACES[place] for place in writes)}"


def _whole_suites(arguments: Sequence[str]) -> bool:
    suites = (assets.root() / "suites").resolve()
    return any(Path(a.split("::")[0]).resolve() == suites for a in arguments)
