"""Async tasks: a site's pages fetched side by side, as far as links lead, in one thread and beside one worker.

    $ redux run --workers 1 examples/fetch_async.py main
    {'/': 13, '/a': 9, '/b': 9, '/c': 7, '/gone': 'is not there'}

The server is the example's own. It answers the pages of a level only when all of them are asked for, so whoever asked
for one after the other would wait for ever. Run it again: pages are remembered. Only the link that leads nowhere is
asked for once more, since an error is never remembered, and with it what stands on it.
"""

from __future__ import annotations

import asyncio
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Barrier, Thread

from redux import task

PAGES = {"/": "/a /b /c\nhome", "/a": "/gone\none", "/b": "/gone\ntwo", "/c": "/\nthree"}


class Missing(Exception):
    """The server has no such page."""


class Site(BaseHTTPRequestHandler):
    """Answers with a line of links and a text."""

    def do_GET(self) -> None:
        if self.path in ("/a", "/b", "/c"):
            meeting_place().wait(timeout=60)
        body = PAGES.get(self.path, "").encode()
        self.send_response(200 if body else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@cache
def meeting_place() -> Barrier:
    """Where the requests for the three pages of a level wait for each other."""
    return Barrier(3)


@cache
def start_server() -> int:
    """The port of the server, which is started when somebody first asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


@task(retries=2, retry_on=OSError, timeout=60)
async def fetch(path: str) -> str:
    """A page's text. Raises Missing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", start_server())
    try:
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if b" 404 " in head.splitlines()[0]:
        raise Missing(path)
    return body.decode()


@task
def sizes(pages: dict[str, str]) -> dict[str, int | str]:
    """How long each text is, a plain task as any other."""
    return {path: len(page) if page else "is not there" for path, page in sorted(pages.items())}


async def fetch_or_nothing(path: str) -> str:
    """An ordinary helper of async tasks; its code counts in theirs."""
    try:
        return await fetch(path)
    except Missing:
        return ""


@task
async def main(start: str = "/") -> dict[str, int | str]:
    """Fetch level after level: what comes next is known only when a level is there."""
    pages: dict[str, str] = {}
    level = [start]
    while level:
        texts = await asyncio.gather(*[fetch_or_nothing(path) for path in level])
        pages.update(zip(level, texts, strict=True))
        links = {link for text in texts for link in text.partition("\n")[0].split()}
        level = sorted(links - pages.keys())
    return sizes(pages)
