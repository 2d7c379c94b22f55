"""Files that are no whole, unaltered archive, made of one that is: by somebody who gets all sums to agree."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from redux.archive import format as archive_format
from redux.archive.saving import save
from redux.repo import Repo
from redux_backends.memory import MemoryBackend
from redux_backends.records import Tag
from redux_backends.sample import ELSEWHERE, Story, ended, holding_value, value
from redux_valuestore.store import MemoryStore

Members = list[tuple[str, bytes]]


def memory_repo() -> Repo:
    return Repo(MemoryBackend(), MemoryStore(), 64)


def made() -> bytes:
    """The archive of a small history that has something of most kinds."""
    repo, story = memory_repo(), Story("x", "y" * 600)
    repo.backend.record_execution(ended(replace(story.execution, lease=ELSEWHERE)))
    parts = [value("p"), value("q")]
    whole = holding_value("whole", parts, [story.main])
    batch = replace(story.batch, values=[*story.batch.values, *parts, whole])
    repo.backend.record(batch)
    repo.backend.record_tags([Tag("job", story.root.id, "colour", '"blue"'), Tag("value", whole.hash, "a", "1")])
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"redux-test-{os.getpid()}.tar"
    try:
        save(repo, str(path))
        return path.read_bytes()
    finally:
        path.unlink()


WHOLE = made()


def members_of(data: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(one.name, archive.extractfile(one).read()) for one in archive]  # pyright: ignore


MEMBERS = members_of(WHOLE)


def packed(members: Members, ends: bool = True) -> bytes:
    """A tar file of these members, with the same headers as redux writes."""
    out = b""
    for name, data in members:
        out += archive_format.header(name, len(data)) + data + bytes(archive_format.filling(len(data)))
    out += bytes(1024) if ends else b""
    return out + bytes(archive_format.filling(len(out), archive_format.RECORD)) if ends else out


def with_manifest(members: Members, change: Callable[[dict[str, Any]], object] = lambda manifest: None) -> bytes:
    """The same with a manifest that agrees with them, so that only what they hold is wrong."""
    kept = [(name, data) for name, data in members if not name.startswith("manifest")]
    manifest = json.loads(dict(MEMBERS)["manifest.json"])
    records = [(name, data) for name, data in kept if name.startswith(("records/", "README"))]
    manifest["parts"] = [
        {
            "name": name, "records": data.count(b"\n") if name != "README.txt" else 0, "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in records
    ]  # fmt: skip
    for kind in manifest["counts"]:
        manifest["counts"][kind] = sum(
            data.count(b"\n") for name, data in records if name.startswith(f"records/{kind.replace('_', '-')}-")
        )
    values = [data for name, data in kept if name.startswith("values/")]
    manifest["contents"] = {"files": len(values), "size": sum(map(len, values)), "gone": 0}
    change(manifest)
    told = json.dumps(manifest, separators=(",", ":")).encode() + b"\n"
    return packed([*kept, ("manifest.json", told), ("manifest.json.sha256", sum_of(told))])


def sum_of(manifest: bytes) -> bytes:
    return f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode()


def edited(part: str, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], bytes]:
    """The archive with the lines of a part changed, and all sums made to agree."""

    def make() -> bytes:
        return with_manifest(
            [
                (name, b"".join(change(data.splitlines(keepends=True))) if f"/{part}-" in name else data)
                for name, data in MEMBERS
            ]
        )

    return make


def in_json(part: str, change: Callable[[dict[str, Any]], object], at: int = 0) -> Callable[[], bytes]:
    """The archive with one record changed."""

    def on(lines: list[bytes]) -> list[bytes]:
        record = json.loads(lines[at])
        change(record)
        lines[at] = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        return lines

    return edited(part, on)


def instead(name: str, with_: bytes) -> Callable[[], bytes]:
    return lambda: packed([(each, with_ if each == name else data) for each, data in MEMBERS])


def spoiled(**fields: Any) -> Callable[[], bytes]:
    """The archive with another member in it, made with Python's own tarfile."""

    def make() -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for at, (name, data) in enumerate(MEMBERS):
                if at == 2:
                    evil = tarfile.TarInfo(fields.pop("name", "values/evil"))
                    for field, given in fields.items():
                        setattr(evil, field, given)
                    archive.addfile(evil)
                one = tarfile.TarInfo(name)
                one.size = len(data)
                archive.addfile(one, io.BytesIO(data))
        # Python leaves numbers of devices empty, tar and redux write zeros.
        return b"".join(_as_tar(block) for block in _blocks(out.getvalue()))

    return make


def _blocks(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 512):
        yield data[start : start + 512]


def _as_tar(block: bytes) -> bytes:
    told = (
        archive_format.header(block[:100].rstrip(b"\0").decode("ascii", "replace"), 0)
        if block[257:262] == b"ustar"
        else b""
    )
    if not told or block[156:157] != b"0":
        return block
    return archive_format.header(block[:100].rstrip(b"\0").decode(), int(block[124:135], 8))


def swapped(first: int, second: int) -> Callable[[], bytes]:
    def make() -> bytes:
        members = list(MEMBERS)
        members[first], members[second] = members[second], members[first]
        return packed(members)

    return make


def without(part: str) -> Callable[[], bytes]:
    return lambda: with_manifest([(name, data) for name, data in MEMBERS if part not in name])


def doubled(part: str) -> Callable[[], bytes]:
    return lambda: with_manifest([one for one in MEMBERS for _ in range(1 + (part in one[0]))])


VALUE_FILE = next(name for name, _ in MEMBERS if name.startswith("values/"))
_HEX = "ab" * 32


def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE t (x)")
        return made.serialize()


BENT: dict[str, Callable[[], bytes]] = {
    "nothing at all": lambda: b"",
    "a text": lambda: b"notes of somebody's\n" * 100,
    "a short text": lambda: b"notes",
    "zeros": lambda: bytes(10_240),
    "a database": database,
    "another tar": lambda: packed([("a.txt", b"a")]),
    "another tar, packed": lambda: gzip.compress(packed([("a.txt", b"a")])),
    "a zip": lambda: b"PK\x03\x04" + bytes(100),
    "packed by xz": lambda: lzma.compress(WHOLE),
    "packed by bzip2": lambda: bz2.compress(WHOLE),
    "packed by zstd": lambda: b"\x28\xb5\x2f\xfd" + bytes(100),
    "packed, with something behind": lambda: gzip.compress(WHOLE) + b"more",
    "of a newer format": instead("README.txt", b"redux archive, format 2\n\nall is new\n"),
    "another README": instead("README.txt", b"redux archive, format 1\n\nmine\n"),
    "a README that goes on for ever": lambda: archive_format.header("README.txt", 2**40) + bytes(4096),
    "something behind its end": lambda: WHOLE + b"\0",
    "an archive behind it": lambda: WHOLE + WHOLE,
    "something in the last zeros": lambda: WHOLE[:-1] + b"x",
    "no end": lambda: packed(MEMBERS, ends=False),
    "no manifest": lambda: packed(MEMBERS[:-2]),
    "no sum": lambda: packed(MEMBERS[:-1]),
    "another sum": instead("manifest.json.sha256", f"{_HEX}  manifest.json\n".encode()),
    "another manifest": instead("manifest.json", dict(MEMBERS)["manifest.json"].replace(b'"jobs":3', b'"jobs":4')),
    "a manifest that is none": lambda: packed(
        [*MEMBERS[:-2], ("manifest.json", b"[]"), ("manifest.json.sha256", sum_of(b"[]"))]
    ),
    "a manifest that counts wrong": lambda: with_manifest(MEMBERS, lambda it: it["counts"].update(jobs=4)),
    "a manifest that counts other bytes": lambda: with_manifest(MEMBERS, lambda it: it["contents"].update(size=4)),
    "a manifest of another format": lambda: with_manifest(MEMBERS, lambda it: it.update(format=7)),
    "a manifest that lists too few": lambda: with_manifest(MEMBERS, lambda it: it["parts"].pop()),
    "a manifest that lists another sum": lambda: with_manifest(
        MEMBERS, lambda it: it["parts"][1].update(sha256=_HEX)
    ),
    "a manifest with more fields": lambda: with_manifest(MEMBERS, lambda it: it.update(more=1)),
    "a member behind the manifest": lambda: packed([*MEMBERS, ("more.txt", b"")]),
    "a path that leads out": spoiled(name="../../evil"),
    "an absolute path": spoiled(name="/etc/evil"),
    "a symbolic link": spoiled(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": spoiled(type=tarfile.LNKTYPE, linkname="README.txt"),
    "a device": spoiled(type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a folder": spoiled(type=tarfile.DIRTYPE),
    "a sparse file": spoiled(type=tarfile.GNUTYPE_SPARSE),
    "a header of another kind": spoiled(type=tarfile.XHDTYPE),
    "a file that is not ours": spoiled(name="more.txt"),
    "a program": spoiled(mode=0o755, name=MEMBERS[2][0]),
    "members in another order": swapped(1, 2),
    "kinds in another order": swapped(-3, -4),
    "a member twice": doubled("records/tasks"),
    "a value twice": doubled(VALUE_FILE),
    "no value": without(VALUE_FILE),
    "no tasks": without("records/tasks"),
    "no calls": without("records/calls"),
    "a value of other bytes": lambda: with_manifest(
        [(name, bytes(len(data)) if name == VALUE_FILE else data) for name, data in MEMBERS]
    ),
    "a value that is longer": lambda: with_manifest(
        [(name, data + b"x" if name == VALUE_FILE else data) for name, data in MEMBERS]
    ),
    "parts that begin with the second": lambda: with_manifest(
        [(name.replace("tasks-000001", "tasks-000002"), data) for name, data in MEMBERS]
    ),
    "numbers of other digits": lambda: with_manifest(
        [(name.replace("tasks-000001", "tasks-0000001"), data) for name, data in MEMBERS]
    ),
    "a kind that is not known": lambda: with_manifest(
        [(name.replace("records/tags", "records/dreams"), data) for name, data in MEMBERS]
    ),
    "a part that is not full": lambda: with_manifest(
        [
            part
            for name, data in MEMBERS
            for part in (
                [(name, data)]
                if "/jobs-" not in name
                else [
                    (name, b"".join(data.splitlines(keepends=True)[:1])),
                    (name.replace("1", "2"), b"".join(data.splitlines(keepends=True)[1:])),
                ]
            )
        ]
    ),
    "a part without records": edited("tags", lambda lines: []),
    "a line without an end": edited("tags", lambda lines: [b"".join(lines)[:-1]]),
    "lines of nothing": edited("tags", lambda lines: [b"\n"] * 50_000),
    "a line that is no record": edited("jobs", lambda lines: [b"{}\n", *lines]),
    "a line that is no JSON": edited("jobs", lambda lines: [b"{'a': 1}\n", *lines]),
    "a line nested without end": edited("jobs", lambda lines: [b"[" * 100_000 + b"\n", *lines]),
    "a number without end": in_json("values", lambda it: it["value"].update(size=10**40)),
    "a field of another redux": in_json("jobs", lambda it: it.update(colour="blue")),
    "a status of another redux": in_json("jobs", lambda it: it.update(status="DREAMT")),
    "a record twice": edited("jobs", lambda lines: [*lines, lines[-1]]),
    "a record twice, much later": edited("values", lambda lines: [*lines, lines[0]]),
    "children after their call": edited("calls", lambda lines: lines[::-1]),
    "a call of a call that is not in it": in_json("calls", lambda it: it["call"].update(children=[_HEX])),
    "another result": in_json("calls", lambda it: it["call"].update(result=hash_of_value())),
    "another evaluation of a call": in_json("calls", lambda it: it.update(args_hash=_HEX)),
    "another hash of arguments": in_json("evaluations", lambda it: it.update(args_hash=_HEX)),
    "another name of an argument": in_json(
        "evaluations", lambda it: it.update(arguments=[{"name": "z", "value": hash_of_value()}])
    ),
    "another piece of code": in_json("tasks", lambda it: it["pieces"][0].update(name="other")),
    "another task in a set": in_json("task-sets", lambda it: it["tasks"].pop()),
    "a job of no execution": in_json("jobs", lambda it: it.update(execution="ab" * 16)),
    "a job under itself": in_json("jobs", lambda it: it.update(parent=it["id"])),
    "a tag on nothing": in_json("tags", lambda it: it.update(entity=_HEX)),
    "a tag on what has none": in_json("tags", lambda it: it.update(kind="dream")),
    "a tag whose value is no JSON": in_json("tags", lambda it: it.update(value="{")),
    "a tag nested without end": in_json("tags", lambda it: it.update(value="[" * 100_000)),
    "a value within no value": in_json("values", lambda it: it["value"].update(subvalues=[_HEX])),
    "a size below zero": in_json("values", lambda it: it["value"].update(size=-1)),
    "another size": in_json("values", lambda it: it["value"].update(size=it["value"]["size"] + 1)),
    "a value said to be gone": in_json("values", lambda it: it.update(kept=False)),
}  # fmt: skip
"""How a file is made that nobody should load."""


def hash_of_value() -> str:
    return VALUE_FILE.removeprefix("values/").replace("/", "")
