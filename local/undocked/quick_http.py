"""HTTP servers on loopback, without the 44 ms that Nagle and delayed acknowledgements cost a call."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class QuickHandler(BaseHTTPRequestHandler):
    """Keep-alive, one write for each answer, silent."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # this and the buffered write belong together
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Quiet: the functions' own output is what the terminal shows."""

    def body(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """The whole answer at once."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def serve(handler: type[QuickHandler], name: str) -> ThreadingHTTPServer:
    """Listen on a free port of loopback, in threads that end with the process.

    The port is in `server_address`.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name=name, daemon=True).start()
    return server
