"""Arrow: canonical Arrow data as an IPC stream, its buffers not copied, and mapped again on the way back.

Chunks, slices, what nulls hide, and the versions of a table's writers are not content.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from redux.serializers import wire
from redux.serializers.arrow import canonical_table
from redux.serializers.arrow_stream import refuse_compressed, refuse_unknown_types, see_that_it_is_sound
from redux.serializers.encoded import SPLIT_SIZE, Encoded, type_name_of
from redux.serializers.foreign import CAUTION
from redux.serializers.packing import PACK_ATOM
from redux.serializers.registry import Format, load_home, registry
from redux.serializers.trouble import CannotDecode
from redux_valuestore.digest import digest_chunks

_COLUMN = "value"


class _Chunks:
    """A file that keeps what is written to it as it is."""

    closed = False

    def __init__(self) -> None:
        self.views: list[memoryview] = []

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if view.nbytes:
            self.views.append(view)
        return view.nbytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""


def encode_table(value: object, kind: str, table: pa.Table, note: object = None) -> Encoded:
    """The encoding of a value of some kind that this table, with the note, is all of."""
    canonical = canonical_table(table)
    sink = _Chunks()
    options = pa.ipc.IpcWriteOptions(compression=None, emit_dictionary_deltas=False, unify_dictionaries=False)
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), canonical.schema, options=options) as writer:
        if canonical.num_rows:
            writer.write_table(canonical)
    original = None if canonical.schema.equals(table.schema) else _layout(table.schema)
    header = wire.padded(wire.TABLE + PACK_ATOM([kind, canonical.num_rows, original, note]))
    chunks: tuple[bytes | memoryview, ...] = (header, *sink.views)
    size = sum(memoryview(chunk).nbytes for chunk in chunks)
    if size < SPLIT_SIZE:
        chunks = (b"".join(chunks),)
    return Encoded(digest_chunks(chunks), chunks, size, type_name_of(value))


def _layout(schema: pa.Schema) -> bytes | None:
    """The schema to cast back to, where views of strings became plain strings."""
    if not any("view" in str(field.type) for field in schema):
        return None
    return schema.remove_metadata().serialize().to_pybytes()


def register_table(kind: str, build: Callable[[pa.Table, Any], object]) -> None:
    """Say how a value of some kind is built from its table and note."""
    _BUILD[kind] = build


def decode_table(data: memoryview) -> object:
    """The value over these bytes, which it keeps alive. Raises CannotDecode."""
    (kind, rows, original, note), content = wire.split_header(data, wire.TABLE)
    build = _BUILD.get(kind)
    if build is None and load_home(kind):
        build = _BUILD.get(kind)
    if build is None:
        raise CannotDecode(f"tables of kind {kind!r} are unknown to this redux; upgrade it")
    refuse_compressed(content)
    foreign = CAUTION.get() is not None
    if foreign:
        refuse_unknown_types(content)
    with pa.ipc.open_stream(pa.py_buffer(content)) as reader:
        table = reader.read_all()
    if foreign:
        see_that_it_is_sound(table, content.nbytes)
    if original is not None:
        table = table.cast(_views_again(table.schema, pa.ipc.read_schema(pa.py_buffer(original))))
    if table.num_rows != rows:
        raise CannotDecode(f"a table of {rows} rows came back with {table.num_rows}; run its call again")
    return build(table, note)


def _views_again(schema: pa.Schema, target: pa.Schema) -> pa.Schema:
    """The schema to cast to. Raises CannotDecode where that is more than views of strings in the place of strings."""
    for field, wanted in zip(schema, target, strict=True):
        if field.type != wanted.type and ("view" not in str(wanted.type) or pa.types.is_null(field.type)):
            raise CannotDecode(f"a column of {field.type} cannot have been one of {wanted.type}; run its call again")
    return target.with_metadata(schema.metadata)


# -- Arrow -----------------------------------------------------------------------------------------


def _single(array: Any) -> pa.Table:
    return pa.Table.from_arrays([array], [_COLUMN])


def encode_chunked(array: pa.ChunkedArray) -> Encoded:
    """The encoding of a chunked array; how it is cut into chunks is not content."""
    return encode_table(array, "pyarrow.ChunkedArray", _single(array))


def _encode_array(array: pa.Array) -> Encoded:
    return encode_table(array, "pyarrow.Array", _single(array))


def _build_array(table: pa.Table, note: object) -> Any:
    column: Any = table.column(0)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _build_batch(table: pa.Table, note: object) -> pa.RecordBatch:
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _kinds_below(kind: type) -> set[type]:
    return {kind}.union(*map(_kinds_below, kind.__subclasses__()))


_BUILD: dict[str, Callable[[pa.Table, Any], object]] = {
    "pyarrow.Table": lambda table, note: table,
    "pyarrow.RecordBatch": _build_batch,
    "pyarrow.ChunkedArray": lambda table, note: table.column(0),
    "pyarrow.Array": _build_array,
}


def _register() -> None:
    code = wire.Code.TABLE
    registry.add_format(Format(pa.Table, code, lambda table: encode_table(table, "pyarrow.Table", table)))
    registry.add_format(
        Format(
            pa.RecordBatch,
            code,
            lambda batch: encode_table(batch, "pyarrow.RecordBatch", pa.Table.from_batches([batch])),
        )
    )
    registry.add_format(Format(pa.ChunkedArray, code, encode_chunked))
    for kind in _kinds_below(pa.Array):
        registry.add_format(Format(kind, code, _encode_array))


_register()
