# SPDX-License-Identifier: Apache-2.0
"""What a receiver keeps of a post, and how long ago it came."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import cast

import pytest

from mlflow_conformance.doors.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver(0, "/refused", 1)
    yield listening
    listening.stop()


def test_a_post_grows_older_and_the_first_one_is_the_oldest(receiver: Receiver) -> None:
    statuses = [receiver.keep(path, {"X-Y": "z"}, b"{}") for path in ("/refused", "/refused")]
    assert statuses == [503, 200]
    first, second = receiver.posts()
    again = receiver.posts()[0]
    ages = [cast(float, post["age_s"]) for post in (second, first, again)]
    assert ages == sorted(ages)
    assert 0 <= ages[0] < 60
    assert (first["path"], first["headers"], first["status"]) == ("/refused", {"x-y": "z"}, 503)


def test_no_connection_outlives_an_answer(receiver: Receiver) -> None:
    with closing(HTTPConnection("127.0.0.1", receiver.port, timeout=10)) as kept:
        kept.request("POST", "/hook", b"{}")
        answered = kept.getresponse()
        assert (answered.status, answered.will_close) == (200, True)
