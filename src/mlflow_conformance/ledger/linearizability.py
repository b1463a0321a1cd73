# SPDX-License-Identifier: Apache-2.0
"""Whether a history of one register could have come from one copy that does one thing at a time.

The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993) with the cache
of Lowe (Testing for Linearizability, 2017): states that were reached before are not searched again.
Its time grows with the number of clients, not with that of operations, so split a history per key
and keep to eight clients.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from mlflow_conformance.ledger.history import Operation

MAX_CLIENTS = 8


@dataclass(frozen=True)
class Linearized:
    """The verdict on one key.

    Attributes:
        holds: some order explains every acknowledged operation.
        explained: the longest order that was found; all operations when it holds.
        stuck: what none of the orders can go on with; the counter-example.
        value: what the register holds at the end of `explained`.
    """

    key: str
    holds: bool
    explained: Sequence[Operation]
    stuck: Sequence[Operation]
    value: JsonValue

    def counter_example(self) -> str:
        """The last explained operations and those that cannot follow, one line each; "" if none."""
        if self.holds:
            return ""
        origin = min(o.invoked_ns for o in (*self.explained, *self.stuck))
        lines = [f"{self.key}: no order of these operations explains what their clients saw"]
        lines += [f"  then {_line(o, origin)}" for o in self.explained[-6:]]
        lines.append(f"  the value is now {json.dumps(self.value, ensure_ascii=False)}")
        lines += [f"  impossible: {_line(o, origin)}" for o in self.stuck]
        return "\n".join(lines)


def _line(operation: Operation, origin: int) -> str:
    end = operation.returned_ns
    when = f"{(operation.invoked_ns - origin) / 1e6:.1f} ms to "
    when += f"{(end - origin) / 1e6:.1f} ms" if end is not None else "?"
    shown = json.dumps(
        operation.result if operation.kind == "read" else operation.value, ensure_ascii=False
    )
    said = "" if operation.acknowledged else f" ({operation.outcome})"
    return f"{operation.client} {operation.kind} {shown} [{when}]{said}"


def check(operations: Iterable[Operation], *, initial: JsonValue = None) -> list[Linearized]:
    """Judge every key of a history.

    A ``read`` brings its value in `result`; any other kind writes `value`. A refused operation did
    nothing. An open write may take effect at any later time, or never; an open read says nothing.

    Raises:
        ValueError: more than `MAX_CLIENTS` clients used one key, or a client did two things at
            once; the search would not end in reasonable time, or its answer would mean nothing.
    """
    keys: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        silent = operation.kind == "read" and not operation.acknowledged
        if operation.outcome != "refused" and not silent:
            keys[operation.key].append(operation)
    return [_check_key(key, of_key, initial) for key, of_key in keys.items()]


@dataclass
class _Frame:
    """One step of the search: what is done (a bit per operation), the value, what may come next."""

    done: int
    first: int
    missing: int
    value: JsonValue
    candidates: list[int]


def _check_key(key: str, operations: list[Operation], initial: JsonValue) -> Linearized:
    operations = sorted(operations, key=lambda o: o.invoked_ns)
    clients = {o.client for o in operations}
    if len(clients) > MAX_CLIENTS:
        raise ValueError(f"{len(clients)} clients used {key!r}; split it: {MAX_CLIENTS} at most")
    _refuse_overlaps(operations)
    ends = [float("inf") if o.returned_ns is None else o.returned_ns for o in operations]
    missing = sum(o.acknowledged for o in operations)
    stack = [_Frame(0, 0, missing, initial, _next(operations, ends, 0, 0, initial))]
    order: list[int] = []
    seen: set[tuple[int, str]] = set()
    best, stuck, best_value = list(order), set[int](), initial
    while stack:
        frame = stack[-1]
        if frame.missing == 0:
            return Linearized(key, True, [operations[n] for n in order], [], frame.value)
        if not frame.candidates:
            stack.pop()
            if order:
                order.pop()
            continue
        number = frame.candidates.pop()
        operation = operations[number]
        is_read = operation.kind == "read"
        if is_read and not _equal(operation.result, frame.value):
            if len(order) > len(best) or not stuck:
                best, stuck, best_value = list(order), set(), frame.value
            if order == best:
                stuck.add(number)
            continue
        value = frame.value if is_read else operation.value
        done = frame.done | 1 << number
        state = (done, _text(value))
        if state in seen:
            continue
        seen.add(state)
        first = frame.first
        while done >> first & 1:
            first += 1
        order.append(number)
        stack.append(
            _Frame(
                done,
                first,
                frame.missing - operation.acknowledged,
                value,
                _next(operations, ends, done, first, value),
            )
        )
    return Linearized(
        key, False, [operations[n] for n in best], [operations[n] for n in sorted(stuck)],
        best_value,
    )  # fmt: skip


def _next(
    operations: Sequence[Operation], ends: Sequence[float], done: int, first: int, value: JsonValue
) -> list[int]:
    """Those that may come next: no other one had returned before they began.

    The last of the list is tried first, so it is in falling order of their end. A read that saw
    the present value changes nothing and holds up none, so where there is one, it comes alone.
    """
    found: list[int] = []
    first_end = float("inf")
    for n in range(first, len(operations)):
        if done >> n & 1:
            continue
        if operations[n].invoked_ns > first_end:
            break
        found.append(n)
        first_end = min(first_end, ends[n])
    found = [n for n in found if operations[n].invoked_ns <= first_end]
    for n in found:
        if operations[n].kind == "read" and _equal(operations[n].result, value):
            return [n]
    return sorted(found, key=lambda n: ends[n], reverse=True)


def _refuse_overlaps(operations: Sequence[Operation]) -> None:
    busy: dict[str, float] = {}
    for operation in operations:
        if operation.invoked_ns < busy.get(operation.client, 0):
            raise ValueError(f"the client {operation.client!r} did two things at once")
        if operation.returned_ns is not None:
            busy[operation.client] = operation.returned_ns


def _text(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)


def _equal(left: JsonValue, right: JsonValue) -> bool:
    return _text(left) == _text(right)
