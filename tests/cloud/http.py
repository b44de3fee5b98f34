"""An HTTP/1.1 server on a free loopback port: what it answers is what a function returns.

The function may pass a request on, which makes a proxy: one that looks, changes, or fails at a chosen moment.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import MappingProxyType
from typing import Any, NamedTuple

Headers = Mapping[str, str] | Message


class Request(NamedTuple):
    method: str
    path: str
    headers: Headers
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = MappingProxyType({})


Respond = Callable[[Request], Answer]

# What is between two parties alone, and the length, which is known from the body.
_HOP_BY_HOP = frozenset({"connection", "content-length", "expect", "keep-alive", "transfer-encoding"})


def forward(request: Request, address: str) -> Answer:
    """What the server at the address answers. It sees the request as it came, so that signatures hold."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        connection.request(
            request.method, request.path, request.body, {**headers, "Content-Length": str(len(request.body))}
        )
        response = connection.getresponse()
        passed = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        if request.method == "HEAD":
            passed["Content-Length"] = response.headers.get("Content-Length", "0")
        return Answer(response.status, response.read(), passed)


class Server:
    """Calls `respond` for every request, in a thread for each connection, until it is closed."""

    def __init__(self, respond: Respond) -> None:
        self._listener = _Listener(respond)
        self.address = f"127.0.0.1:{self._listener.server_address[1]}"
        self.url = f"http://{self.address}"
        self._thread = threading.Thread(target=self._listener.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # Wakes `serve_forever`, which looks only twice a second whether it is to end.
        with contextlib.suppress(OSError):
            self._listener.socket.shutdown(socket.SHUT_RDWR)
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        for connection in list(self._listener.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Listener(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A process that was killed leaves its connection behind; anything else is a fault of ours.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a small answer waits 40 ms for an acknowledgement
    wbufsize = -1  # headers and body leave together

    def _answer(self) -> None:
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "only bodies of a known length are read here")
            return
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the other side was killed while it sent
            self.close_connection = True
            return
        answer = self.server.respond(Request(self.command, self.path, self.headers, body))
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204 and "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815
