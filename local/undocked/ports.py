"""Ports, all of them taken or checked before anything starts: half a stack beside another one does harm.

Two stacks on one DynamoDB port are the worst case: the second JVM fails quietly, and its stack would then
read and write the data of the first.
"""

from __future__ import annotations

import errno
import itertools
import socket
import time
from dataclasses import dataclass

from undocked.errors import StartError
from undocked.options import Options

PATIENCE_SECONDS = 1.0
NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Listeners:
    """Sockets bound and listening already, so that no one else takes the ports and "ready" is true when printed.

    Of each port one on 127.0.0.1, and one on ::1 where the machine has that: `localhost` is either.
    """

    api: list[socket.socket]
    aws: list[socket.socket]


def open_ports(options: Options) -> Listeners:
    """Bind what this process serves and check what the JVM will.

    Raises StartError naming the variable that moves a port.
    """
    problems: list[str] = []
    listeners: dict[str, list[socket.socket]] = {"api": [], "aws": [], "dynamodb": []}
    for name, variable, port in (
        ("api", "API_PORT", options.api_port),
        ("aws", "AWS_PORT", options.aws_port),
        ("dynamodb", "DYNAMODB_PORT", options.dynamodb_port),
    ):
        try:
            # DynamoDB Local listens on every interface, so any use of its port is in the way
            for host in ("",) if name == "dynamodb" else ("127.0.0.1", "::1"):
                listeners[name] += _patiently(host, port)
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            problems.append(f"port {port} {reason}: set {variable} to another one")
    if problems:
        for listener in itertools.chain(*listeners.values()):
            listener.close()
        raise StartError("; ".join(problems))
    for listener in listeners.pop("dynamodb"):
        listener.close()
    return Listeners(**listeners)


def _patiently(host: str, port: int) -> list[socket.socket]:
    """A listening socket, none where the machine has no such address; a stack that was killed a moment ago is given one
    to let go of its ports.
    """
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return [_listen(host, port)]
        except OSError as error:
            if host == "::1" and error.errno in NO_SUCH_ADDRESS:
                return []
            if error.errno != errno.EADDRINUSE or time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    The protocol is named: asyncio turns Nagle off only then, else every answer takes 44 ms.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
