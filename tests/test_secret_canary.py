"""A canary in a score of secret places: wherever one looks afterwards, it is not there."""

from __future__ import annotations

import base64
import json
import re
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from redux.shared.layout import PackName, named_pack
from redux.shared.pack import open_pack, read_header

from . import commands

CANARY = "canary-5f1d"

FLOW = """
import logging
import os
import signal
import sys
from dataclasses import dataclass

from redux import Secret, catch, get_context, script, task
from redux.scheduler import subrun

redux_namespace = "flow"

def of(place):
    return Secret(os.environ["CANARY"] + "-" + place)

GLOBAL = of("global")
KEY = b"\\xff\\x80" + of("bytes").reveal().encode()
DATABASE_PASSWORD = os.environ["CANARY"] + "-in-a-url"

CONF = {"database": {"password": os.environ["CANARY"] + "-module"}, "url": f"postgresql://me:{DATABASE_PASSWORD}@host/db"}

@dataclass
class Cred:
    user: str
    password: str

@dataclass
class Login:
    user: str
    token: Secret[str]

@task
def size(token: Secret[str], what: str = "") -> int:
    print("a size of", token.reveal())
    logging.getLogger("flow").warning("logged %s", token.reveal())
    return len(token.reveal())

@task(secret=["key"])
def plainly(key, n: int = 1):
    assert isinstance(key, str)
    return size(key, "from plain")

@task
def login(login: Login, nested: list, *more: Secret[str], **named: Secret[str]) -> int:
    told = [login.token, nested[0]["a"][0], *more, *named.values()]
    return sum(len(one.reveal()) for one in told)

@task
def by_default(token: Secret[str] = of("default")) -> int:
    return len(token.reveal()) + len(GLOBAL.reveal())

@task(config_args=["token"])
def unhashed(token: Secret[str]) -> int:
    return len(token.reveal())

class Refused(Exception):
    def __init__(self, token):
        self.token = token
        super().__init__("refused", {"token": token})

@task
def fails(token: Secret[str]) -> int:
    try:
        int(token.reveal())
    except ValueError as error:
        raise Refused(token.reveal()) from error

@task
def recover(error) -> str:
    return repr(error)

@task
def signs_in(cred: Secret[Cred], key: Secret[bytes]) -> int:
    print("as", cred.reveal().password)
    raise ValueError(f"{cred.reveal()} refused with {key.reveal()}")

@task
def configured() -> int:
    return len(CONF["database"]["password"]) + len(CONF["url"])

@task(executor="processes")
def elsewhere(token: Secret[str]) -> int:
    return size(Secret(token.reveal() + "-made-there"), "made there")

@task(executor="processes")
def fails_elsewhere(token: Secret[str]) -> int:
    raise ValueError(token.reveal())

@task
async def waits(token: Secret[str]) -> int:
    return 1 + await size(token, "awaited")

@task(script=True, secret=["token"])
def by_script(token: str) -> str:
    return f"echo {token} | wc -c; echo said {token} >&2"

@task
def says(token: Secret[str]):
    return script(["printf", "%s", Secret("x" + token.reveal())], outputs=None)

@task
def breaks(token: Secret[str]):
    return script(f"echo {token.reveal()}; exit 3")

@task(secret=["password"])
def within(password) -> int:
    return len(password)

@task
def asks() -> int:
    return within(get_context("database.password"))

@task
def in_context(token=get_context("token")) -> int:
    return len(token.reveal())

@task
def gives_plain(token: Secret[str]) -> str:
    return "it is " + token.reveal()

@task
def main(token: Secret[str], password: str = "none"):
    return [
        size(token, "argument"), plainly(os.environ["CANARY"] + "-plainly"),
        login(Login("me", of("field")), [{"a": [of("nested")]}], of("more"), named=of("named")),
        by_default(), unhashed(of("unhashed")),
        catch(fails(of("raised")), Refused, recover), elsewhere(of("processes")),
        catch(fails_elsewhere(of("raised-there")), ValueError, recover),
        waits(of("async")), by_script(os.environ["CANARY"] + "-script"), says(of("words")),
        catch(breaks(of("broken")), Exception, recover),
        subrun(size(of("subrun"), "below"), executor="threads"),
        subrun(size(of("subrun-there"), "below there"), executor="processes"),
        catch(signs_in(Cred("me", os.environ["CANARY"] + "-dataclass"), KEY), ValueError, recover),
        configured(), asks(), in_context.update_context(token=of("context"))(),
        size.partial(of("partial"))("partly"),
    ]

@task
def broken(token: Secret[str]):
    return [fails(token)]

@task
def goes_down(length: int):
    os.kill(os.getpid(), signal.SIGKILL)

@task
def killed(token: Secret[str]):
    return [goes_down(plainly(os.environ["CANARY"] + "-killed") + size(token, "before it is killed"))]
"""
PLACES = {
    *re.findall(r'of\("([\w-]+)"\)', FLOW),
    *re.findall(r'\["CANARY"\] \+ "-([\w-]+)"', FLOW),
    "argv",
    "context-word",
    "offline",
    "debugged",
}
"""Where tasks meet it: arguments of every kind, defaults, fields, contexts, workers, errors, scripts, command lines."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    return folder


def everything_below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def forms_of(text: str) -> list[bytes]:
    """A text as it may lie in a file: as it is, in hex, in wide characters, in base64 wherever that begins."""
    data = text.encode()
    parts = [base64.b64encode(b"x" * at + data)[4 if at else 0 : -4] for at in range(3)]
    return [data, data.hex().encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), *parts]


FORMS = forms_of(CANARY)


def places_with_it(folder: Path) -> list[str]:
    """The files with the canary in any form; packs of a shared cache are looked at as they are packed, and unpacked."""
    found: list[str] = []
    for path, data in everything_below(folder):
        name: PackName | None = named_pack("/".join(path.parts[-3:]))
        if name is not None:
            data += repr(open_pack(read_header(name, data), data)).encode()
        found += [str(path)] if any(form in data for form in FORMS) or CANARY in str(path) else []
    return found


def redux(project: Path, *words: str, **changes: str) -> commands.Done:
    home = project.parent / "home"
    home.mkdir(exist_ok=True)
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "CANARY": CANARY, **changes}
    return commands.redux(project, *words, **own)


RUN = ("run", "--context", f"database.password={CANARY}-context-word", "flow.py")


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_no_canary_is_left_anywhere(
    project: Path,
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    assert len(PLACES) >= 20
    (tmp_path / "bucket").mkdir(mode=0o700)
    where = {"REDUX_SHARED": str(tmp_path / "bucket")}
    if database == "postgres":
        where["REDUX_DB_URL"] = request.getfixturevalue("postgres_url")
    told: list[str] = []
    monkeypatch.chdir(project)
    for name, value in {"XDG_CONFIG_HOME": str(tmp_path / "home" / "config"), **where}.items():
        monkeypatch.setenv(name, value)

    def said(*words: str, codes: tuple[int, ...] = (0,), **more: str) -> str:
        """What a command says: one that runs code of the workflow in a process of its own."""
        if words[0] in ("run", "plan", "trust"):
            done = redux(project, *words, **where, **more)
            ended = commands.Ended(done.returncode, done.stdout, done.stderr)
        else:
            ended = commands.ended(capsys, words)
        told.extend((ended.out, ended.err))
        assert ended.code in codes, (words, ended)
        return ended.out + ended.err

    line = said("trust", "keygen").rpartition("redux trust add ")[2].split()[0]
    first = said(*RUN, "main", "--token", f"{CANARY}-argv")
    assert "SecretAbsent" not in first
    assert "fails" in said(*RUN, "broken", f"--token={CANARY}-argv", codes=(1,))
    # Nothing but what makes secrets itself, or failed, runs a second time. What gives an expression with a Secret would
    # too where others write to the database, for they could have written that expression.
    believing = {**where, "REDUX_VALUES_TRUST": "writers"}
    words = ("run", "--json", *RUN[1:], "main", "--token", f"{CANARY}-argv")
    again = json.loads(redux(project, *words, **believing).stdout)
    ran = {row["fullname"] for row in again["tasks"] if row["ran"]}
    assert ran <= {"flow.main", "flow.elsewhere", "flow.by_script", "flow.says"}, again["tasks"]
    said(*RUN, "main", "--token", f"{CANARY}-another")
    assert "flow.main was called with another token (secret), or another salt" in said("explain-miss")
    runs = [one["execution"]["id"] for one in json.loads(said("log", "--json"))["executions"]]
    said("run", "--offline", *RUN[1:], "main", "--token", f"{CANARY}-offline", codes=(0,))
    assert any((project / ".redux" / "outbox").rglob("*"))
    said(*RUN, "broken", f"--token={CANARY}-debugged", codes=(1,), REDUX_DEBUG="1")
    for words in LOOKED_AT:
        said(*words, codes=(0, 1))
    said("diff", runs[-1], runs[0], codes=(0, 1))
    for one in runs[1:3]:  # the second of them failed
        said("log", one)
        said("log", one, "--json")
    said("report", runs[0], "-o", str(tmp_path / "report.html"))
    for format in ("mermaid", "dot", "graphml", "json", "openlineage", "prov", "ro-crate"):
        said("export", runs[0], "--format", format, "-o", str(tmp_path / f"export-{format}"))
    said("archive", "save", str(tmp_path / "saved.redux"))
    said(*RUN, "killed", "--token", f"{CANARY}-argv", codes=(-signal.SIGKILL,))
    if database == "sqlite":
        assert (project / ".redux" / "redux.db-wal").stat().st_size > 10_000, "what was not folded in is looked at too"
    _a_colleague_looks(tmp_path, line, told)
    assert any((tmp_path / "bucket" / "packs").rglob("*.pack"))
    assert any((project / ".redux" / "shared").rglob("*"))
    assert places_with_it(tmp_path) == []
    assert CANARY not in "\n".join(told)
    salt = tmp_path / "home" / "config" / "redux" / "secret.salt"
    assert stat.S_IMODE(salt.stat().st_mode) == 0o600
    assert [path for path, data in everything_below(tmp_path) if salt.read_bytes().strip() in data] == [salt]
    if database == "postgres":
        rows = dumped(where["REDUX_DB_URL"])
        assert not any(form.decode("latin-1") in rows for form in FORMS)


def _a_colleague_looks(folder: Path, line: str, told: list[str]) -> None:
    """Somebody else who believes the one who ran it takes what is in the shared cache, and looks at that."""
    own = {"HOME": str(folder / "ben"), "XDG_CONFIG_HOME": str(folder / "ben"), "REDUX_SHARED": str(folder / "bucket")}
    (folder / "ben").mkdir()
    assert commands.redux(folder / "ben", "init").returncode == 0
    for words in (("trust", "add", line, "--name", "ana"), ("cache", "pull", "--all"), ("log", "-"), ("log", "--json")):
        done = commands.redux(folder / "ben", *words, **own)
        told.extend((done.stdout, done.stderr))
        assert done.returncode == 0, done.stderr


LOOKED_AT = (
    ("log", "--list", "values", "--json"),
    ("log", "--list", "jobs", "--json"),
    ("explain-miss", "--json"),
    ("plan", *RUN[1:], "main", "--token", f"{CANARY}-planned"),
    ("config", "--json"),
    ("fsck", "--read-data"),
    ("doctor",),
    ("cache", "push", "--all"),
    ("cache", "status", "--json"),
    ("cache", "verify", "--read-data"),
    ("cache", "warm", "-"),
)


def dumped(url: str) -> str:
    """All that is in a PostgreSQL database, as text; bytes as the characters that they are."""
    import psycopg

    with psycopg.connect(url) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        rows = [row for (table,) in tables for row in connection.execute(f'select * from "{table}"').fetchall()]  # type: ignore[arg-type]
    assert len(rows) > 100
    return "\n".join(part.decode("latin-1") if isinstance(part, bytes) else str(part) for row in rows for part in row)
