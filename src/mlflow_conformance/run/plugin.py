# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: selects checks by profile, opens the target, and records evidence.

It does nothing at all unless ``--profile`` is given, so that it is harmless in any other project
that has this package installed.
"""

import random
import sys
import traceback
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlflow_conformance.cluster.kube import Kube, KubectlFailed
from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.documents import nearest
from mlflow_conformance.config.profile import LoadedProfile, load
from mlflow_conformance.core.errors import SPEAKER, Undecided, Unusable
from mlflow_conformance.core.signals import ending_once
from mlflow_conformance.core.waits import Hopeless, TimedOut, Waiter
from mlflow_conformance.doors.http import NoReply
from mlflow_conformance.doors.inside import Inside, InsideFailed
from mlflow_conformance.doors.mlflow import ApiError
from mlflow_conformance.doors.s3 import Bucket
from mlflow_conformance.doors.sql import Sql
from mlflow_conformance.evidence.case import Evidence
from mlflow_conformance.evidence.log import EvidenceLog
from mlflow_conformance.evidence.model import CheckFinished
from mlflow_conformance.evidence.run import (
    Run,
    RunFolder,
    command_line,
    make_folder,
    new_run_id,
    nothing_seen,
)
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict, judge_check
from mlflow_conformance.report import write_all
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run import diagnostics
from mlflow_conformance.run.fixtures import (
    belongings,
    deployment,
    disruption,
    doors,
    ledger,
    run,
)
from mlflow_conformance.run.session import TargetOptions, opened
from mlflow_conformance.target.base import Target

_EVIDENCE = pytest.StashKey[Evidence]()
_PROBLEMS = pytest.StashKey[list[pytest.ExceptionInfo[BaseException]]]()
_VERDICT = pytest.StashKey[tuple[Verdict, str]]()
_OBSERVATION_FAILURES = (
    Undecided, TimedOut, Hopeless, NoReply, ApiError, InsideFailed, KubectlFailed
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; the command line of `mlflow-conformance` hands its own on to these."""
    group = parser.getgroup("mlflow-conformance", "MLflow conformance")
    group.addoption("--profile", help="what is promised: a profile's name, or a YAML file")
    group.addoption("--tier", choices=("smoke", "gate", "thorough"), default="gate")
    group.addoption("--context", help="attach to the cluster of this kubeconfig context")
    group.addoption("--namespace", help="the namespace that MLflow is in, when attaching")
    group.addoption("--target-kubeconfig", type=Path, help="default: KUBECONFIG or ~/.kube/config")
    group.addoption(
        "--tracking-uri", action="append", default=[], help="a server without a cluster; repeatable"
    )
    group.addoption("--sql-dsn", help="its database, with --tracking-uri")
    group.addoption("--s3-endpoint", default="https://s3.amazonaws.com")
    group.addoption(
        "--s3-bucket", help="its bucket, with --tracking-uri; keys from the environment"
    )
    group.addoption("--s3-prefix", default="", help="what artifact keys begin with")
    group.addoption("--allow-disruption", action="store_true", help="also disturb an attached one")
    group.addoption("--keep", action="store_true", help="leave cluster and deployment up")
    group.addoption("--reuse", action="store_true", help="use what --keep left; implies --keep")
    group.addoption(
        "--prepared",
        action="store_true",
        help="as --reuse, and trust the run before: neither host, images, guard nor deployment",
    )
    group.addoption("--mutant", help="break the target with this mutant first")
    group.addoption(
        "--check", action="append", default=[], help="only the check with this ID; repeatable"
    )
    group.addoption("--output", type=Path, help="folder for evidence and reports")
    group.addoption("--seed", type=int, help="replay the random choices of an earlier run")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "check(id, impact, remedy, disruptive): a conformance check")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Register the plugin's working half when a profile is named, or say why it cannot work."""
    name = config.getoption("--profile")
    if name is None:
        return None
    try:
        config.pluginmanager.register(_plan(config, name), run.PLUGIN)
        for module in (run, belongings, deployment, disruption, doors, ledger):
            config.pluginmanager.register(module)
    except Unusable as problem:
        _say(problem)
        return 3
    return None


def _say(problem: Unusable) -> None:
    sys.stderr.write(f"{SPEAKER}{problem}\n")


def _plan(config: pytest.Config, name: str) -> "ConformancePlugin":
    known = catalogue.read(assets.asset("suites"))
    loaded = load(assets.profile_path(name), known_ids=known, today=datetime.now(UTC).date())
    options = TargetOptions.from_options(config.option, known)
    plugin = ConformancePlugin(config, known, loaded, options)
    plugin.refuse_named()
    return plugin


class ConformancePlugin:
    """The hooks of a run that has a profile."""

    def __init__(
        self,
        config: pytest.Config,
        known: Mapping[str, CheckInfo],
        loaded: LoadedProfile,
        options: TargetOptions,
    ) -> None:
        self._config = config
        self._known = known
        self._loaded = loaded.at(config.getoption("--tier"))
        self._tier_rows = loaded.rows(config.getoption("--tier"))
        self._options = options
        self._selected: list[str] = []
        self._narrowed = False
        self._problem: Unusable | None = None
        self._verdict: RunVerdict | None = None
        self.run: Run | None = None
        self.target: Target | None = None

    # -- what runs, and in which order --------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Let ``-k NET-1`` find a check by its ID."""
        if marker := item.get_closest_marker("check"):
            item.extra_keyword_matches.add(marker.kwargs["id"])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the checks that the profile expects, in its order."""
        order = {check_id: n for n, check_id in enumerate(self._loaded.profile.checks)}
        named = set(self._config.option.check)
        by_id: dict[str, pytest.Item] = {}
        dropped: list[pytest.Item] = []
        for item in items:
            marker = item.get_closest_marker("check")
            check_id: str = marker.kwargs["id"] if marker else ""
            if check_id not in (named or self._tier_rows) or not self._admitted(check_id):
                dropped.append(item)
            elif by_id.setdefault(check_id, item) is not item:
                self._problem = Unusable(
                    f"The check {check_id} is more than one test: {by_id[check_id].nodeid} and "
                    f"{item.nodeid}",
                    remedy="Give each an ID of its own; a check has no parameters",
                )
        self._selected = sorted(by_id, key=order.__getitem__)
        if absent := named - set(self._selected):
            self._problem = Unusable(
                f"{', '.join(sorted(absent))} is not among the checks that were collected",
                remedy="Name its folder of suites/ too, or leave -k, -m and paths out",
            )
        self._narrowed = bool(
            named
            or self._config.option.keyword
            or any("::" in argument for argument in self._config.args)
            or not self._whole_suites()
        )
        items[:] = [by_id[check_id] for check_id in self._selected]
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)

    def refuse_named(self) -> None:
        """Make sure that every check named with ``--check`` can run.

        Raises:
            Unusable: one does not exist, is not expected, or may not run on this target.
        """
        for check_id in self._config.option.check:
            if check_id not in self._known:
                raise Unusable(
                    f"There is no check {check_id!r}{nearest(check_id, self._known).rstrip('?')}",
                    remedy="List the checks with `mlflow-conformance checks`",
                )
            if check_id not in self._tier_rows:
                raise Unusable(
                    f"The profile {self._loaded.profile.name} does not expect {check_id} in the "
                    f"tier {self._config.option.tier}",
                    remedy="Add its row to the profile, or choose another --tier",
                )
            if not self._admitted(check_id):
                raise Unusable(
                    f"{check_id} disturbs the deployment, and this one was not made here",
                    remedy="Add --allow-disruption if its users can bear that, or leave it out",
                )

    def _whole_suites(self) -> bool:
        suites = assets.root() / "suites"
        return any(Path(a.split("::")[0]).resolve() == suites.resolve() for a in self._config.args)

    def _admitted(self, check_id: str) -> bool:
        return self._options.may_disrupt or not self._known[check_id].disruptive

    # -- the run ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Open the target around all checks; close it however they end."""
        if session.config.option.collectonly:
            return None
        try:
            self._refuse_selection(session)
            with ending_once():
                self.run = self._begin()
                self._within(session, self.run)
        except Unusable as problem:
            self._problem = problem
        finally:
            if self.run is not None:
                self._conclude(self.run.folder)
        return True

    def _conclude(self, folder: RunFolder) -> None:
        """Write the reports, or leave nothing behind of a run that saw nothing."""
        try:
            if nothing_seen(folder.log):
                folder.discard()
                self.run = None
            else:
                self._verdict = write_all(folder.log)
        except Unusable as problem:
            self._problem = self._problem or problem

    def _within(self, session: pytest.Session, run: Run) -> None:
        """Open the target, run the checks, and close the target and the log however they end.

        Raises:
            Unusable: there is no target, the disk is full, or a signal came.
        """
        try:
            run.log.append(run.started(self._options.description()))
            with opened(self._options, run) as target:
                self.target = target
                try:
                    # Around pytest's own loop by hand: a hook wrapper cannot leave it out.
                    manager = session.config.pluginmanager
                    manager.subset_hook_caller("pytest_runtestloop", [self])(session=session)
                finally:
                    # What a stopped check had broken is put back while the doors are still open.
                    session._setupstate.teardown_exact(None)  # pytest has no public way
                    self.target = None
        except KeyboardInterrupt:
            run.interrupted = "stopped by a signal"
            raise Unusable(
                "The run was stopped by a signal", remedy="Run it again for a verdict"
            ) from None
        except Unusable as problem:
            run.interrupted = str(problem)
            raise
        finally:
            try:
                run.ended()
            finally:
                run.log.close()

    def _refuse_selection(self, session: pytest.Session) -> None:
        if self._problem:
            raise self._problem
        if session.testsfailed:
            raise Unusable(
                "The suites cannot be collected", remedy="See what `pytest --collect-only` says"
            )
        if not session.items:
            raise Unusable("No check was selected", remedy="Name others, or another --tier")

    def _begin(self) -> Run:
        option = self._config.option
        run_id = new_run_id()
        folder = make_folder(option.output, run_id)
        left_out = {
            i: "not in this tier" for i in self._loaded.profile.checks if i not in self._tier_rows
        }
        left_out |= {
            i: "disturbs the deployment; needs --allow-disruption"
            for i in self._tier_rows
            if not self._admitted(i)
        }
        rows = {i: r for i, r in self._tier_rows.items() if i not in left_out}
        if self._narrowed:
            left_out |= {i: "not selected" for i in rows if i not in self._selected}
            rows = {i: rows[i] for i in self._selected}
        try:
            log = EvidenceLog(folder.log)
        except Unusable:
            folder.discard()
            raise
        for secret in self._options.secrets:
            log.conceal(secret)  # before the first event: it holds the command line
        return Run(
            loaded=self._loaded,
            rows=rows,
            left_out=left_out,
            folder=folder,
            run_id=run_id,
            seed=option.seed if option.seed is not None else random.SystemRandom().getrandbits(32),
            command=command_line(),
            log=log,
            waiter=Waiter(self._loaded.profile.time_scale),
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit code that the evidence on disk gives; 3 when the run could not be made."""
        if session.config.option.collectonly:
            return
        whole = self._verdict is not None and self._problem is None
        session.exitstatus = self._verdict.exit_code if self._verdict and whole else 3

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the verdict table, or why there is no verdict."""
        if self.run is not None:
            log = self.run.folder.log
            terminalreporter.write_line("")
            if self._verdict:
                width = terminalreporter._tw.fullwidth  # pytest has no public way
                color = terminalreporter._tw.hasmarkup
                terminalreporter.write_line(render(self._verdict, width=width, color=color))
                terminalreporter.write_line(f"report:   {log.with_name('report.html')}")
            terminalreporter.write_line(f"evidence: {log}")
        if self._problem:
            terminalreporter.flush()
            _say(self._problem)

    # -- one check ----------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record one check from its first fixture to its last finalizer."""
        assert self.run is not None
        check_id = item.get_closest_marker("check").kwargs["id"]  # type: ignore[union-attr]
        row = self.run.rows[check_id]
        item.stash[_EVIDENCE] = Evidence(
            check_id, row.promise, self.run.folder.path / "attachments", row.thresholds
        )
        item.stash[_PROBLEMS] = []
        try:
            result = yield
        except BaseException as problem:
            # pytest makes no report of what ends the whole run; without this line a check that
            # was cut short would be judged by the observations that it happened to have.
            item.stash[_PROBLEMS].append(pytest.ExceptionInfo.from_exception(problem))
            self.run.log.append(self._record(item, None))
            raise
        self._finish(item)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the verdict so far into pytest's outcome, so that `-x` and editors see it."""
        report = yield
        if call.excinfo is not None:
            item.stash[_PROBLEMS].append(call.excinfo)
        if report.when == "call" or call.excinfo is not None:
            verdict, reason = judge_check(self._record(item, None))
            item.stash[_VERDICT] = (verdict, reason)
            report.outcome = "passed" if verdict is Verdict.PASS else "failed"
            if verdict is not Verdict.PASS:
                report.longrepr = f"{verdict}: {reason}"
        report.user_properties.append(("verdict", str(item.stash.get(_VERDICT, ("",))[0])))
        return report

    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
        """Say `pass`, `fail` and `unknown` rather than pytest's words."""
        if isinstance(report, pytest.CollectReport):
            return None
        verdict = dict(report.user_properties).get("verdict")
        if verdict and (report.when == "call" or report.failed):
            colour = {"pass": "green", "fail": "red"}.get(str(verdict), "yellow")
            return report.outcome, str(verdict)[0], (str(verdict), {colour: True})
        return None

    def _record(self, item: pytest.Item, folder: str | None) -> CheckFinished:
        marker = item.get_closest_marker("check")
        assert marker is not None
        info = self._known[marker.kwargs["id"]]
        undecided, errors = None, []
        for problem in item.stash[_PROBLEMS]:
            if isinstance(problem.value, Undecided):
                undecided = undecided or problem.value.reason
            elif isinstance(problem.value, pytest.skip.Exception):
                undecided = undecided or f"skipped: {problem.value.msg}"
            elif isinstance(problem.value, KeyboardInterrupt):
                undecided = undecided or "the run was stopped while this check went on"
            elif isinstance(problem.value, _OBSERVATION_FAILURES):
                undecided = undecided or f"{type(problem.value).__name__}: {problem.value}"
            else:
                errors.append("".join(traceback.format_exception(problem.value)))
        return item.stash[_EVIDENCE].finished(
            title=info.title,
            nodeid=item.nodeid,
            impact=marker.kwargs["impact"],
            remedy=marker.kwargs["remedy"],
            undecided=undecided,
            error="\n".join(errors) or None,
            diagnostics=folder,
        )

    def _finish(self, item: pytest.Item) -> None:
        assert self.run is not None
        record = self._record(item, None)
        verdict, _ = judge_check(record)
        if verdict is not Verdict.PASS and self.target is not None:
            try:
                name = diagnostics.collect(
                    self.target, self.run.folder.path, record.id, self.run.log
                )
            except OSError as problem:
                self.run.log.append(record)
                raise Unusable(
                    f"The diagnostics of {record.id} cannot be written: {problem.strerror}",
                    remedy="Free space on that disk and run again; what was written is kept",
                ) from problem
            record = record.model_copy(update={"diagnostics": name})
        self.run.log.append(record)

    # -- fixtures -----------------------------------------------------------------------------

    @pytest.fixture
    def evidence(self, request: pytest.FixtureRequest) -> Evidence:
        """Where this check writes down what it sees."""
        found: Evidence = request.node.stash[_EVIDENCE]
        return found

    @pytest.fixture
    def rng(self, evidence: Evidence) -> random.Random:
        """Random numbers that the run's seed replays."""
        assert self.run is not None
        return self.run.random_for(evidence.id)

    @pytest.fixture
    def inside(self, target: Target) -> Inside:
        """The runner."""
        return target.inside

    @pytest.fixture
    def kube(self, target: Target) -> Kube:
        """The cluster; a check that asks for it is unknown on a target without one."""
        return target.need_kube()

    @pytest.fixture
    def sql(self, target: Target) -> Sql:
        """The back door to PostgreSQL."""
        return target.need_sql()

    @pytest.fixture
    def bucket(self, target: Target) -> Bucket:
        """The back door to the bucket."""
        return target.need_bucket()
