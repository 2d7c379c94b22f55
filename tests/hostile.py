"""A healthy history, and what evil people write into copies of it."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgpack

from redux_valuestore.digest import digest_bytes

from .evil import payloads

FLOW = """
import asyncio
import functools
from dataclasses import dataclass
from pathlib import Path

from redux import Dir, File, Handle, apply_tags, catch, task

redux_namespace = "{space}"

@dataclass
class Params:
    lr: float = 0.01
    names: tuple = ("a", "b")

class Conn(Handle):
    def __init__(self, name):
        self.instance = name

def scale(x):
    return x * {factor}

@task(version="1", tags=[("stage", "clean")])
def clean(x, params=Params()):
    return [scale(x), "text " * 60]

@task
def total(xs):
    return len(xs)

@task
def read(file):
    return file.read()

@task
def write(text):
    file = File("out.txt")
    file.write(str(text))
    return file

@task
def use(conn):
    return conn

@task
async def later(x):
    return await total([clean(x)])

@task
def bad(x):
    raise ValueError(f"no {{x}}")

@task
def mend(error):
    return 0

@task(cache=False)
def chance(n):
    import random
    return random.random()

@task
def main(n):
    cleaned = [clean(x) for x in range(n)]
    return apply_tags([total(cleaned), read(File("in.txt")), read(write(n)), use(Conn("db")), later(n), total,
        catch(bad(n), ValueError, mend), Dir("data"), chance(n), chance.options(cache_scope="NONE")(n)],
        tags=[("checked", {{"by": ["me"]}})])
"""

ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x1b[8mhidden\x1b[0m\x9b2J\x7f\r\x08\x00"
BIDI = "\u202egpj.exe\u2066\u2069\u200f\u061c\u2028\u2029\ufeff"
SCRIPT = "<script>alert(document.cookie)</script>\"'><img src=x onerror=alert(1)>]]>&amp;--><!--{{7*7}}${7*7}`id`$(id)"
TEXTS: dict[str, str | bytes] = {
    "escapes": ESCAPES,
    "bidi": BIDI,
    "script": SCRIPT,
    "evil name": "evil_canary:Boom.__init__",
    "long": "x" * 40_000,
    "lines": "one\ntwo\r\nthree\x0b\x0c\x85four" * 50,
    "half a surrogate": "\ud800half".encode(errors="surrogatepass"),
    "no text": b"\xff\xfe\x00\x80\xc0",
    "deep json": "[" * 20_000,
    "formats": "%s%n%(a)s{0}{a.__class__}{!r}",
    "paths": "../../../../etc/passwd\x00.txt",
}
"""What is put into any text."""


class Boom:
    """Says who it was when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("import evil_canary",))


PICKLE = pickle.dumps(Boom())


def _packed(value: object) -> bytes:
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _tagged(code: int, *parts: object) -> bytes:
    return _packed([msgpack.ExtType(code, b""), *parts])


def _own(said: object, rest: bytes) -> bytes:
    header = _packed(said)
    return b"own1\n" + len(header).to_bytes(4, "big") + header + rest


def _redun(type_name: str, format: str, data: bytes) -> bytes:
    header = _packed([b"\x01" * 20, type_name, format])
    return b"rdn1\n" + len(header).to_bytes(4, "big") + header + data


VALUES: dict[str, bytes] = {
    "pickle": b"pkl1\n" + PICKLE,
    "pickle inside": b"rdc1\n" + _packed([msgpack.ExtType(29, PICKLE)]),
    "reduce": b"rdc1\n" + _tagged(10, "os:system", ["touch fired"]),
    "reference": b"mp1\n" + _tagged(3, "evil_canary:Boom"),
    "record": b"mp1\n" + _tagged(4, "evil_canary:Boom", {"a": 1}),
    "enum": b"mp1\n" + _tagged(6, "evil_canary:Boom", "A"),
    "error": b"mp1\n" + _tagged(7, "evil_canary:Boom", ["a"], {}),
    "handle": b"mp1\n" + _tagged(15, "evil_canary:Boom", "name", [], {}, b"1" * 32),
    "own class": _own([["evil_canary:Boom", b"1" * 32]], b"pkl1\n" + PICKLE),
    "own of nothing": b"own1\n\xff\xff\xff\xff",
    "redun's pickle": _redun("evil_canary.Boom", "application/python-pickle", PICKLE),
    "redun's odd type": _redun(ESCAPES, BIDI, b"\x80\x04."),
    "deep": b"mp1\n" + b"\x91" * 100_000 + b"\x01",
    "deep maps": b"mp1\n" + b"\x81\xa1a" * 50_000 + b"\x01",
    "long list that isn't there": b"mp1\n\xdd\xff\xff\xff\xff",
    "no msgpack": b"mp1\n\xc1\xc1\xc1",
    "no header": b"what\n" + PICKLE,
    "array of objects": b"npy1\n" + _packed(["|O8", [2]]).ljust(60, b"\0") + PICKLE,
    "huge array": b"npy1\n" + _packed(["<f8", [2**40]]).ljust(60, b"\0"),
    "no arrow": b"arw1\n" + _packed(["table", {}]).ljust(60, b"\0") + b"ARROW1" * 10,
    "lazy in circles": b"lz1\n" + _packed(2) + _tagged(26, 1) + _tagged(26, 0) + _packed(1),
    "many lazy": b"lz1\n" + _packed(2**40),
    "nothing": b"",
    "evil texts": b"mp1\n" + _packed({ESCAPES: BIDI, SCRIPT: [ESCAPES]}),
}
"""What is put into a value, under its own hash."""

TEXT_COLUMNS = [
    ("word", "text"), ("value", "preview"), ("held_file", "path"), ("code_piece", "kind"), ("code_piece", "name"),
    ("code_piece", "source"), ("task", "version"), ("execution", "argv"), ("execution", "user"), ("execution", "cwd"),
    ("execution", "host"), ("execution", "boot"), ("execution", "process_started"), ("tag", "kind"), ("tag", "key"),
    ("tag", "value"),
]  # fmt: skip

STATEMENTS: dict[str, str] = {
    "jobs in a circle": "UPDATE job SET parent_id = id",
    "jobs in a long line": "UPDATE job SET parent_id = coalesce(nullif(id - 1, 0), id)",
    "two jobs in a circle": "UPDATE job SET parent_id = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE parent_id END",
    "calls in a circle": "UPDATE call_edge SET child_id = parent_id",
    "calls below each other": "UPDATE call_edge SET child_id = (SELECT max(id) FROM call_node)",
    "calls before themselves": "UPDATE call_upstream SET upstream_id = call_id",
    "values in themselves": "INSERT OR IGNORE INTO subvalue SELECT id, 9, id FROM value",
    "handles before themselves": "INSERT OR IGNORE INTO handle_edge SELECT id, 9, id FROM handle",
    "tags before themselves": "INSERT OR IGNORE INTO tag_edit SELECT id, 9, id FROM tag",
    "statuses of no kind": "UPDATE job SET status = 99, outcome = 99",
    "reasons of no kind": "UPDATE job SET reason = 99",
    "statuses that are texts": "UPDATE execution SET status = 'evil'",
    "places of no kind": "UPDATE value SET place = 77",
    "traits of no kind": "UPDATE value SET traits = 65535",
    "negative traits": "UPDATE value SET traits = -1",
    "traits that are texts": "UPDATE value SET traits = 'evil'",
    "sizes that are texts": "UPDATE value SET size = 'evil'",
    "huge sizes": "UPDATE value SET size = 9223372036854775807",
    "negative sizes": "UPDATE value SET size = -1",
    "times without end": "UPDATE job SET started = 9e999, ended = -9e999",
    "times of executions without end": "UPDATE execution SET started = 9e999, ended = 9e999",
    "times before time": "UPDATE execution SET started = -1e300, lease_until = 1e300",
    "times that are texts": "UPDATE job SET started = 'noon', ended = x'00'",
    "durations without end": "UPDATE call_node SET duration = 9e999, recorded = -9e999",
    "durations that are texts": "UPDATE evaluation_result SET duration = 'long', recorded = 'then'",
    "digests that are short": "UPDATE value SET hash = x'01'",
    "digests that are empty": "UPDATE call_node SET hash = x''",
    "digests that are texts": "UPDATE task SET hash = 'abcdefghijklmnopqrstuvwxyz012345'",
    "digests that are long": "UPDATE evaluation SET hash = randomblob(100000)",
    "ids that are short": "UPDATE job SET uuid = x'0102'",
    "ids of executions that are texts": "UPDATE execution SET uuid = 'evil'",
    "all values alike": "UPDATE value SET hash = (SELECT hash FROM value WHERE id = 1)",
    "data that are texts": "UPDATE value SET data = 'evil' WHERE data IS NOT NULL",
    "data that are numbers": "UPDATE value SET data = 7 WHERE data IS NOT NULL",
    "previews that are numbers": "UPDATE value SET preview = 7",
    "words that are numbers": "UPDATE word SET text = id",
    "sources that are numbers": "UPDATE code_piece SET source = 1.5",
    "arguments of nothing": "UPDATE argument SET value_id = 99999",
    "names of nothing": "UPDATE argument SET name_id = 99999",
    "types of nothing": "UPDATE value SET type_id = 99999",
    "tasks of nothing": "UPDATE evaluation SET task_id = 99999",
    "calls of nothing": "UPDATE job SET call_id = 99999",
    "executions of nothing": "UPDATE job SET execution_id = 99999",
    "results of nothing": "UPDATE call_node SET value_id = 99999",
    "tags on nothing": "UPDATE tag SET entity = x'00'",
    "no executions": "DELETE FROM execution",
    "no words": "DELETE FROM word",
    "no values": "DELETE FROM value",
    "counts that are wrong": "UPDATE call_node SET children = -5",
    "processes that are none": "UPDATE execution SET pid = -1, status = 0",
    "processes that are huge": "UPDATE execution SET pid = 9223372036854775807, status = 0",
    "places in no order": "UPDATE held_file SET position = -position - 5",
    "tags of moments without end": "UPDATE tag SET recorded = 9e999",
    "tags that are bytes": "UPDATE tag SET value = x'ff00ff', key = x'fe'",
    "a view in the place of a table": "ALTER TABLE tag RENAME TO was; CREATE VIEW tag AS SELECT * FROM was",
    "texts that are no UTF-8": "UPDATE word SET text = CAST(x'ff' || id AS TEXT)",
    "previews that are no UTF-8": "UPDATE value SET preview = CAST(x'ff' AS TEXT)",
    "argv that is no list": "UPDATE execution SET argv = '{\"a\": 1}'",
    "argv that is cut": "UPDATE execution SET argv = '[1, 2'",
    "a trigger": "CREATE TRIGGER evil AFTER INSERT ON job BEGIN DELETE FROM value; END",
    "a table gone": "DROP TABLE tag_edit",
    "a column gone": "ALTER TABLE execution DROP COLUMN host",
}  # fmt: skip


@dataclass(frozen=True)
class Harm:
    """What is done to a copy of the history, by a name, and by how many commands it is looked at."""

    name: str
    do: Callable[[sqlite3.Connection], None]
    looks: int


def _text(table: str, column: str, text: str | bytes) -> Callable[[sqlite3.Connection], None]:
    def do(connection: sqlite3.Connection) -> None:
        kept = text if isinstance(text, bytes) or text.isprintable() else text.encode(errors="surrogatepass")
        # Texts of words differ from each other.
        said = "? || id" if table == "word" else "?"
        given = kept.decode(errors="replace") if table == "word" and isinstance(kept, bytes) else kept
        connection.execute(f"UPDATE {table} SET {column} = {said} WHERE {column} IS NOT NULL", (given,))

    return do


def _texts(text: str | bytes) -> Callable[[sqlite3.Connection], None]:
    def do(connection: sqlite3.Connection) -> None:
        for table, column in TEXT_COLUMNS:
            _text(table, column, text)(connection)

    return do


def _value(data: bytes, seed: int) -> Callable[[sqlite3.Connection], None]:
    def do(connection: sqlite3.Connection) -> None:
        ids = [row[0] for row in connection.execute("SELECT id FROM value")]
        chosen = Random(seed).sample(ids, max(1, len(ids) // 2))
        given = [(data, digest_bytes(data), len(data), one) for one in chosen]
        connection.executemany(
            "UPDATE value SET data = ?, hash = ?, size = ?, place = 0, traits = 0xffff WHERE id = ?", given
        )

    return do


def _script(statements: str) -> Callable[[sqlite3.Connection], None]:
    def do(connection: sqlite3.Connection) -> None:
        connection.executescript(statements)

    return do


def _payloads(part: int) -> Callable[[sqlite3.Connection], None]:
    """Each value another one of those that want to run code when they are decoded."""

    def do(connection: sqlite3.Connection) -> None:
        ids = [row[0] for row in connection.execute("SELECT id FROM value")]
        evil = [*payloads().values()][part * 50 : part * 50 + 50]
        given = [(data, digest_bytes(data), len(data), one) for data, one in zip(evil, ids, strict=False)]
        connection.executemany(
            "UPDATE value SET data = ?, hash = ?, size = ?, place = 0, traits = 0x1ff WHERE id = ?", given
        )

    return do


def harms() -> Iterator[Harm]:
    """Over two hundred of them, always the same."""
    for table, column in TEXT_COLUMNS:
        for name, text in TEXTS.items():
            yield Harm(f"{table}.{column}: {name}", _text(table, column, text), 1)
    for name, text in TEXTS.items():
        yield Harm(f"all texts: {name}", _texts(text), 4)
    for seed, (name, data) in enumerate(VALUES.items()):
        yield Harm(f"value: {name}", _value(data, seed), 1)
    for part in range(5):
        yield Harm(f"values: code, part {part}", _payloads(part), 12)
    for name, statements in STATEMENTS.items():
        yield Harm(name, _script(statements), 1)


def do_harm(path: Path, harm: Harm) -> None:
    """Do it to the database in a file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        harm.do(connection)
