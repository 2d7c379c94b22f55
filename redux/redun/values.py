"""Redun's values: their bytes as they are, behind a header of ours, with what is known of them without reading them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from redux.files.facts import FOLDER, GLOB, file_text
from redux.redun.handles import versions_of
from redux.redun.ids import kept_hash
from redux.redun.order import Kind, take_all
from redux.redun.pickles import Made, NotRead, read_pickle
from redux.redun.showing import show_pickle
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking, gone_value, hash_tag
from redux.serializers.redun_values import redun_header
from redux_backends.exchange import Records
from redux_backends.records import FileFact, HandleVersion, Tag, TaskFact, Traits, ValueRecord
from redux_valuestore.digest import Digest, digest_chunks
from redux_valuestore.frozen import frozen

ERROR = "redun.ErrorValue"
_EXPRESSION = b"redun.expression"
_BYTES_AT_ONCE = 16 << 20
_ROWS_AT_ONCE = 1_000
_COLUMNS = "SELECT value_hash, type, format, length(value) FROM value"
_BYTES = f"SELECT value_hash, value FROM value WHERE value_hash {AMONG} AND length(value) > 0"
_SIMPLE = f"{_COLUMNS} WHERE value_hash NOT IN (SELECT parent_value_hash FROM subvalue)"
_HOLDING = f"{_COLUMNS} WHERE value_hash IN (SELECT parent_value_hash FROM subvalue)"
_PARTS = f"""
SELECT s.parent_value_hash, s.value_hash, f.path FROM subvalue s LEFT JOIN file f ON f.value_hash = s.value_hash
WHERE s.parent_value_hash {AMONG}
"""
_FILES = f"SELECT value_hash, path FROM file WHERE value_hash {AMONG}"
_TASKS = f"SELECT hash, name, namespace FROM task WHERE hash {AMONG}"


@frozen
class _Value:
    """A value as redun has it; `data` is None where its bytes are nowhere."""

    key: str
    names: frozenset[str]
    """the values in it"""
    type_name: str
    format: str
    data: bytes | None
    files: tuple[FileFact, ...]
    task: TaskFact | None
    handle: HandleVersion | None


def take_values(taking: Taking) -> None:
    """Record all values; those with parts after these."""
    some = f"{_COLUMNS} WHERE value_hash {AMONG}"
    kind = Kind("values", "value", [_SIMPLE, _HOLDING], some, _enriched, _record, _paged)
    take_all(taking, kind, taking.book.values)


def _paged(taking: Taking, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows with what a file has of them, by the number and by the bytes that are held at once."""
    page: list[Row] = []
    held = 0
    for hash, type_name, format, size in rows:
        in_file = taking.files.read(hash) if size == 0 else None
        page.append((hash, type_name, format, in_file))
        held += size or len(in_file or b"")
        if len(page) >= _ROWS_AT_ONCE or held >= _BYTES_AT_ONCE:
            yield page
            page, held = [], 0
    if page:
        yield page


def _enriched(taking: Taking, rows: Sequence[Row]) -> list[_Value]:
    """Rows with their bytes, and with what other tables say of these values."""
    hashes = [row[0] for row in rows]
    kept = {hash: bytes(data) for hash, data in taking.source.read(_BYTES, hashes)}
    files: defaultdict[str, list[FileFact]] = defaultdict(list)
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for hash, path in taking.source.read(_FILES, hashes):
        files[hash].append(FileFact(file_text(path), kept_hash(hash)))
    for hash, part, path in taking.source.read(_PARTS, hashes):
        parts[hash].add(part)
        if path is not None:
            files[hash].append(FileFact(file_text(path), kept_hash(part)))
    tasks = _task_facts(taking, hashes)
    handles = versions_of(taking, hashes)
    values: list[_Value] = []
    for hash, type_name, format, in_file in rows:
        data = kept.get(hash) or in_file or None
        held = tuple(sorted(files[hash], key=lambda fact: fact.path)) or _folder(hash, type_name, data)
        names = frozenset(parts[hash])
        values.append(_Value(hash, names, type_name, format, data, held, tasks.get(hash), handles.get(hash)))
    return values


def _task_facts(taking: Taking, hashes: Sequence[str]) -> Mapping[str, TaskFact]:
    rows = [(hash, f"{space}.{name}" if space else name) for hash, name, space in taking.source.read(_TASKS, hashes)]
    known = taking.book.tasks.find([hash for hash, _ in rows])
    return {hash: TaskFact(name, Digest(known[hash])) for hash, name in rows if hash in known}


def _folder(hash: str, type_name: str, data: bytes | None) -> tuple[FileFact, ...]:
    """The fact of a folder or pattern, which redun has no table for."""
    form = {"redun.Dir": (FOLDER, "path"), "redun.FileSet": (GLOB, "pattern")}.get(type_name)
    if form is None or not data:
        return ()
    try:
        said = read_pickle(data)
    except NotRead:
        return ()
    path = said.get(form[1]) if isinstance(said, Made) else None
    return (FileFact(form[0] + path, kept_hash(hash)),) if isinstance(path, str) else ()


# -- records -----------------------------------------------------------------------------------------


def _record(taking: Taking, values: Sequence[_Value]) -> None:
    parts = taking.book.values.find({name for value in values for name in value.names})
    ours: dict[str, bytes] = dict(parts)
    kept: list[ValueRecord] = []
    gone: list[ValueRecord] = []
    tags: list[Tag] = []
    for value in values:
        if value.data is None:
            record = gone_value(value.key, value.type_name, value.format)
            gone.append(record)
        else:
            record = _keep(taking, value, value.data, ours)
            kept.append(record)
        ours[value.key] = record.hash
        tags.append(hash_tag("value", record.hash, value.key))
    taking.counts.missing += len(gone)
    taking.put(Records(values=[*gone, *kept], gone=frozenset(value.hash for value in gone), tags=tags))
    taking.book.values.add((value.key, ours[value.key]) for value in values)


def _keep(taking: Taking, value: _Value, data: bytes, ours: Mapping[str, bytes]) -> ValueRecord:
    """The record of a value, whose bytes are in the store by then if they are many."""
    chunks = (redun_header(value.key, value.type_name, value.format), data)
    digest, size = digest_chunks(chunks), sum(map(len, chunks))
    inline = b"".join(chunks) if size <= taking.repo.inline_limit else None
    if inline is None and not taking.repo.store.has(digest):
        taking.repo.store.put(digest, chunks)
    parts = tuple(Digest(ours[name]) for name in sorted(value.names) if name in ours)
    return ValueRecord(
        digest,
        value.type_name,
        size,
        inline,
        show_pickle(data, value.type_name, len(data)),
        _traits(value, data, bool(parts)),
        value.files,
        parts,
        (value.task,) if value.task is not None else (),
        (value.handle,) if value.handle is not None else (),
    )


def _traits(value: _Value, data: bytes, has_parts: bool) -> Traits:
    traits = Traits.TRUST
    traits |= Traits.ERROR if value.type_name == ERROR else Traits.PLAIN
    traits |= Traits.EXPRESSIONS if _EXPRESSION in data else Traits.PLAIN
    traits |= Traits.FILES if value.files else Traits.PLAIN
    traits |= Traits.SUBVALUES if has_parts else Traits.PLAIN
    traits |= Traits.TASKS if value.task is not None else Traits.PLAIN
    return traits | (Traits.HANDLES if value.handle is not None else Traits.PLAIN)
