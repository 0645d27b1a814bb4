"""HTTP/1.1 over sockets that stay open: one request, one whole answer, and nothing left over.

An answer is taken as a server of AWS writes it, and everything else is a broken one: the socket is closed, because
nobody knows where on it the next answer would begin.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import botocore
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

HOST = re.compile(r"[a-z0-9.-]+")
PORTS = {"https": 443, "http": 80}
CONNECT_SECONDS, READ_SECONDS = 2, 5
IDLE_LIMIT = 10  # sockets that are kept
CHUNK_BYTES = 64 * 1024
HEAD_LIMIT_BYTES = 64 * 1024
LINE_LIMIT_BYTES = 1024
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # four times what DynamoDB answers at most
LINE = b"\r\n"


class Broken(Exception):
    """What came is no whole answer."""


class HttpAnswer(NamedTuple):
    """`headers`: by lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Connections:
    """To one host: a call has one of its own, for as long as it takes. Threads may share it.

    `certificates`: a file of those that are trusted, "" for the ones that botocore trusts. Raises botocore's errors, as
    its own HTTP client does; whether the request was carried out is not known then.
    """

    url: str
    host: str
    port: int
    is_secure: bool
    certificates: str = ""
    read_seconds: float = READ_SECONDS
    _idle: list[_Connection] = field(default_factory=list, repr=False)

    @classmethod
    def to(cls, url: str, certificates: str = "") -> Connections:
        """Return connections to a URL.

        Raises ValueError for one that says more than a host and a port.
        """
        parts = urlsplit(url)
        host, is_plain = parts.hostname or "", parts.path in ("", "/") and not parts.query and "@" not in parts.netloc
        if parts.scheme not in PORTS or not HOST.fullmatch(host) or not is_plain:
            raise ValueError("no URL of a host")
        return cls(url, host, parts.port or PORTS[parts.scheme], parts.scheme == "https", certificates)

    @property
    def name(self) -> str:
        """The host as a request calls it."""
        return self.host if self.port == PORTS["https" if self.is_secure else "http"] else f"{self.host}:{self.port}"

    def exchange(self, request: bytes) -> HttpAnswer:
        """Send a request and return its answer. Nothing is sent twice."""
        connection = self._kept() or _Connection(self._connect())
        is_whole = False
        try:
            answer = connection.exchange(request)
            is_whole = True
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self.url, error=error) from error
        except (Broken, OSError) as error:
            raise ConnectionClosedError(endpoint_url=self.url, error=error) from error
        finally:
            if is_whole and connection.stays and len(self._idle) < IDLE_LIMIT:
                self._idle.append(connection)
            else:
                connection.close()
        return answer

    def _kept(self) -> _Connection | None:
        """One that was used before and is silent: what can be read now is its end, or nothing that was asked for."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                return None
            if connection.is_silent():
                return connection
            connection.close()
        return None

    def _connect(self) -> socket.socket:
        connected: socket.socket | None = None
        try:
            connected = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.is_secure:
                connected = self._tls.wrap_socket(connected, server_hostname=self.host)
            connected.settimeout(self.read_seconds)
        except OSError as error:
            if connected is not None:
                connected.close()
            kind = EndpointConnectionError
            if isinstance(error, ssl.SSLError):
                kind = SSLError
            elif isinstance(error, TimeoutError):
                kind = ConnectTimeoutError
            raise kind(endpoint_url=self.url, error=error) from error
        return connected

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once, and not before it is needed: reading the certificates takes as long as 100 requests."""
        trusted = self.certificates or str(Path(botocore.__file__).with_name("cacert.pem"))
        return ssl.create_default_context(cafile=trusted)


class _Connection:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._readable = select.poll()
        self._readable.register(connected, select.POLLIN)
        self.stays = True

    def is_silent(self) -> bool:
        held = self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0  # deciphered, and not taken
        return not held and not self._readable.poll(0)

    def exchange(self, request: bytes) -> HttpAnswer:
        self._socket.sendall(request)
        incoming = _Incoming(self._socket.recv)
        head = incoming.until(LINE * 2, HEAD_LIMIT_BYTES).decode("latin-1")
        first, *lines = head.split("\r\n")
        version, status = _status(first)
        headers = _headers(lines)
        body = _body(status, headers, incoming)
        self.stays = (
            version == "HTTP/1.1" and "close" not in headers.get("connection", "").lower() and incoming.is_at_its_end
        )
        return HttpAnswer(status, headers, body)

    def close(self) -> None:
        self._socket.close()


class _Incoming:
    """What comes from a socket, a piece at a time; it ends where the other side has closed it."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive, self._bytes, self._is_over = receive, b"", False

    @property
    def is_at_its_end(self) -> bool:
        """Whether all that came was taken, and more can come."""
        return not self._bytes and not self._is_over

    def until(self, end: bytes, most: int) -> bytes:
        while (at := self._bytes.find(end)) < 0:
            if len(self._bytes) > most:
                raise Broken("a line without an end")
            self._bytes += self._more()
        taken, self._bytes = self._bytes[:at], self._bytes[at + len(end) :]
        return taken

    def take(self, count: int) -> bytes:
        if len(self._bytes) < count:
            parts, missing = [self._bytes], count - len(self._bytes)
            while missing > 0:
                parts.append(self._more())
                missing -= len(parts[-1])
            self._bytes = b"".join(parts)
        taken, self._bytes = self._bytes[:count], self._bytes[count:]
        return taken

    def rest(self, most: int) -> bytes:
        parts, count = [self._bytes], len(self._bytes)
        while part := self._receive(CHUNK_BYTES):
            parts.append(part)
            count += len(part)
            if count > most:
                raise Broken("too long")
        self._bytes, self._is_over = b"", True
        return b"".join(parts)

    def _more(self) -> bytes:
        more = self._receive(CHUNK_BYTES)
        if not more:
            raise Broken("closed before its end")
        return more


def _status(line: str) -> tuple[str, int]:
    version, _, rest = line.partition(" ")
    status = rest[:3]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not _is_number(status) or int(status) < 200 or rest[3:4] not in "  ":
        raise Broken("no status")
    return version, int(status)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or "\n" in line or "\0" in line:
            raise Broken("no header")
        name = name.lower()
        if name in headers and name in ("content-length", "transfer-encoding"):
            raise Broken("two ends")
        headers[name] = value.strip()
    return headers


def _body(status: int, headers: dict[str, str], incoming: _Incoming) -> bytes:
    if headers.get("content-encoding", "identity") != "identity":
        raise Broken("an encoding that was not asked for")
    encoding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if encoding is not None:
        if length is not None or encoding.lower() != "chunked":
            raise Broken("an end of two kinds, or of none that is known")
        return _chunks(incoming)
    if length is not None:
        if not _is_number(length) or int(length) > BODY_LIMIT_BYTES:
            raise Broken("no length, or too long")
        return incoming.take(int(length))
    return b"" if status == 204 else incoming.rest(BODY_LIMIT_BYTES)


def _chunks(incoming: _Incoming) -> bytes:
    parts: list[bytes] = []
    left = BODY_LIMIT_BYTES
    while True:
        text = incoming.until(LINE, LINE_LIMIT_BYTES).partition(b";")[0].strip()
        try:
            size = int(text, 16) if text.isalnum() else -1
        except ValueError:
            size = -1
        left -= size
        if size < 0 or left < 0:
            raise Broken("no size of a part, or too long")
        if not size:
            break
        parts.append(incoming.take(size))
        if incoming.take(len(LINE)) != LINE:
            raise Broken("a part without an end")
    while incoming.until(LINE, LINE_LIMIT_BYTES):  # what stands behind the last part says nothing to us
        pass
    return b"".join(parts)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
