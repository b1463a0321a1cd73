# SPDX-License-Identifier: Apache-2.0
"""Locks that a migration takes, who waits for them, and for how long.

PostgreSQL documents both views: pg_locks says who holds or awaits what and since when
(`waitstart`, since 14), pg_stat_activity from where a session comes. Only the strongest modes are
looked at: they are those of a changed schema, and stop even readers or at least every writer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

LOCKS = """
SELECT l.pid, l.granted, l.mode, c.relname::text,
       coalesce(extract(epoch FROM clock_timestamp() - l.waitstart), 0)::float8,
       coalesce(host(a.client_addr), ''),
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8,
       extract(epoch FROM a.backend_start)::float8
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
               AND c.relnamespace = 'public'::regnamespace
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.database = (SELECT oid FROM pg_database
                                                WHERE datname = current_database())
  AND coalesce(a.backend_type, 'client backend') = 'client backend'
  AND (NOT l.granted
       OR l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'))
"""
"""Statement for locks on MLflow's tables that matter, one row for each."""


@dataclass(frozen=True)
class Held:
    """One lock on one table at one look.

    Attributes:
        at_ns: of the look, on the monotonic clock.
        session: of PostgreSQL; the same number may come again, its start tells them apart.
        granted: held; else waited for.
        waiting_s: for how long it has been waited for.
        address: of the client; empty where the account may not see it.
        transaction_s: age of the session's transaction; 0 where the account may not see it.
    """

    at_ns: int
    session: tuple[int, float]
    granted: bool
    mode: str
    table: str
    waiting_s: float
    address: str
    transaction_s: float

    @property
    def changes_schema(self) -> bool:
        """It is held, and of the mode of a changed table."""
        return self.granted and self.mode == "AccessExclusiveLock"


def read_locks(at_ns: int, rows: Iterable[Sequence[Any]]) -> list[Held]:
    """The rows of `LOCKS`."""
    return [
        Held(at_ns, (int(pid), float(start or 0)), bool(granted), str(mode), str(table),
             float(waiting), str(address), float(age))
        for pid, granted, mode, table, waiting, address, age, start in rows
    ]  # fmt: skip


def longest_wait(locks: Iterable[Held]) -> Held | None:
    """The longest wait that was seen; None without one."""
    waits = [each for each in locks if not each.granted]
    return max(waits, key=lambda each: each.waiting_s, default=None)


def changers(locks: Iterable[Held]) -> list[Held]:
    """Of every session that held a table as one does who changes it, the first such lock."""
    first: dict[tuple[int, float], Held] = {}
    for each in locks:
        if each.changes_schema:
            first.setdefault(each.session, each)
    return list(first.values())


def locked(locks: Iterable[Held]) -> dict[str, float]:
    """For how long each table was held against everybody, seconds, the longest first.

    Told from looks: a lock is as long as from the first to the last look that saw it, and one that
    came and went between two of them is not seen.
    """
    spans: dict[str, tuple[int, int]] = {}
    for each in locks:
        if each.changes_schema:
            first, last = spans.get(each.table, (each.at_ns, each.at_ns))
            spans[each.table] = (min(first, each.at_ns), max(last, each.at_ns))
    seconds = {table: round((last - first) / 1e9, 2) for table, (first, last) in spans.items()}
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))
