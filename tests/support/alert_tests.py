# SPDX-License-Identifier: Apache-2.0
"""Alert rules held against their unit tests by promtool, sound and broken."""

import copy
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

from mlflow_conformance.core import shell
from rule_mutants import broken

Rule = Mapping[str, Any]

_SECONDS = 120.0
_CPUS = os.cpu_count() or 1


@dataclass(frozen=True)
class Promtool:
    """Prometheus's own judge of rules and queries."""

    program: Path

    def complaints(self, *rule_files: Path) -> str:
        """What does not parse in rule files; empty when all is well."""
        argv: list[str | Path] = [self.program, "check", "rules", "--lint=none", *rule_files]
        done = shell.run(argv, timeout_s=_SECONDS, check=False)
        return "" if done.code == 0 else done.stdout + done.stderr

    def failures(self, *test_files: Path) -> dict[Path, int]:
        """How many tests of each file fail; promtool takes one after the other, so one per CPU."""
        shares = [share for i in range(_CPUS) if (share := test_files[i::_CPUS])]
        with ThreadPoolExecutor(len(shares)) as pool:
            found = pool.map(self._failures, shares)
        return {path: failed for part in found for path, failed in part.items()}

    def _failures(self, test_files: Sequence[Path]) -> dict[Path, int]:
        report = test_files[0].with_name("junit.xml")
        done = shell.run(
            [self.program, "test", "rules", f"--junit={report}", *test_files],
            timeout_s=_SECONDS, check=False,
        )  # fmt: skip
        suites = ET.fromstring(report.read_text(encoding="utf-8"))
        # A file that promtool could not use at all says nothing about a rule.
        assert not [s.get("name") for s in suites if s.get("errors") != "0"], done.stderr
        found = {Path(s.get("name", "")): int(s.get("failures", "")) for s in suites}
        assert set(found) == set(test_files), done.stdout + done.stderr
        return found


def alerts(groups: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """The rules of all groups."""
    return [rule for group in groups for rule in group["rules"]]


def queries(dashboard: Mapping[str, Any]) -> dict[str, str]:
    """Every query of a dashboard, by its panel and letter."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }


def rule_file(folder: Path, rules: Sequence[Rule]) -> Path:
    """A file of rules as promtool reads it."""
    folder.mkdir(parents=True)
    path = folder / "rules.yaml"
    groups = [{"name": "tested", "rules": list(map(dict, rules))}]
    path.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return path


def untested(rules: Sequence[Rule], tests: Path) -> set[str]:
    """Alerts of which no test says that they fire, that they are silent, and that they resolve."""
    seen: dict[str, set[str]] = {}
    for test in yaml.safe_load(tests.read_text(encoding="utf-8"))["tests"]:
        fired: set[str] = set()
        for moment in test["alert_rule_test"]:
            name = moment["alertname"]
            fires = bool(moment.get("exp_alerts"))
            seen.setdefault(name, set()).add(
                "fires" if fires else "resolves" if name in fired else "silent"
            )
            fired |= {name} if fires else set()
    return {r["alert"] for r in rules if len(seen.get(r["alert"], ())) < 3}


def failures_of_sound_rules(
    promtool: Promtool, rules: Sequence[Rule], tests: Path, folder: Path
) -> int:
    """How many tests fail on the rules as they are."""
    rule_file(folder / "sound", rules)
    copied = folder / "sound" / "tests.yaml"
    copied.write_bytes(tests.read_bytes())
    return promtool.failures(copied)[copied]


def survivors(promtool: Promtool, rules: Sequence[Rule], tests: Path, folder: Path) -> list[str]:
    """Broken rules that the tests do not notice.

    Each is tried alone, with the tests that speak of it: promtool takes its time for every rule.
    """
    everything = yaml.safe_load(tests.read_text(encoding="utf-8"))
    said: dict[Path, str] = {}
    files: list[Path] = []
    for rule in rules:
        about = copy.deepcopy(everything)
        about["tests"] = [
            test
            for test in everything["tests"]
            if any(moment["alertname"] == rule["alert"] for moment in test["alert_rule_test"])
        ]
        text = yaml.safe_dump(about)
        for number, (what, mutant) in enumerate(broken(rule)):
            place = folder / f"{rule['alert']}-{number}"
            files.append(rule_file(place, [] if mutant is None else [mutant]))
            test = place / "tests.yaml"
            test.write_text(text, encoding="utf-8")
            said[test] = f"{rule['alert']}: {what}"
    assert promtool.complaints(*files) == ""
    return [said[path] for path, failed in promtool.failures(*said).items() if not failed]
