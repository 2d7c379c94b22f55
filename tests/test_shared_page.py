"""`docs/format.md` is enough to read a bucket: it has the columns that there are, and a reader goes by it alone."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from redux.shared import columns, index, layout, pack, records_code
from redux.shared.columns import Entry, Flags, Form, Many, Moment, OneOf, Size
from redux.shared.index import entry_of, make_index
from redux.shared.layout import about_store
from redux.shared.pack import make_pack
from redux.trust.keys import SigningKey
from redux_backends.kinds import JobStatus, Outcome, Place, Traits
from redux_valuestore.digest import digest_bytes
from redux_valuestore.layout import object_name

from .shared_records import history, many_calls

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
READER = ROOT / "examples" / "shared" / "read_bucket.py"
ANA, EVE = SigningKey(bytes(range(32))), SigningKey(bytes(range(1, 33)))
BYTES = b"the bytes of a large value"

ENTRIES = {"digests": "hash", "ids": "id", "texts": "text"}


def said_columns() -> list[tuple[int, bool, str]]:
    """Number, dot and entry of each column, as the page has them."""
    rows = re.findall(r"^\| (\d+)( ·)? \| [^|]*\| ([^|]+) \|", PAGE.partition("### The body")[2], re.MULTILINE)
    return [(int(number), bool(dot), entry.strip("`")) for number, dot, entry in rows[: records_code.COLUMNS]]


def columns_of(form: Form, dot: bool = False) -> Iterator[tuple[bool, str]]:
    match form:
        case Entry(table, optional):
            yield dot, ENTRIES[table] + "?" * optional
        case Moment(optional):
            yield dot, "f64" + "?" * optional
        case Size():
            yield dot, "u64"
        case OneOf():
            yield dot, "u8"
        case Flags():
            yield dot, "u32"
        case Many(fields):
            yield dot, "count"
            for _, each in fields:
                yield from columns_of(each, True)
        case _:
            raise AssertionError(form)


def test_the_page_has_the_columns_as_they_are():
    code = records_code
    tags = [
        each
        for kinds, entity in ((code._OF_DIGESTS, code._DIGEST), (code._OF_IDS, code._ID))
        for each in code._tags(kinds, entity)
    ]
    jobs = [code._STATUS, code._REASONS, code._TEXT, code._TEXT]
    forms = (
        [form for _, form in code._VALUES],
        [form for _, form in code._HELD],
        [form for each in code._PLAIN for _, form in each],
    )
    values, held, plain = ([each for form in of for each in columns_of(form)] for of in forms)
    rest = (
        [form for _, form in code._EXECUTIONS]
        + [code._STATUS]
        + [form for _, form in code._JOBS]
        + jobs
        + [form for _, form in tags]
    )
    tables = ["32 bytes", "16 bytes", "u32", "bytes", "u32"]
    expected = [(False, each) for each in tables] + values + [(False, "u8"), (False, "bytes")] + held + plain
    expected += [each for form in rest for each in columns_of(form)]
    assert said_columns() == [(at, dot, entry) for at, (dot, entry) in enumerate(expected)]
    assert len(expected) == code.COLUMNS


def test_the_page_has_the_numbers_as_they_are():
    row = next(line for line in PAGE.splitlines() if line.startswith("| 9 |"))
    assert [int(each) for each in re.findall(r"\b(\d+) [a-z]", row.split("|")[4])] == [
        each for each in Traits if each != Traits.HANDLES
    ]
    for column, kind in ((10, Place), (60, JobStatus), (66, Outcome)):
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| {column} |"))
        assert [int(each) for each in re.findall(r"\b(\d) [a-z]", row)] == [int(each) for each in kind]
    limits = (pack.MOST_CALLS, pack.MOST_RAW, records_code.MOST_COLUMNS, records_code.MOST_INLINE, layout.MOST_ABOUT)
    for number in (*limits, index.MOST_BYTES, index.MOST_MERGED, index.MOST_LEVEL, index.MOST_PACKS):
        assert f"{number:,}" in PAGE
    assert f"at most {pack.MOST_RATIO} ×" in PAGE
    assert columns.MOST_MOMENT == 2**37
    for magic in (pack.MAGIC, index.MAGIC):
        assert f"`{magic.hex(' ').upper()}`" in PAGE


# -- the reader ------------------------------------------------------------------------------------


def bucket(folder: Path) -> dict[str, Path]:
    """A bucket with a signed pack, an unsigned one, an index object and a large value; its objects by what they are."""
    signed, unsigned = make_pack(history(), 0, 1.7e9, ANA), make_pack(many_calls(9), 0, 1.7e9, None)
    index, data = make_index([entry_of(signed.header), entry_of(unsigned.header)])
    objects = {
        "about": (layout.STORE, about_store()),
        "signed": (signed.name.path, signed.data),
        "unsigned": (unsigned.name.path, unsigned.data),
        "index": (index.name.path, data),
        "value": (f"values/{object_name(digest_bytes(BYTES))}", BYTES),
    }
    for name, content in objects.values():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return {what: folder / name for what, (name, _) in objects.items()}


def read(folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, str(READER), str(folder)], capture_output=True, text=True, check=False, cwd=folder
    )
    assert "Traceback" not in done.stderr
    return done


def test_the_reader_is_a_hundred_lines_and_imports_nothing_of_redux():
    source = READER.read_text()
    assert len(source.splitlines()) <= 100
    tree = ast.parse(source)
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any("redux" in each for each in named)


def test_the_reader_lists_all_calls_with_who_made_them_and_when(tmp_path: Path):
    bucket(tmp_path)
    done = read(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 4 + 9
    assert sum(line.endswith("98ba85304ac639f0") for line in lines) == 4
    assert "sample.add(a0='1') = '2'  somebody@elsewhere  2023-11-14 22:13:21  98ba85304ac639f0" in done.stdout


@pytest.mark.parametrize(("words", "told"), [((), "read_bucket.py FOLDER-OR-URL"), (("gone",), "no redux-store.json")])
def test_the_reader_says_what_it_was_to_be_given(words: tuple[str, ...], told: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, str(READER), *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


DAMAGES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a bit of the body": ("signed", lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:], "not what was signed"),
    "a bit of the header": ("signed", lambda data: data[:90] + bytes([data[90] ^ 1]) + data[91:], "InvalidSignature"),
    "no signature": ("signed", lambda data: data[:362] + bytes(64) + data[426:], "InvalidSignature"),
    "another's": ("signed", lambda data: make_pack(history(), 0, 1.7e9, EVE).data, "folder of another signer"),
    "unsigned": ("signed", lambda data: make_pack(history(), 0, 1.7e9, None).data, "folder of another signer"),
    "another pack": ("signed", lambda data: make_pack(many_calls(3), 0, 1.7e9, ANA).data, "name of another pack"),
    "cut short": ("unsigned", lambda data: data[:-1], "not what was signed"),
    "something else": ("unsigned", lambda data: b"x" * 1_000, "no pack in format 1"),
    "an index": ("index", lambda data: data[:-1] + b"x", "digest of its name"),
    "a value": ("value", lambda data: b"other bytes", "digest of its name"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_reader_names_what_is_damaged_and_lists_the_rest(damage: str, tmp_path: Path):
    which, spoil, told = DAMAGES[damage]
    damaged = bucket(tmp_path)[which]
    damaged.write_bytes(spoil(damaged.read_bytes()))
    done = read(tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"damaged: {damaged.relative_to(tmp_path)}: " in done.stderr
    assert told in done.stderr
    assert len(done.stdout.splitlines()) == 13 - {"signed": 4, "unsigned": 9}.get(which, 0)


def test_the_reader_looks_at_every_hash_in_a_pack_that_is_signed(tmp_path: Path):
    """Who signs may still have damaged records: each kind of them is named."""
    made = history()
    wrong = digest_bytes(b"wrong")
    value = replace(made.values[0], data=b"9")
    key = replace(made.keys[0], arguments=made.keys[1].arguments)
    task = replace(made.tasks[0], fullname="sample.other")
    tasks = replace(made.task_sets[0], tasks=made.task_sets[1].tasks)
    call = replace(made.calls[0], call=replace(made.calls[0].call, call_hash=wrong))
    for records, told in (
        (replace(made, values=[value, *made.values[1:]]), f"value {value.hash.hex()}"),
        (replace(made, tasks=[task, *made.tasks[1:]]), f"task {task.hash.hex()}"),
        (replace(made, keys=[key, *made.keys[1:]]), f"arguments of {key.eval_hash.hex()}"),
        (replace(made, task_sets=[tasks, *made.task_sets[1:]]), f"task set {tasks.hash.hex()}"),
        (replace(made, calls=[call, *made.calls[1:]], jobs=[]), f"call {wrong.hex()}"),
    ):
        bent = make_pack(records, 0, 1.7e9, ANA)
        folder = tmp_path / told[:6].replace(" ", "")
        (folder / bent.name.path).parent.mkdir(parents=True)
        (folder / bent.name.path).write_bytes(bent.data)
        (folder / layout.STORE).write_bytes(about_store())
        assert told in read(folder).stderr
