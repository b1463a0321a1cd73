# SPDX-License-Identifier: Apache-2.0
"""The command, and the documentation that must say what it does."""

import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import shipped
from checkouts import forget_suites
from mlflow_conformance import __version__, cli
from mlflow_conformance.core.signals import ending_once
from mlflow_conformance.run.known import promised
from repository import RECORDS, ROOT

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command in an empty folder; gives its exit code and standard output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mlflow-conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        forget_suites()
        assert re.fullmatch(r"(\[ *\d+\.\d s\] .*\n)*", said.err)  # progress and no complaint
        assert isinstance(ended.value.code, int)
        return int(ended.value.code), said.out

    return run


def test_version(command: Command) -> None:
    assert command("version") == (0, f"{__version__}\n")


@pytest.mark.parametrize("name", ["", "gate", "semantics", "mutants", "report", "down"])
def test_help(command: Command, name: str) -> None:
    code, said = command(*name.split(), "--help")
    assert code == 0
    assert said.startswith("Usage: ")


def test_checks_are_listed_with_what_they_disturb(command: Command, checkout: Path) -> None:
    code, said = command("checks")
    assert code == 0
    assert re.search(r"^AAA-1 +One is one$", said, re.MULTILINE)
    assert re.search(r"^AAA-9 +! Nine is nine$", said, re.MULTILINE)


def test_mutants_are_listed(command: Command, checkout: Path) -> None:
    line = f"{'two-is-three':40} {'AAA-2':16} {'two':32} two is three\n"
    assert command("mutants", "--list") == (0, line)


def test_the_semantics_of_a_server(
    command: Command, checkout: Path, server: str, tmp_path: Path
) -> None:
    code, said = command("semantics", "--tracking-uri", server + "/", "--seed", "1")
    assert code == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert f"results/{folder.name}/report.html" in said
    assert {p.name for p in folder.iterdir()} == {
        "evidence.jsonl", "report.html", "junit.xml", "summary.md", "verdict.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "code"), [('"two", 2', '"two", 3', 1), ("most", "least", 2)]
)
def test_the_exit_code_is_that_of_the_evidence(
    command: Command, checkout: Path, server: str, old: str, new: str, code: int
) -> None:
    path = checkout / "suites/tracking/test_numbers.py"
    path.write_text(path.read_text().replace(old, new))
    assert command("semantics", "--tracking-uri", server)[0] == code


@pytest.mark.parametrize("name", ["evidence.jsonl", "."])
def test_a_report_is_made_again(command: Command, tmp_path: Path, name: str) -> None:
    shutil.copy(RECORDS / "mixed.jsonl", tmp_path / "evidence.jsonl")
    code, said = command("report", name)
    assert code == 1
    assert said
    first = (tmp_path / "report.html").read_bytes()
    assert command("report", name)[0] == 1
    assert (tmp_path / "report.html").read_bytes() == first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_once(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    cleaned: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned.append("all of it")

    with pytest.raises(KeyboardInterrupt), ending_once():
        work()
    assert cleaned
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("mlflow_conformance.cli.gate", signal.SIGINT),
        ("pytest", signal.SIGTERM),
        ("pytest", signal.SIGHUP),
    ],
)
def test_a_signal_before_anything_was_made_is_one_sentence(
    tmp_path: Path, module: str, number: signal.Signals
) -> None:
    """While the command is loaded, and while a sub-command loads what it needs."""
    program = (
        "import builtins, signal, sys\n"
        "from mlflow_conformance import cli\n"
        "real = builtins.__import__\n"
        "def loaded(name, *more):\n"
        f"    if name == {module!r}:\n"
        f"        signal.raise_signal({int(number)})\n"
        "    return real(name, *more)\n"
        "builtins.__import__ = loaded\n"
        "sys.argv = ['mlflow-conformance', 'gate', '--context', 'x']\n"
        "cli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == (
        "mlflow-conformance: The command was stopped by a signal. Run it again.\n"
    )
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (3, "", [])


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ending_once():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_tools_docs_writes_is_current() -> None:
    renewed = runpy.run_path(str(ROOT / "tools" / "docs.py"))["renewed"]
    pages = ("architecture.md", "profiles.md", "cli.md", "guides.md")
    stale = [p for p in pages if (ROOT / "docs" / p).read_text() != renewed(p)]
    assert stale == [], "run `python tools/docs.py`"


def test_the_profile_in_the_documentation_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs/profiles.md").read_text()
    text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]  # the others are parts of one
    (tmp_path / "mine.yaml").write_text(text)
    loaded = promised(str(tmp_path / "mine.yaml"), shipped.checks())
    assert loaded.profile.waivers
    assert loaded.inherited.base == "production"
    assert len(text.splitlines()) <= 40


PAGES = {str(p.relative_to(ROOT)): p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}


def test_no_link_leads_nowhere() -> None:
    links = {
        (name, link)
        for name, page in PAGES.items()
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    }
    assert links
    assert [link for link in links if not (PAGES[link[0]].parent / link[1]).exists()] == []


def test_every_command_in_the_documentation_exists() -> None:
    known = re.findall(
        r"^### `mlflow-conformance ([a-z-]+)[^`]*`", PAGES["docs/cli.md"].read_text(), re.M
    )
    used = {
        (name, command)
        for name, page in PAGES.items()
        for command in re.findall(
            r"(?:^\$ |^|`)mlflow-conformance (?!-)([a-z-]+)", page.read_text(), re.M
        )
    }
    assert used
    assert [command for command in used if command[1] not in known] == []


@pytest.mark.parametrize(
    ("before", "after", "code", "told"),
    [
        ("healthy", "healthy", 0, "NO DIFFERENCE"),
        ("healthy", "mixed", 1, "WORSE"),
        ("mixed", "healthy", 0, "DIFFERENT"),
    ],
)
def test_two_runs_are_compared(
    command: Command, tmp_path: Path, before: str, after: str, code: int, told: str
) -> None:
    (tmp_path / "later").mkdir()
    shutil.copy(RECORDS / f"{after}.jsonl", tmp_path / "later" / "evidence.jsonl")
    ended, said = command("diff", str(RECORDS / f"{before}.jsonl"), "later", "--json", "diff.json")
    assert ended == code
    assert said.startswith(told)
    assert (tmp_path / "diff.json").is_file()


def test_a_profile_without_fault_is_said_to_have_none(command: Command, checkout: Path) -> None:
    path = checkout / "profiles" / "k3d.yaml"
    told = f"{path} is a profile that expects 4 checks; nothing is wrong.\n"
    assert command("profile", "validate", str(path)) == (0, told)
    assert command("profile", "validate", "k3d") == (0, told)


def test_a_profile_is_shown_with_all_that_it_takes_over(
    command: Command, checkout: Path, tmp_path: Path
) -> None:
    (checkout / "profiles/mine.yaml").write_text(
        "schema: 1\nname: mine\nextends: ./base.yaml\nwithout: {AAA-9: it disturbs our users}\n"
    )
    (checkout / "profiles/base.yaml").write_text((checkout / "profiles/k3d.yaml").read_text())
    code, said = command("profile", "show", "mine")
    assert code == 0
    (tmp_path / "shown.yaml").write_text(said)
    known = ["AAA-1", "AAA-2", "AAA-3"]
    shown, mine = (promised(n, known).profile for n in (str(tmp_path / "shown.yaml"), "mine"))
    assert list(shown.checks) == ["AAA-2", "AAA-1", "AAA-3"]
    assert (shown.name, shown.names, shown.checks) == (mine.name, mine.names, mine.checks)
    assert (shown.extends, shown.without) == (None, {})


def test_every_fault_of_a_profile_is_one_line(command: Command, checkout: Path) -> None:
    path = checkout / "profiles" / "k3d.yaml"
    text = path.read_text().replace("name: k3d", "nmae: k3d").replace("AAA-2:", "AAA-7:")
    path.write_text(text + "waivers: [{id: AAA-1, reason: long ago it was, expires: 2020-01-01}]")
    code, said = command("profile", "validate", str(path))
    assert code == 3
    assert [line.split(" ")[0] for line in said.splitlines()] == [
        f"{path}:{number}:" for number in (3, 9, 13)
    ]
    assert said.splitlines()[0] == (
        f"{path}:3: has the unknown key 'nmae', did you mean 'name'; correct or remove it; "
        "docs/profiles.md lists every key"
    )


def test_the_schema_of_profiles_is_json(command: Command, checkout: Path) -> None:
    code, said = command("profile", "schema")
    assert code == 0
    assert "AAA-1" in json.loads(said)["properties"]["checks"]["properties"]
