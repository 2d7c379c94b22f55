"""A proxy in front of an HTTP server that does to chosen requests what networks and servers do on bad days."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "proxy-connection"}
_PATIENCE = 30.0


@dataclass(frozen=True)
class Request:
    """A request as it came: numbers count from 1, since the proxy was made or `forget` was said."""

    number: int
    method: str
    path: str
    query: str = ""

    def __str__(self) -> str:
        return f"{self.number}: {self.method} {self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Passed = Callable[[], Answer]
"""Asks the server what the client asked."""

Fault = Callable[["Line", Passed], None]
"""Answers a request in some bad way."""


# -- faults --------------------------------------------------------------------------------------------------


def error(status: int, code: str = "InternalError") -> Fault:
    """The server answers with an error of S3's, and does nothing."""
    text = (
        f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>bad day</Message></Error>".encode()
    )
    answer = Answer(status, (("Content-Type", "application/xml"), ("Content-Length", str(len(text)))), text)
    return lambda line, _: line.answer(answer)


def lost(line: Line, passed: Passed) -> None:
    """The server does what it is asked, and its answer is lost."""
    passed()
    line.reset()


def refused(line: Line, passed: Passed) -> None:
    """The connection is reset before anything is done."""
    line.reset()


def hanging(line: Line, passed: Passed) -> None:
    """No answer comes, until the client gives up or the proxy ends."""
    line.wait_for_the_end()


def slow(seconds: float, piece: int = 1) -> Fault:
    """The answer comes in pieces of so many bytes, one in so many seconds."""
    return lambda line, passed: line.answer(passed(), every=seconds, piece=piece)


def cut(at: int = -1) -> Fault:
    """The connection is reset after so many bytes of the answer's body; by default after half."""
    return lambda line, passed: line.answer(passed(), only=at, then_reset=True)


def truncated(at: int = -1, honest: bool = True) -> Fault:
    """The body ends after so many bytes, or half: the length is told as it should be, or (not `honest`) as it came."""

    def fault(line: Line, passed: Passed) -> None:
        answer = passed()
        if honest:
            line.answer(answer, only=at, then_close=True)
            return
        kept = answer.body[: len(answer.body) // 2 if at < 0 else at]
        line.answer(Answer(answer.status, _with_length(answer.headers, len(kept)), kept))

    return fault


def wrong_bytes(line: Line, passed: Passed) -> None:
    """The body has its length, and another content."""
    answer = passed()
    half = len(answer.body) // 2
    bent = answer.body[:half] + bytes(byte ^ 0x55 for byte in answer.body[half : half + 16]) + answer.body[half + 16 :]
    line.answer(Answer(answer.status, answer.headers, bent))


class Stale:
    """The first answer to each request is given again for ever, as by a store whose listings lag behind."""

    def __init__(self) -> None:
        self._known: dict[str, Answer] = {}

    def __call__(self, line: Line, passed: Passed) -> None:
        asked = f"{line.request.method} {line.request.path}?{line.request.query}"
        if asked not in self._known:
            self._known[asked] = passed()
        line.answer(self._known[asked])


def unconditional(line: Line, passed: Passed) -> None:
    """The server never sees conditions, as one that ignores them; one that checks signatures refuses that."""
    line.without.add("if-none-match")
    line.answer(passed())


def only_new(line: Line, passed: Passed) -> None:
    """A policy lets nobody write but under the condition that nothing stands there; parts of an upload have none."""
    is_part = "partNumber=" in line.path or "?uploads" in line.path or line.command not in ("PUT", "POST")
    if is_part or "if-none-match" in line.headers:
        line.answer(passed())
    else:
        error(403, "AccessDenied")(line, passed)


# -- the proxy -----------------------------------------------------------------------------------------------


@dataclass
class _Rule:
    fault: Fault
    fits: Callable[[Request], bool]
    left: float
    met: list[Request] = field(default_factory=list)


class FaultyProxy:
    """Stands before the HTTP server at `upstream`, at an `address` of its own on loopback, while it is entered.

    The Host that the client names goes on unchanged, since signatures cover it.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._lock = threading.Lock()
        self._rules: list[_Rule] = []
        self._seen: list[Request] = []
        self._lines: set[socket.socket] = set()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self.ended = threading.Event()

    @property
    def address(self) -> str:
        """Where it listens; the same after `refuse` and `listen`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[Request]:
        """The requests that came, oldest first."""
        with self._lock:
            return list(self._seen)

    def counted(self) -> Counter[str]:
        """How many requests came, by their method."""
        return Counter(request.method for request in self.requests)

    def forget(self) -> None:
        """Count from 1 again."""
        with self._lock:
            self._seen.clear()

    def fail(
        self,
        fault: Fault,
        at: int | Iterable[int] | None = None,
        *,
        method: str | None = None,
        path: str = "",
        times: float = float("inf"),
    ) -> list[Request]:
        """Answer requests badly: those of these numbers, of a method, whose path and query hold a pattern, so often.

        Gives a list that the requests so treated are added to.
        """
        numbers = None if at is None else {at} if isinstance(at, int) else set(at)
        pattern = re.compile(path)

        def fits(request: Request) -> bool:
            return (
                (numbers is None or request.number in numbers)
                and (method is None or request.method == method)
                and pattern.search(f"{request.path}?{request.query}") is not None
            )

        rule = _Rule(fault, fits, times)
        with self._lock:
            self._rules.append(rule)
        return rule.met

    def heal(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._rules.clear()
        if self._server is None:
            self.listen()

    def refuse(self) -> None:
        """Refuse connections, and end those that there are, until `listen` or `heal`."""
        server, self._server = self._server, None
        if server is not None:
            self.ended.set()
            server.shutdown()
            server.server_close()
            self._end_lines()

    def listen(self) -> None:
        """Take connections."""
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> FaultyProxy:
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.refuse()

    # -- used by its connections -------------------------------------------------------------------

    def noted(self, method: str, target: str) -> tuple[Request, Fault | None]:
        """A request by its number, and what befalls it."""
        path, _, query = target.partition("?")
        with self._lock:
            request = Request(len(self._seen) + 1, method, path, query)
            self._seen.append(request)
            for rule in self._rules:
                if rule.left > 0 and rule.fits(request):
                    rule.left -= 1
                    rule.met.append(request)
                    return request, rule.fault
        return request, None

    def ask(self, line: Line) -> Answer:
        """What the server answers."""
        assert self._upstream.hostname is not None
        connection = HTTPConnection(self._upstream.hostname, self._upstream.port, timeout=_PATIENCE)
        try:
            connection.putrequest(line.command, line.path, skip_host=True, skip_accept_encoding=True)
            for name, value in line.headers.items():
                if name.lower() not in _HOP | line.without | {"content-length"}:
                    connection.putheader(name, value)
            if line.body or line.command in ("PUT", "POST"):
                connection.putheader("Content-Length", str(len(line.body)))
            connection.endheaders(line.body)
            got = connection.getresponse()
            body = got.read()
            return Answer(got.status, tuple(got.getheaders()), body)
        finally:
            connection.close()

    def track(self, line: socket.socket, is_open: bool) -> None:
        """Know a connection while it is open."""
        with self._lock:
            (self._lines.add if is_open else self._lines.discard)(line)

    def _end_lines(self) -> None:
        with self._lock:
            lines = tuple(self._lines)
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultyProxy) -> None:
        self.proxy = proxy
        super().__init__(address, Line)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is no trouble of ours."""


class Line(BaseHTTPRequestHandler):
    """One connection of a client: what a fault answers through."""

    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    request: Any

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.proxy.track(self.connection, True)

    def finish(self) -> None:
        self.server.proxy.track(self.connection, False)
        with suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        self.body = self._read_body()
        self.without: set[str] = set()
        self.request, fault = self.server.proxy.noted(self.command, self.path)
        try:
            if fault is None:
                self.answer(self._pass())
            else:
                fault(self, self._pass)
        except (OSError, HTTPException):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _pass(self) -> Answer:
        return self.server.proxy.ask(self)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def answer(
        self,
        answer: Answer,
        *,
        only: int | None = None,
        every: float = 0.0,
        piece: int = 1 << 20,
        then_close: bool = False,
        then_reset: bool = False,
    ) -> None:
        """Give an answer, or `only` so many bytes of its body (-1: half of them), `piece` by piece."""
        body = b"" if self.command == "HEAD" else answer.body
        if only is not None:
            body = body[: len(body) // 2 if only < 0 else only]
        self.send_response_only(answer.status)
        headers = answer.headers if self.command == "HEAD" else _with_length(answer.headers, len(answer.body))
        for name, value in headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), piece):
            if every and self.server.proxy.ended.wait(every):
                break
            self.wfile.write(body[start : start + piece])
        if then_close:
            self.close_connection = True
        if then_reset:
            self.reset()

    def reset(self) -> None:
        """End the connection as a crash does: the client reads an error, no end."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.server.proxy.track(self.connection, False)
            self.connection.close()

    def wait_for_the_end(self) -> None:
        """Say nothing until the proxy ends, or the client."""
        self.close_connection = True
        self.connection.settimeout(0.05)
        while not self.server.proxy.ended.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `requests`."""


def _with_length(headers: Iterable[tuple[str, str]], length: int) -> tuple[tuple[str, str], ...]:
    others = tuple((name, value) for name, value in headers if name.lower() != "content-length")
    return (*others, ("Content-Length", str(length)))
