# SPDX-License-Identifier: Apache-2.0
"""What models predict when they are asked by the V2 protocol, and which version it was that did.

The protocol is the Open Inference Protocol's (kserve.github.io, "Open Inference Protocol (V2)").
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_conformance.doors.http import Reply
from mlflow_conformance.doors.inside import Inside
from mlflow_conformance.doors.many import Request, send_many

_AT_ONCE = 4
_PATIENCE_S = 300
_TIMEOUT_S = 20.0


def question(url: str, count: int) -> Request:
    """Ask for all of the answers that a version learned: to 0, 1, 2 ...

    Args:
        count: how many those are.
    """
    asked = {
        "name": "input-0",
        "shape": [count, 1],
        "datatype": "FP64",
        "data": [float(n) for n in range(count)],
    }
    return Request(
        "POST", url, {"Content-Type": "application/json"},
        json.dumps({"inputs": [asked]}).encode(), _TIMEOUT_S,
    )  # fmt: skip


def predicted(reply: Reply) -> tuple[float, ...] | str:
    """What a reply predicts, or what it says in its place."""
    if reply.status != 200:
        return f"HTTP {reply.status} {reply.text[:200]}"
    try:
        told = reply.json()
        data = told["outputs"][0]["data"]  # type: ignore[index, call-overload]
        return tuple(float(number) for number in data)  # type: ignore[union-attr, arg-type]
    except (ValueError, LookupError, TypeError) as wrong:
        return f"no prediction ({wrong}): {reply.text[:200]}"


@dataclass
class Traffic:
    """Requests that any of several versions may answer; which did is told by what it predicts.

    Attributes:
        url: that all of them are sent to.
        versions: what each predicts, by its name.
        wrong: those that no version answered, and what came in its place.
    """

    inside: Inside
    url: str
    versions: Mapping[str, Sequence[float]]
    sent: int = 0
    wrong: list[str] = field(default_factory=list)

    def send(self, count: int) -> Counter[str]:
        """Send requests, several at once; how many each version answered.

        Raises:
            InsideFailed: the runner itself did not answer.
        """
        names = {tuple(answers): name for name, answers in self.versions.items()}
        request = question(self.url, len(next(iter(names))))
        answered: Counter[str] = Counter()
        for outcome in send_many(
            self.inside, [request] * count, concurrency=_AT_ONCE, patience_s=_PATIENCE_S
        ):
            self.sent += 1
            reply = outcome.reply
            told = predicted(reply) if isinstance(reply, Reply) else str(reply)
            if isinstance(told, str):
                self.wrong.append(told)
            elif told in names:
                answered[names[told]] += 1
            else:
                self.wrong.append(f"a prediction of no version: {list(told)}")
        return answered
