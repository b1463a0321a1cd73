# SPDX-License-Identifier: Apache-2.0
"""How long a schedule that cron's five fields write down may leave between two of its moments."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_ANY = ("*", "?")
_YEARS = 8
"""The 29th of February is in every such span."""


def longest_gap_s(schedule: str, time_zone: str | None = None) -> int:
    """The longest time between two moments of a schedule, seconds.

    A moment that the clocks of its zone leave out in spring is none: the controller of CronJobs
    starts nothing that night.

    Args:
        time_zone: by its name in the IANA database; None for one that keeps its clocks.

    Raises:
        ValueError: it cannot be read, or has no two moments in eight years; this machine does not
            know the zone.
    """
    text = _MACROS.get(schedule.strip().lower(), schedule)
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{schedule!r} has not five fields")
    minutes, hours, days, months, weekdays = (
        _values(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)
    )
    if 7 in weekdays:
        weekdays.add(0)
    both = not any(fields[n].startswith(_ANY) for n in (2, 4))
    zone = _zone(time_zone)
    start, last, longest = date(2024, 1, 1), None, 0
    moments = [60 * h + m for h in sorted(hours) for m in sorted(minutes)]
    for n in range(_YEARS * 366):
        day = start + timedelta(days=n)
        fits = (day.day in days, day.isoweekday() % 7 in weekdays)
        # Where both are restricted, either is enough.
        if day.month not in months or not (any(fits) if both else all(fits)):
            continue
        for now in _at(day, moments, zone):
            longest, last = max(longest, now - last if last is not None else 0), now
    if not longest:
        raise ValueError(f"{schedule!r} has no two moments in {_YEARS} years")
    return 60 * longest


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except ZoneInfoNotFoundError as problem:
        raise ValueError(f"this machine does not know the time zone {name}") from problem


def _at(day: date, moments: Sequence[int], zone: ZoneInfo | None) -> list[int]:
    """Moments of a day, minutes since its midnight, as minutes of one count for all days."""
    whole = 1440 * day.toordinal()
    if zone is None:
        return [whole + m for m in moments]
    begin, end = (
        datetime.combine(d, time(), zone).utcoffset() for d in (day, day + timedelta(days=1))
    )
    if begin == end and begin is not None:
        shift = int(begin.total_seconds()) // 60
        return [whole + m - shift for m in moments]
    local = [datetime.combine(day, time(m // 60, m % 60), zone) for m in moments]
    there = [t.astimezone(UTC) for t in local]
    return [
        1440 * u.toordinal() + 60 * u.hour + u.minute
        for t, u in zip(local, there, strict=True)
        if u.astimezone(zone).replace(tzinfo=None) == t.replace(tzinfo=None)
    ]


def _values(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in _ANY:
            first, last = least, most if most != 7 else 6
        else:
            low, _, high = span.partition("-")
            first = _number(low)
            last = _number(high) if high else (most if step else first)
        if not least <= first <= last <= most or (step and int(step) < 1):
            raise ValueError(f"{part!r} is no part of a schedule")
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(text: str) -> int:
    for names, base in ((_MONTHS, 1), (_DAYS, 0)):
        if text in names:
            return names.index(text) + base
    return int(text)
