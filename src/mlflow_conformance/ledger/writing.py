# SPDX-License-Identifier: Apache-2.0
"""One HTTP request as one operation of the ledger, and what is asked of the threads that send."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from pydantic import JsonValue

from mlflow_conformance.doors.http import NoReply, Reply
from mlflow_conformance.doors.inside import InsideFailed
from mlflow_conformance.doors.mlflow import error_of
from mlflow_conformance.ledger.log import Ledger


def attempt(
    ledger: Ledger,
    client: str,
    key: str,
    kind: str,
    value: JsonValue,
    send: Callable[[], Reply],
    result: Callable[[Reply], JsonValue] = lambda _: None,
) -> Reply | None:
    """Send one request between its intent and its outcome; None when no reply came.

    A 200 is an acknowledgement and a 4xx a refusal. No reply and a 5xx leave the operation open:
    it may have taken effect.

    Args:
        result: what an acknowledgement says, such as the version that was handed out.
    """
    return attempt_all(ledger, client, key, kind, [value], send, result)


def attempt_all(
    ledger: Ledger,
    client: str,
    key: str,
    kind: str,
    values: Sequence[JsonValue],
    send: Callable[[], Reply],
    result: Callable[[Reply], JsonValue] = lambda _: None,
) -> Reply | None:
    """As `attempt`, for a request that carries several writes: each is an operation of its own."""
    numbers = ledger.intend_all(client, key, kind, values)
    try:
        reply = send()
    except (NoReply, InsideFailed):
        return None
    if reply.status == 200:
        ledger.settle_all(numbers, "acknowledged", result(reply))
    elif 400 <= reply.status < 500:
        ledger.settle_all(numbers, "refused", error_of(reply)[0])
    return reply


def raise_problems(writers: Iterable[Future[None]]) -> None:
    """Raise what ended a writer: a defect must not look like a server that takes no writes."""
    for writer in writers:
        if writer.done():
            writer.result()
