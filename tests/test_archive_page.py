"""`docs/archive.md` is enough to write a reader: all fields are named, and one that knows no redux reads archives."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest

from redux.archive.format import NAME_OF, Manifest
from redux.archive.kinds import ArchivedValue
from redux.archive.saving import save
from redux.repo import Repo
from redux_backends.exchange import CallRecord, HandleRecord, RecordKind
from redux_backends.kinds import JobStatus, Outcome, Traits
from redux_backends.memory import MemoryBackend
from redux_backends.records import Evaluation, EvaluationKey, Execution, Job, Tag, TaskRecord, TaskSet
from redux_valuestore.store import MemoryStore

from .archived import record

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "archive.md").read_text(encoding="utf-8")
READER = ROOT / "examples" / "read_archive.py"

RECORDS: dict[RecordKind, type] = {
    RecordKind.HANDLE: HandleRecord,
    RecordKind.VALUE: ArchivedValue,
    RecordKind.TASK: TaskRecord,
    RecordKind.EVALUATION: EvaluationKey,
    RecordKind.RESULT: Evaluation,
    RecordKind.TASK_SET: TaskSet,
    RecordKind.CALL: CallRecord,
    RecordKind.EXECUTION: Execution,
    RecordKind.JOB: Job,
    RecordKind.TAG: Tag,
}


def fields_of(kind: type) -> list[str]:
    """The fields of a record as the page has them: those of its one large part with that before them."""
    hints = get_type_hints(kind)
    found: list[str] = []
    for each in dataclasses.fields(kind):
        inner = hints[each.name]
        if each.name in ("version", "value", "call") and dataclasses.is_dataclass(inner):
            found += [f"{each.name}.{one.name}" for one in dataclasses.fields(inner) if one.name != "data"]
        else:
            found.append(each.name)
    return found


def section(title: str) -> str:
    return PAGE.partition(f"\n{title}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("kind", list(RecordKind), ids=lambda kind: kind.name)
def test_the_page_names_every_field_in_its_order(kind: RecordKind):
    assert re.findall(r"^\| `([\w.]+)` \|", section(f"### `{NAME_OF[kind]}`"), re.MULTILINE) == fields_of(RECORDS[kind])


def test_the_page_names_the_fields_of_the_manifest_and_what_is_one_of_several():
    assert re.findall(r"^\| `(\w+)` \|", section("## The manifest"), re.MULTILINE) == fields_of(Manifest)
    for kind in (JobStatus, Outcome, Traits):
        missing = [one.name for one in kind if one.name and f"`{one.name}`" not in PAGE and one.value]
        assert missing == []


def test_a_reader_that_knows_no_redux_checks_all_and_lists_the_calls(
    tmp_path: Path, load: Callable[[Path], ModuleType]
):
    repo = Repo(MemoryBackend(), MemoryStore(), 200)
    record(repo, tmp_path / "flow", load)
    told = save(repo, str(tmp_path / "a.tar"))
    save(repo, str(tmp_path / "a.tgz"))
    plain, packed = (run(tmp_path, name) for name in ("a.tar", "a.tgz"))
    assert plain.returncode == 0, plain.stderr
    assert packed.stdout == plain.stdout
    lines = plain.stdout.splitlines()
    assert len(lines) == told.manifest.counts.calls + 1
    assert "archived.other(x=1) -> 2" in lines
    assert f"{told.manifest.counts.calls} calls" in lines[-1]
    data = bytearray((tmp_path / "a.tar").read_bytes())
    for place in range(data.index(b"values/") + 512, len(data) - 10_240, 3_001):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "changed.tar").write_bytes(changed)
        if changed[place : place + 1].strip(b"\0\1"):
            assert run(tmp_path, "changed.tar").returncode == 1, place


def run(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-I", "-X", "utf8", str(READER), name]
    return subprocess.run(words, cwd=folder, capture_output=True, encoding="utf-8", errors="surrogateescape")


def test_the_reader_is_short_and_imports_nothing_of_redux():
    text = READER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    assert re.findall(r"^\s*(?:import|from) (redux\w*)", text, re.MULTILINE) == []
