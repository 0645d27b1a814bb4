"""A server that answers as it is told, byte for byte, and keeps what it was sent, for clients not to be fooled."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CLOSE = b"<close>"  # at the end of an answer: nothing more comes on this connection
RESET = b"<reset>"
SILENCE = b"<silence>"


@dataclass
class Received:
    """One request, and on which connection it came, by number."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


Answer = bytes | Callable[[Received], bytes]


@dataclass
class Server:
    """Gives one answer after the other, and the last of them again and again."""

    port: int = 0
    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    is_silent: threading.Event = field(default_factory=threading.Event)  # set at the end: who waits for nothing goes on
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def will(self, *answers: Answer) -> None:
        """Answer so from now on, to requests that are counted from here."""
        with self._lock:
            self.answers, self.received = list(answers), []

    def take(self, received: Received) -> bytes:
        with self._lock:
            self.received.append(received)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(received) if callable(answer) else answer

    def connected(self) -> int:
        with self._lock:
            self.connections += 1
            return self.connections


class _Handler(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        told: Server = self.server.told
        number = told.connected()
        while request := self._request(number):
            answer = told.take(request)
            for end in (CLOSE, RESET, SILENCE):
                if answer.endswith(end):
                    self.wfile.write(answer.removesuffix(end))
                    self._end(end)
                    return
            self.wfile.write(answer)

    def _request(self, number: int) -> Received | None:
        try:
            lines = []
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                lines.append(line.decode("latin-1").rstrip("\r\n"))
            if not lines:
                return None
            parts = [each.partition(":") for each in lines[1:]]
            headers = {name.lower(): value.strip() for name, _, value in parts}
            return Received(lines[0], headers, self.rfile.read(int(headers.get("content-length", "0"))), number)
        except OSError:
            return None

    def _end(self, end: bytes) -> None:
        if end == RESET:  # what is sent on a socket that does not linger ends it with RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if end == SILENCE:
            self.server.told.is_silent.wait()
        self.rfile.close()
        self.connection.close()


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """Clients go away: that is what is tested."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a port of its own, until the block ends."""
    told = Server()
    with _Threads(("127.0.0.1", 0), _Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        told.port = server.server_address[1]
        server.told = told  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield told
        finally:
            told.is_silent.set()
            server.shutdown()


def answer(body: bytes, status: str = "200 OK", **headers: str | None) -> bytes:
    """An answer as AWS writes it. `headers`: with _ for -; None instead of a text takes one away."""
    every: dict[str, str | None] = {"content-type": "application/x-amz-json-1.0", "content-length": str(len(body))}
    every |= {name.replace("_", "-"): text for name, text in headers.items()}
    lines = "".join(f"{name}: {text}\r\n" for name, text in every.items() if text is not None)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body
