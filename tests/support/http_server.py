# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server on a thread of its own, which misbehaves as it is told."""

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Self

from mlflow_conformance.core.closing import Closing

Behave = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request that was read whole, to be answered or not."""

    def __init__(self, number: int, path: str, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.path = path
        self._writer = writer

    async def reply(
        self, body: bytes = b"OK", status: int = 200, length: int | None = None
    ) -> None:
        """Answer; a `length` of another size than the body's is a lie."""
        size = len(body) if length is None else length
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def close(self) -> None:
        """End the connection, with a reply or without."""
        self._writer.close()

    async def reset(self) -> None:
        """End the connection with a reset instead of an end."""
        self._writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._writer.transport.abort()


async def healthy(exchange: Exchange) -> None:
    """Answer at once."""
    await exchange.reply()


def stalling(seconds: float, every: float) -> Behave:
    """Answers nothing in the last `seconds` of every span of `every` seconds, then all at once."""
    begin = time.monotonic()

    async def behave(exchange: Exchange) -> None:
        at = (time.monotonic() - begin) % every
        if at >= every - seconds:
            await asyncio.sleep(every - at)
        await exchange.reply()

    return behave


class Server(Closing):
    """Listens on 127.0.0.1 until the end of a with block.

    Attributes:
        requests: how many were read whole.
        connections: how many were accepted.
    """

    def __init__(self, behave: Behave = healthy, tls: ssl.SSLContext | None = None) -> None:
        self.requests = 0
        self.connections = 0
        self._behave = behave
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._listening: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def close(self) -> None:
        """End every connection, and the thread."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Listen, on the port of before if there was one."""
        self._run(self._open())

    def shut(self) -> None:
        """Refuse connections and end those that are there."""
        self._run(self._shut())

    def _run(self, work: Awaitable[None]) -> None:
        async def whole() -> None:
            await work

        asyncio.run_coroutine_threadsafe(whole(), self._loop).result(10)

    async def _open(self) -> None:
        self._listening = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, backlog=2048, ssl=self._tls
        )
        self.port = self._listening.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._listening:
            self._listening.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        try:
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away
        finally:
            self._serving.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            for line in head.split("\r\n"):
                if line.startswith("content-length:"):
                    await reader.readexactly(int(line.partition(":")[2]))
            number, self.requests = self.requests, self.requests + 1
            await self._behave(Exchange(number, head.split(" ")[1], writer))
            if "connection: close" in head:
                return
