"""The floors: the same rows through bare sqlite3, the same bytes through bare files, and their hash."""

from __future__ import annotations

import mmap
import os
import random
import sqlite3
import time
from pathlib import Path

import blake3
import msgpack
import stage

GROUPS_OF = 1000
KEYS_A_QUERY = 500
ROWS_OF_REDUX = Path("..", "redux", "store", ".redux", "redux.db")
Rows = dict[str, list[tuple[object, ...]]]


def fan_out(folder: Path, n: int) -> stage.Figures:
    """All rows of redux's database for the same fan-out: written the first time, read by their keys the second."""
    path = folder / "store" / "rows.db"
    path.parent.mkdir(exist_ok=True)
    work = _read if path.exists() else _write
    source = sqlite3.connect(folder / ROWS_OF_REDUX)
    tables = source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    indexes = source.execute("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    tables = [(name, sql) for name, sql in tables if not name.startswith("sqlite_")]
    rows = {name: source.execute(f'SELECT * FROM "{name}"').fetchall() for name, _ in tables}
    target = _connect(path)
    if work is _write:
        for sql in [sql for _, sql in tables] + [sql for (sql,) in indexes]:
            target.execute(sql)
    began = time.perf_counter()
    work(target, rows, max(1, n // GROUPS_OF))
    seconds = time.perf_counter() - began
    target.close()
    return {"seconds": seconds, "rows": sum(map(len, rows.values()))}


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _write(target: sqlite3.Connection, rows: Rows, groups: int) -> None:
    for group in range(groups):
        target.execute("BEGIN IMMEDIATE")
        for name, all_rows in rows.items():
            part = all_rows[len(all_rows) * group // groups : len(all_rows) * (group + 1) // groups]
            if part:
                marks = ",".join("?" * len(part[0]))
                target.executemany(f'INSERT INTO "{name}" VALUES ({marks})', part)
        target.execute("COMMIT")


def _read(target: sqlite3.Connection, rows: Rows, groups: int) -> None:
    for name, all_rows in rows.items():
        key = target.execute(f'SELECT * FROM "{name}" LIMIT 0').description[0][0]
        keys = list({row[0] for row in all_rows})
        random.shuffle(keys)
        found = 0
        for start in range(0, len(keys), KEYS_A_QUERY):
            part = keys[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(part))
            found += len(target.execute(f'SELECT * FROM "{name}" WHERE "{key}" IN ({marks})', part).fetchall())
        assert found == len(all_rows), (name, found, len(all_rows))


def hit(folder: Path, _: int) -> stage.Figures:
    """Arguments packed and hashed, one row read by that hash."""
    connection = _connect(folder / "hit.db")
    connection.execute("CREATE TABLE call (hash BLOB PRIMARY KEY, result BLOB) WITHOUT ROWID")
    connection.execute("INSERT INTO call VALUES (?, ?)", (_digest_of_call(), msgpack.packb(8)))
    taken: list[float] = []
    for _ in range(stage.HIT_CALLS):
        began = time.perf_counter()
        row = connection.execute("SELECT result FROM call WHERE hash = ?", (_digest_of_call(),)).fetchone()
        assert msgpack.unpackb(row[0]) == 8
        taken.append(time.perf_counter() - began)
    return {"seconds": sorted(taken)[len(taken) // 2]}


def _digest_of_call() -> bytes:
    return blake3.blake3(msgpack.packb(["inc", [7]])).digest()


def array(folder: Path, megabytes: int) -> stage.Figures:
    """Bytes written and synced the first time; mapped and hashed by one thread, then read, the second."""
    path = folder / "bytes"
    if not path.exists():
        content = stage.build_array(megabytes, str(folder)).data
        began = time.perf_counter()
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return {"seconds": time.perf_counter() - began}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
        began = time.perf_counter()
        blake3.blake3(mapping, max_threads=1).digest()
        hashed = time.perf_counter() - began
    began = time.perf_counter()
    path.read_bytes()
    return {"seconds": hashed, "read_seconds": time.perf_counter() - began}


if __name__ == "__main__":
    stage.main({"fan-out": fan_out, "hit": hit, "array": array})
