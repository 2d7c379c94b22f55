"""What an evil colleague leaves where others look: a history, a bucket, an archive and a redun database of payloads."""

from __future__ import annotations

import pickle
import sqlite3
import tarfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from redux.repo import Repo, open_repo
from redux.scheduler import Scheduler
from redux.value import encode
from redux_backends.exchange import CallRecord, Records
from redux_backends.memory import MemoryBackend
from redux_backends.records import (
    CodePiece,
    Evaluation,
    EvaluationKey,
    FileFact,
    Job,
    Tag,
    TaskRecord,
    Traits,
    ValueRecord,
    hash_call,
    hash_task,
)
from redux_backends.sample import ELSEWHERE, call, digest, done, ended, evaluation, execution, key, started, task_set
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import MemoryStore

from .bombs import bombs
from .evil import CANARY, TRAPS, payloads

INLINE_LIMIT = 100
"""Bytes: many payloads lie in the store."""

FLOW = (
    TRAPS
    + """

class Good:
    def __init__(self, n):
        self.n = n
    def __reduce__(self):
        return (Good, (self.n,))

@task
def make(n):
    return n

@task
def good(n):
    return Good(n)

@task
def others(given):
    return [n for n, one in enumerate(given) if type(one) is not int or one != n]

@task
def main(wait: int):
    return [others([make(n) for n in range(wait)]), good(1)]
"""
)

PATHS = [
    "/etc/passwd", "../../../../fired", "fired\0.txt", "|touch fired", "$(touch fired)", "`touch fired`; touch fired",
    "-o/fired", "--output=fired", "~/fired", "evil_canary://fired", "http://127.0.0.1:9/fired", "s3://127.0.0.1/fired",
    "simplecache::http://127.0.0.1:9/fired", "file:///fired", "reference://fired", "sftp://127.0.0.1:9/fired",
    "python://evil_canary", "\\\\server\\fired", "C:\\fired", "x" * 5_000, "{evil_canary.__class__}", "%(fired)s",
    "\x1b]0;fired\x07", "\udc80fired", "github://evil:canary@/fired", "jar:file:///fired!/x", "dir::fired", ".",
]  # fmt: skip
"""Names of files, as values have them."""

NAMES = [
    "../fired", "../../fired", "/tmp/redux-fired", "records/../../fired", "values/../../fired", "values/" + "a" * 300,
    "C:\\fired", "..\\fired", "values/\x1b[2Jfired", "manifest.json/../../fired", "./../fired", "records",
]  # fmt: skip
"""Names of members of an archive."""


class Boom:
    """Fires when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("import evil_canary",))


def everything() -> dict[str, bytes]:
    """The payloads that are values, by name: those that want to run code, bombs, and names of files."""
    found = {f"code: {name}": data for name, data in payloads().items()}
    return found | {f"bomb: {name}": data for name, (data, parts) in bombs().items() if not parts}


def _value(data: bytes, number: int) -> ValueRecord:
    """The record of a payload; every second one says that it is plain data."""
    traits = Traits.PLAIN if number % 2 else Traits.TRUST
    if data[:2] == b"lz":
        traits |= Traits.EXPRESSIONS
    return ValueRecord(digest_bytes(data), "evil_canary.Boom", len(data), data, "evil_canary.Boom()", traits)


def _file(path: str) -> ValueRecord:
    data = b"".join(map(bytes, encode(path).chunks)) + b" "
    fact = FileFact(path, digest(path))
    return ValueRecord(digest_bytes(data), "redux.File", len(data), data, "File()", Traits.FILES, (fact,))


def values() -> dict[str, ValueRecord]:
    """The records of all payloads that are values by their names, each once."""
    given = {name: _value(data, number) for number, (name, data) in enumerate(everything().items())}
    given |= {f"file: {path}": _file(path) for path in PATHS}
    names = {each.hash: name for name, each in given.items()}
    return {name: given[name] for name in names.values()}


def _task() -> TaskRecord:
    source = "import os\nos.system('touch fired')\n"
    piece = CodePiece(digest(source), "task", "evil_canary:Boom", source)
    named = "evil_canary.Boom"
    return TaskRecord(hash_task(named, [(piece.kind, piece.name, piece.hash)]), named, "os.system", (piece,))


def looked_at(given: Sequence[ValueRecord]) -> Records:
    """Two executions of a task that is called like a class, with each value as argument and as result of a call."""
    task = _task()
    tasks = task_set(task)
    runs = [replace(ended(execution(name, at, ELSEWHERE)), argv=("redux", "run", "evil_canary.py")) for at, name in
            enumerate(("first", "second"))]  # fmt: skip
    keys: dict[bytes, EvaluationKey] = {}
    calls: dict[bytes, CallRecord] = {}
    jobs: list[Job] = []
    results: list[Evaluation] = []
    top = key(task)
    for run, at in zip(runs, (1, 2), strict=True):
        parent = done(started(f"top {run.id.hex()}", run, top), None)
        jobs.append(parent)
        for number, argument in enumerate(given):
            of = key(task, argument)
            result = given[(number + at) % len(given)]
            node = call(of, result, tasks, at=at)
            keys[of.eval_hash] = of
            calls[node.call_hash] = CallRecord(node, of.task_hash, of.args_hash)
            results.append(evaluation(of, result))
            job = started(f"{run.id.hex()} {number}", run, of, parent=parent, at=number)
            jobs.append(done(job, node))
    tags = [Tag("value", each.hash, "evil_canary:Boom", '"__import__(\\"os\\")"') for each in given[:9]]
    return Records(
        values=list(given), tasks=[task], keys=[top, *keys.values()], results=list(dict.fromkeys(results)),
        task_sets=[tasks], calls=list(calls.values()), executions=runs, jobs=jobs, tags=tags,
    )  # fmt: skip


def poisoned(given: Sequence[ValueRecord], flow: Any) -> Records:
    """What a run of `flow.main` records of `make`, but for what it gives: that is one of some values each time.

    What `flow.good` gives is as it should be.
    """
    honest = Repo(MemoryBackend(), MemoryStore())
    scheduler = Scheduler(honest, workers=1, folder=Path(flow.__file__).parent)
    assert scheduler.execute(flow.main(len(given))).failure is None
    records = honest.backend.get_records(list(honest.backend.iter_record_ids()))
    made_by = {task.hash: task.fullname for task in records.tasks}
    keys = [each for each in records.keys if made_by[each.task_hash] in ("evil.make", "evil.good")]
    numbers = {encode(n).hash: n for n in range(len(given))}
    swapped: dict[Digest, Digest] = {
        each.eval_hash: given[numbers[each.arguments[0].value]].hash
        for each in keys
        if made_by[each.task_hash] == "evil.make"
    }
    known = {each.eval_hash for each in keys}
    calls = {each.call.call_hash: _swapped(each, swapped) for each in records.calls if each.call.eval_hash in known}
    jobs = [each for each in records.jobs if each.call_hash in calls]
    unique = {each.hash: each for each in (*records.values, *given)}
    return replace(
        records,
        values=list(unique.values()),
        keys=keys,
        results=[
            replace(each, result=swapped.get(each.eval_hash, each.result))
            for each in records.results
            if each.eval_hash in known
        ],
        calls=list(calls.values()),
        jobs=[
            replace(each, call_hash=calls[each.call_hash].call.call_hash, parent=None)
            for each in jobs
            if each.call_hash is not None
        ],
    )


def _swapped(record: CallRecord, results: dict[Digest, Digest]) -> CallRecord:
    result = results.get(record.call.eval_hash, record.call.result)
    hash = hash_call(record.task_hash, record.args_hash, result, ())
    return replace(record, call=replace(record.call, result=result, call_hash=hash))


def keep(folder: Path, records: Records) -> None:
    """Put records into the database and the store of a `.redux` folder, as somebody's own."""
    with closing(open_repo(f"sqlite:///{folder}/redux.db", str(folder / "values"), INLINE_LIMIT)) as repo:
        for each in records.values:
            if each.data is not None and each.size > INLINE_LIMIT:
                repo.store.put(each.hash, [each.data])
        far = [replace(each, data=None) if each.size > INLINE_LIMIT else each for each in records.values]
        repo.backend.put_records(replace(records, values=far))


def set_traps(folder: Path) -> None:
    """Modules and scripts in a folder that fire when they are imported or run, under names that are often imported."""
    fires = "open(__file__ + '.fired', 'w').close()\n"
    (folder / "evil_canary.py").write_text(CANARY)
    for name in ("evil_script", "evil_setup", "sitecustomize", "usercustomize", "conftest", "antigravity", "setup"):
        (folder / f"{name}.py").write_text(fires + "def configure(**given):\n    return {}\n")


def bent_archives(whole: Path, folder: Path) -> list[Path]:
    """Archives with members under names that lead elsewhere, and with links in their place."""
    found: list[Path] = []
    for number, name in enumerate(NAMES):
        for kind in (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE):
            path = folder / f"bent-{number}-{kind.decode()}.tar"
            path.write_bytes(whole.read_bytes())
            with tarfile.open(path, "a") as tar:
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.size = kind, "../fired", 0 if kind != tarfile.REGTYPE else 5
                tar.addfile(member, BytesIO(b"fired"))
            found.append(path)
    return found


def redun_database(path: Path) -> None:
    """A redun history, of a file that somebody has, whose values are pickles that fire."""
    with closing(sqlite3.connect(path)) as driver, driver:
        driver.execute("UPDATE value SET value = ?, type = 'evil_canary.Boom'", (pickle.dumps(Boom(), 3),))
        driver.execute("UPDATE task SET source = 'import evil_canary', name = 'evil_canary'")
