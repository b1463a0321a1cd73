# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin: selects checks by profile, opens the target, and records evidence.

It does nothing at all unless ``--profile`` is given, so that it is harmless in any other project
that has this package installed.
"""

import sys
from collections.abc import Generator, Mapping
from functools import partial

import pytest

from mlflow_conformance.config import assets, catalogue
from mlflow_conformance.config.catalogue import CheckInfo
from mlflow_conformance.config.profile import LoadedProfile
from mlflow_conformance.core.credentials import Hiding
from mlflow_conformance.core.errors import SPEAKER, Unusable
from mlflow_conformance.core.progress import tell
from mlflow_conformance.core.signals import ending_once
from mlflow_conformance.evidence.model import CheckFinished
from mlflow_conformance.evidence.run import (
    Run,
    RunFolder,
    nothing_seen,
)
from mlflow_conformance.evidence.verdict import RunVerdict, Verdict, judge_check
from mlflow_conformance.report import write_all
from mlflow_conformance.report.terminal import render
from mlflow_conformance.run import diagnostics, options, recording
from mlflow_conformance.run.beginning import begun
from mlflow_conformance.run.fixtures import MODULES, upgrade
from mlflow_conformance.run.fixtures.run import PLUGIN
from mlflow_conformance.run.known import promised
from mlflow_conformance.run.opening import opened
from mlflow_conformance.run.playing import play
from mlflow_conformance.run.rounds import Round, RoundPlan
from mlflow_conformance.run.selection import Selection
from mlflow_conformance.run.session import TargetOptions
from mlflow_conformance.run.upgrading import upgrading
from mlflow_conformance.target.base import Target

_VERDICT = pytest.StashKey[Verdict]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; the command line of `mlflow-conformance` hands its own on to these."""
    options.declare(parser)


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
        config.pluginmanager.register(_plan(config, name), PLUGIN)
        for module in MODULES:
            config.pluginmanager.register(module)
    except Unusable as problem:
        _say(problem)
        return 3
    return None


def _say(problem: Unusable) -> None:
    sys.stderr.write(f"{SPEAKER}{Hiding().line(str(problem))}\n")


def _plan(config: pytest.Config, name: str) -> "ConformancePlugin":
    known = catalogue.read(assets.asset("suites"))
    loaded = promised(name, known)
    upgrade = upgrading(config.option, loaded.profile)
    target = TargetOptions.from_options(config.option, known, upgrade)
    selection = Selection(
        config.option,
        known,
        loaded,
        may_disrupt=target.may_disrupt,
        is_choice=target.is_choice,
        read_only=target.read_only,
    )
    selection.refuse_named()
    rounds = config.option.rounds
    plan = RoundPlan.read(rounds, known) if rounds else None
    return ConformancePlugin(config, known, loaded, target, selection, plan)


class ConformancePlugin:
    """The hooks of a run that has a profile."""

    def __init__(
        self,
        config: pytest.Config,
        known: Mapping[str, CheckInfo],
        loaded: LoadedProfile,
        target_options: TargetOptions,
        selection: Selection,
        plan: RoundPlan | None,
    ) -> None:
        self._config = config
        self._known = known
        self._loaded = loaded.at(config.getoption("--tier"))
        self._options = target_options
        self._selection = selection
        self._plan = plan
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
        items[:], dropped = self._selection.choose(items, self._config.args)
        if dropped:
            self._config.hook.pytest_deselected(items=dropped)

    # -- the run ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Open the target around all checks; close it however they end."""
        if session.config.option.collectonly:
            return None
        try:
            self._selection.refuse_collected(session)
            with ending_once():
                option, secrets = self._config.option, self._options.secrets
                self.run = begun(option, self._loaded, self._selection, secrets)
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
            elif self._plan is None:
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
            if self._plan is None:
                with opened(self._options, run) as target:
                    self._check(session, run, target)
            else:
                play(run, self._plan, self._options, partial(self._round, session))
        except KeyboardInterrupt:
            run.interrupted = "stopped by a signal"
            raise Unusable(
                "The run was stopped by a signal", remedy="Run it again for a verdict"
            ) from None
        except Unusable as problem:
            run.interrupted = str(problem)
            raise
        finally:
            self.run = run
            try:
                run.ended()
            finally:
                run.folder.clean(run.log)
                run.log.close()

    def _check(self, session: pytest.Session, run: Run, target: Target) -> None:
        """Run the checks of the session on a target, to their last finalizer."""
        self.run, self.target = run, target
        try:
            # Around pytest's own loop by hand: a hook wrapper cannot leave it out.
            manager = session.config.pluginmanager
            manager.subset_hook_caller("pytest_runtestloop", [self])(session=session)
        finally:
            # What a stopped check had broken is put back while the doors are still open.
            session._setupstate.teardown_exact(None)  # pytest has no public way
            self.target = None

    def _round(self, session: pytest.Session, current: Round, run: Run, target: Target) -> bool:
        """Run the checks of a round; returns whether they leave another deployment."""
        items = [i for i in session.items if recording.id_of(i) in current.checks]
        everything, session.items = session.items, items
        session.testsfailed = 0  # pytest would not begin another loop after failures
        try:
            self._check(session, run, target)
        finally:
            session.items = everything
        return any(upgrade.leaves_another(item) for item in items)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Set the exit code that the evidence on disk gives; 3 when the run could not be made."""
        if session.config.option.collectonly:
            return
        code = self._verdict.exit_code if self._verdict else 0 if self._plan else 3
        session.exitstatus = code if self._problem is None else 3

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
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Record one check from its first fixture to its last finalizer."""
        assert self.run is not None
        recording.begin(item, self.run)
        try:
            result = yield
        except BaseException as problem:
            # pytest makes no report of what ends the whole run; without this line a check that
            # was cut short would be judged by the observations that it happened to have.
            recording.add_problem(item, pytest.ExceptionInfo.from_exception(problem))
            self.run.log.append(self._record(item))
            raise
        self._finish(item, nextitem)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the verdict so far into pytest's outcome, so that `-x` and editors see it."""
        report = yield
        recording.add_part(item, call)
        if call.excinfo is not None:
            recording.add_problem(item, call.excinfo)
        if report.when == "call" or call.excinfo is not None:
            verdict, reason = judge_check(self._record(item))
            item.stash[_VERDICT] = verdict
            report.outcome = "passed" if verdict is Verdict.PASS else "failed"
            if verdict is not Verdict.PASS:
                said = recording.evidence_of(item).concealed(reason)
                report.longrepr = f"{verdict}: {said}"
        report.user_properties.append((recording.VERDICT, str(item.stash.get(_VERDICT, ""))))
        return report

    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Say `pass`, `fail` and `unknown` rather than pytest's words."""
        return recording.status(report) if isinstance(report, pytest.TestReport) else None

    def _record(self, item: pytest.Item) -> CheckFinished:
        return recording.record_of(item, self._known[recording.id_of(item)])

    def _finish(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        assert self.run is not None
        record = self._record(item)
        verdict, _ = judge_check(record)
        expected = recording.broke_as_meant(record, self.run)
        if verdict is not Verdict.PASS and self.target is not None and not expected:
            record = diagnostics.added(record, self.target, self.run)
        self.run.log.append(record)
        tell(recording.progress(item, nextitem, verdict))
