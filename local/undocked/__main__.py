"""`python -m undocked [template.yaml]`: run it all until Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from types import FrameType
from typing import IO, TYPE_CHECKING, NoReturn

from undocked.children import Children
from undocked.data_dir import claim
from undocked.dynamodb import DynamoDB
from undocked.errors import StartError
from undocked.java import find_java
from undocked.options import Options, read_options
from undocked.ports import Listeners, open_ports
from undocked.welcome import welcome

if TYPE_CHECKING:
    from undocked.gateway import Gateway

SignalHandler = Callable[[int, FrameType | None], None]


def main() -> int:
    """Run the stack in the foreground.

    The exit status is 1 when it cannot start, 0 after Ctrl-C or SIGTERM.
    """
    options = read_options(sys.argv[1:], os.environ)
    not_through_a_proxy(os.environ)
    # cut: moto logs a failed state with its whole syntax tree
    level = logging.INFO if options.verbose else logging.ERROR
    logging.basicConfig(format="%(levelname)s %(name)s: %(message).600s", level=level)
    logging.getLogger("undocked").setLevel(logging.INFO if options.verbose else logging.WARNING)
    warnings.simplefilter("ignore")  # moto warns of every resource type that it leaves out
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    children: Children | None = None
    lock: IO[str] | None = None
    try:
        if options.welcome and not options.welcome.is_file():
            raise StartError(f"--welcome {options.welcome}: there is no such file")
        listeners = open_ports(options)
        lock = claim(options.data)
        java = find_java(os.environ)
        children = Children()
        dynamodb = DynamoDB(children, java, options)
        _serve(options, listeners, children, dynamodb, began)
    except StartError as error:
        print(f"undocked: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        pass
    except Exception:  # our own mistake: shown in full, and still nothing is left running
        traceback.print_exc()
        return 1
    finally:
        if children:
            children.stop()
        if lock:
            lock.close()
    with suppress(OSError):  # of a terminal that is gone
        print(f"stopped; the data stay in {options.data}", flush=True)
    return 0


def not_through_a_proxy(environ: MutableMapping[str, str]) -> None:
    """Let nothing here ask the user's proxy for this machine; what it starts inherits that."""
    for name in ("NO_PROXY", "no_proxy"):
        environ[name] = ",".join(filter(None, (environ.get(name), "127.0.0.1", "localhost")))


def _serve(options: Options, listeners: Listeners, children: Children, dynamodb: DynamoDB, began: float) -> None:
    """Start what depends on moto, then answer HTTP until told to stop."""
    import uvicorn

    from undocked.light_imports import light_imports

    with light_imports():
        from undocked.stack import Stack  # takes a second to import, in which the JVM boots

    stack = Stack(options, children, dynamodb, listeners.aws)
    try:
        gateway = stack.start()

        def say_ready() -> None:
            print(welcome(options, stack, time.monotonic() - began), flush=True)

        if options.when_ready:
            _run_beside(children, options.when_ready, options.ports, say_ready)
        else:
            say_ready()
        config = uvicorn.Config(
            gateway, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.handle_exit = answer_first(gateway, server.handle_exit)  # type: ignore[method-assign, assignment]
        server.run(sockets=listeners.api)  # returns on Ctrl-C and on SIGTERM
    finally:
        stack.stop()


def answer_first(gateway: Gateway, exit: SignalHandler) -> SignalHandler:
    """A handler of signals: those who wait for an answer get one, then the server ends."""

    def handle(number: int, frame: FrameType | None) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(gateway.stopping.set)
        exit(number, frame)

    return handle


def _run_beside(children: Children, command: str, ports: dict[str, str], then: Callable[[], None]) -> None:
    """Start a command; the sockets listen already, so it is answered as soon as the server runs. `then`: at its end."""
    try:
        process = children.start(shlex.split(command), env={**os.environ, **ports})
    except (OSError, ValueError) as error:
        raise StartError(f"--when-ready {command}: {error}") from None

    def collect() -> None:
        if (status := process.wait()) and not children.stopping:
            print(f"undocked: --when-ready ended with status {status}", file=sys.stderr, flush=True)
        children.forget(process)
        if not children.stopping:
            then()

    threading.Thread(target=collect, name="when-ready", daemon=True).start()


def run() -> NoReturn:
    """Run `main` as a command."""
    status = main()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # pollers and interpreters wait in threads that nobody needs any more


if __name__ == "__main__":
    run()
