# SPDX-License-Identifier: Apache-2.0
"""Numbers with Grafana's units, as its panels write them (grafana.com/docs, "Standard options")."""

from collections.abc import Sequence

_Scale = Sequence[tuple[float, str]]
"""Factors with what they are called, the greatest first."""

_SHORT: _Scale = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"), (1, ""))
_BYTES: _Scale = tuple((1024.0**n, u) for n, u in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")))
_DECIMAL_BYTES: _Scale = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_SECONDS: _Scale = (
    (86400, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"),
)  # fmt: skip
_SCALED: dict[str, tuple[_Scale, float]] = {
    "bytes": ((*_BYTES, (1, "B")), 1),
    "decbytes": ((*_DECIMAL_BYTES, (1, "B")), 1),
    "kbytes": ((*_BYTES, (1, "B")), 1024),
    "mbytes": ((*_BYTES, (1, "B")), 1024**2),
    "Bps": (tuple((by, f"{u}/s") for by, u in (*_DECIMAL_BYTES, (1, "B"))), 1),
    "binBps": (tuple((by, f"{u}/s") for by, u in (*_BYTES, (1, "B"))), 1),
    "s": (_SECONDS, 1),
    "ms": (_SECONDS, 1e-3),
    "µs": (_SECONDS, 1e-6),
    "ns": (_SECONDS, 1e-9),
    "m": (_SECONDS, 60),
    "h": (_SECONDS, 3600),
    "d": (_SECONDS, 86400),
}
"""Units whose numbers are told in others of the same kind, with their own factor."""
_RATES = {
    "reqps": "req/s", "ops": "ops/s", "cps": "c/s", "rps": "rd/s", "wps": "wr/s", "iops": "io/s",
    "eps": "evt/s", "mps": "msg/s", "recps": "rec/s", "rowsps": "rows/s", "reqpm": "req/min",
    "opm": "ops/min",
}  # fmt: skip
_PLAIN = ("", "none", "short", "string")


def written(value: float, unit: str) -> str:
    """A number as a panel of that unit writes it; an unknown unit is written after the number.

    Examples: ``written(0.0123, "s")`` is ``12.3 ms``, ``written(0.5, "percentunit")`` ``50 %``,
    ``written(3e6, "short")`` ``3 M``.
    """
    if unit in ("percentunit", "percent"):
        return f"{_digits(value * 100 if unit == 'percentunit' else value)} %"
    if unit in _SCALED:
        scale, factor = _SCALED[unit]
        return _scaled(value * factor, scale)
    if unit in ("none", "string"):
        return _digits(value)
    suffix = _RATES.get(unit, "" if unit in _PLAIN else unit)
    return f"{_scaled(value, _SHORT)} {suffix}".strip()


def base(unit: str, length: float) -> int:
    """What the marks of an axis of that length are round in: 2 for bytes, 60 for minutes."""
    if unit in ("bytes", "kbytes", "mbytes", "binBps"):
        return 2
    return 60 if unit == "s" and length > 240 else 10


def _scaled(value: float, scale: _Scale) -> str:
    if value == 0:
        # Nothing has no size that would choose its unit.
        return f"0 {next((u for by, u in scale if by == 1), '')}".strip()
    by, name = next(((by, u) for by, u in scale if abs(value) >= by), scale[-1])
    return f"{_digits(value / by)} {name}".strip()


def _digits(value: float) -> str:
    """Three significant digits, without zeros at the end."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1e-4 or value == 0 else f"{value:.2g}"
