"""Calls to a server over HTTP: tried again where it is busy, replaced by a default where it has nothing.

    $ redux run examples/http_calls.py main
    {'mean': 13.5, 'stations': {'harbour': 12.0, 'mill': 15.0, 'tower': 'no such station'}}

The server is the example's own, in a thread: for each station it answers "busy" once, and then the temperature. Run it
again: temperatures are remembered, and the server is asked for the missing station only, since an error is never
remembered from run to run.
"""

from __future__ import annotations

import json
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from redux import task
from redux.functools import catch

BUSY, MISSING = 503, 404
TEMPERATURES = {"/harbour": 12.0, "/mill": 15.0}


class Busy(Exception):
    """The server wants to be asked later."""


class Missing(Exception):
    """The server does not know the station."""


class Station(BaseHTTPRequestHandler):
    """Answers with a temperature, as JSON."""

    asked: set[str] = set()  # noqa: RUF012 - the server's memory

    def do_GET(self) -> None:
        if self.path not in TEMPERATURES:
            self._answer(MISSING, {})
        elif self.path not in self.asked:
            self.asked.add(self.path)
            self._answer(BUSY, {})
        else:
            self._answer(200, {"celsius": TEMPERATURES[self.path]})

    def _answer(self, status: int, said: dict[str, float]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@cache
def start_server() -> int:
    """The port of the server, which is started when somebody first asks."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Station)
    Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


@task(retries=3, retry_delay=0.01, retry_on=Busy)
def fetch(station: str) -> float:
    """The temperature at a station, in degrees Celsius. Raises Busy, Missing."""
    connection = HTTPConnection("127.0.0.1", start_server(), timeout=10)
    try:
        connection.request("GET", f"/{station}")
        answer = connection.getresponse()
        if answer.status == BUSY:
            raise Busy(station)
        if answer.status == MISSING:
            raise Missing(station)
        return json.loads(answer.read())["celsius"]
    finally:
        connection.close()


@task
def explain(error: Exception) -> str:
    """What stands in the place of a temperature that there is none of."""
    return "no such station"


@task
def mean(stations: dict[str, float | str]) -> float:
    """The mean of those that are known."""
    known = [each for each in stations.values() if isinstance(each, float)]
    return sum(known) / len(known)


@task
def main(names: tuple[str, ...] = ("harbour", "mill", "tower")) -> dict[str, object]:
    """Ask for all stations at once."""
    stations = {name: catch(fetch(name), Missing, explain) for name in names}
    return {"mean": mean(stations), "stations": stations}
