# SPDX-License-Identifier: Apache-2.0
"""How alert rules are broken for the tests that must notice."""

from typing import Any

from rule_mutants import broken, metrics, tokens

RULE: dict[str, Any] = {
    "alert": "A",
    "expr": 'time() - max(a{n="1", m=~"2|3"} or b_total) > 60 and on (x, y) rate(c[5m]) == 0',
    "for": "5m",
    "labels": {"severity": "critical"},
}


def test_tokens_lose_nothing() -> None:
    assert "".join(text for _, text in tokens(RULE["expr"])) == RULE["expr"]


def test_metrics_are_neither_functions_nor_labels() -> None:
    assert metrics(RULE["expr"]) == {"a", "b_total", "c"}
    assert metrics('sum by (le, pod) (rate(d_bucket{le="1"}[5m])) * on (e) group_left (f) g') == {
        "d_bucket",
        "g",
    }


def test_every_part_of_a_rule_is_broken() -> None:
    said = dict(broken(RULE))
    assert said.pop("there is no such rule") is None
    rules = {what: dict(mutant or {}) for what, mutant in said.items()}
    assert "for" not in rules["fires at once"]
    assert rules["fires late"]["for"] == "15m"
    assert rules["another severity"]["labels"] == {"severity": "warning"}
    start, end = "time() - max(", " > 60 and on (x, y) rate(c[5m]) == 0"
    whole = 'a{n="1", m=~"2|3"} or b_total)'
    assert {what: rules[what]["expr"] for what in rules if rules[what]["expr"] != RULE["expr"]} == {
        "reads a_x": f'{start}a_x{{n="1", m=~"2|3"}} or b_total){end}',
        'not only n="1"': f'{start}a{{m=~"2|3"}} or b_total){end}',
        'not only m=~"2|3"': f'{start}a{{n="1"}} or b_total){end}',
        "without what is before or 11": f"{start} b_total){end}",
        "without what is after or 11": f'{start}a{{n="1", m=~"2|3"}} ){end}',
        "reads b_total_x": f'{start}a{{n="1", m=~"2|3"}} or b_total_x){end}',
        "< for >": f"{start}{whole}{end.replace('>', '<')}",
        "45 for 60": f"{start}{whole}{end.replace('60', '45')}",
        "75 for 60": f"{start}{whole}{end.replace('60', '75')}",
        "without what is before and 20": " rate(c[5m]) == 0",
        "without what is after and 20": f"{start}{whole} > 60 ",
        "reads c_x": f"{start}{whole}{end.replace('c[', 'c_x[')}",
        "over [30m]": f"{start}{whole}{end.replace('5m', '30m')}",
        "!= for ==": f"{start}{whole}{end.replace('==', '!=')}",
        "1 for 0": f"{start}{whole}{end[:-1]}1",
    }
